#pragma once

#include "tests/datapath/way.hpp"

namespace pointsman::test {

/// The rules of one flow's session, as docs/architecture.md tells them, without tables, hashes and halves.
/// Time stands still.
class SessionModel {
public:
    SessionModel(Way const& way, OnDown on_down) : way_{way}, on_down_{on_down} {}

    [[nodiscard]] bool exists() const noexcept { return exists_; }
    [[nodiscard]] std::uint32_t state() const noexcept { return state_; }

    /// The verdict that a packet meets, after which the model is in its next state.
    [[nodiscard]] std::uint32_t on_client_packet(std::uint8_t flags);
    [[nodiscard]] std::uint32_t on_backend_packet(std::uint8_t flags);

    /// Did the last packet make a new session, perhaps with another backend?
    [[nodiscard]] bool opened() const noexcept { return opened_; }

    /// Its backend went down, and the sessions were swapped.
    void forget() noexcept { exists_ = false; }

private:
    [[nodiscard]] std::uint32_t open(std::uint32_t state);
    [[nodiscard]] std::uint32_t without_session(std::uint8_t flags);
    void follow(std::uint8_t flags, bool from_client);

    Way way_;
    OnDown on_down_;
    bool exists_ = false;
    bool opened_ = false;
    std::uint32_t state_ = 0;
};

} // namespace pointsman::test
