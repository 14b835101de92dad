#pragma once

#include "tests/datapath/way.hpp"

namespace pointsman::test {

/// What a backend sends, and what becomes of a refusal.
struct BackendPacket {
    std::uint8_t flags = 0;
    bool acknowledges_syn = false; ///< the sequence number of the client's SYN, and one more
    bool syn_had_data = false;
    bool has_other_choice = false; ///< a backend that takes flows and did not have this one
};

/// The rules of one flow's session, as docs/architecture.md tells them, without tables, hashes and halves.
/// Time stands still, but for what is lost.
class SessionModel {
public:
    SessionModel(Way const& way, OnDown on_down) : way_{way}, on_down_{on_down} {}

    /// Is there a session that packets in this direction find? Only NAT has one for each.
    [[nodiscard]] bool exists(pm_direction direction) const noexcept {
        return direction == PM_TO_BACKEND ? exists_ : answers_;
    }
    [[nodiscard]] std::uint32_t state() const noexcept { return state_; }

    /// The verdict that a packet meets, after which the model is in its next state.
    [[nodiscard]] std::uint32_t on_client_packet(std::uint8_t flags);
    [[nodiscard]] std::uint32_t on_backend_packet(BackendPacket const& packet);

    /// Did the last packet make a new session, perhaps with another backend?
    [[nodiscard]] bool opened() const noexcept { return opened_; }

    /// Its backend went down, and the sessions were swapped.
    void forget() noexcept { exists_ = answers_ = false; }

    /// One session of the pair gave way to another flow, long after the last packet (Scene::lose_session).
    void lose(pm_direction direction) noexcept { (direction == PM_TO_BACKEND ? exists_ : answers_) = false; }

private:
    [[nodiscard]] std::uint32_t open(std::uint32_t state);
    [[nodiscard]] std::uint32_t without_session(std::uint8_t flags);
    /// The verdict on a refusal that its client is not to hear, PM_FORWARD_TO_CLIENT for other packets.
    [[nodiscard]] std::uint32_t on_refusal(BackendPacket const& packet);
    void follow(std::uint8_t flags, bool from_client);
    void restore_pair() noexcept;

    Way way_;
    OnDown on_down_;
    bool exists_ = false;  ///< the client's session
    bool answers_ = false; ///< the backend's
    bool opened_ = false;
    std::uint32_t state_ = 0;
};

} // namespace pointsman::test
