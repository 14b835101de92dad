#pragma once

#include "tests/datapath/datapath.hpp"
#include "tests/datapath/event_log.hpp"
#include "tests/datapath/world.hpp"

#include <gtest/gtest.h>

namespace pointsman::test {

/// A flow as its first packet was forwarded, and the packets that follow on it.
struct Flow {
    Packet first;     ///< as the client sent it
    Packet forwarded; ///< as it left towards the backend

    [[nodiscard]] Packet from_client(std::uint8_t flags, std::vector<std::uint8_t> payload = {}) const;
    [[nodiscard]] Packet from_backend(std::uint8_t flags, std::vector<std::uint8_t> payload = {}) const;

    /// What becomes of such a packet: only addresses, ports and MACs differ.
    [[nodiscard]] Packet at_backend(Packet sent) const;
    [[nodiscard]] Packet at_client(Packet sent) const;

    [[nodiscard]] std::uint16_t nat_port() const noexcept { return forwarded.source_port; }
    /// The number that backend_address() was given.
    [[nodiscard]] unsigned backend() const noexcept;
};

/// A client's packet to the service "web".
[[nodiscard]] Packet client_packet(std::uint16_t client_port, std::uint8_t flags = syn);
[[nodiscard]] Packet client_datagram(std::uint16_t client_port);

/// A world, the generation that packets see of it, and packets through one of the two hooks.
class Scene {
public:
    Scene(Datapath& datapath, Hook hook);

    /// Plans the world and makes it what packets see; swaps the sessions if the plan cuts some.
    Plan publish();

    /// What was changed in `generation` by hand becomes what packets see.
    void recommit();

    [[nodiscard]] Output send(Packet const& packet) { return datapath.send(hook, encode(packet)); }
    [[nodiscard]] Output send(Frame const& frame, Arrival const& arrival = {}) {
        return datapath.send(hook, frame, arrival);
    }

    /// Sends a flow's first packet. @throws std::runtime_error when it was not forwarded.
    [[nodiscard]] Flow open(Packet const& first);
    /// The same, then SYN+ACK and ACK, or one datagram back.
    [[nodiscard]] Flow establish(Packet const& first);
    /// Established flows from client port 10000 on until `backend` has one, which is returned.
    [[nodiscard]] Flow establish_at(unsigned backend);

    /// The session of a flow, in the active half.
    [[nodiscard]] std::optional<Session> session_of(Flow const& flow, pm_direction direction);
    /// Another flow got the place of this session of a pair, and the one that is left has been silent for so
    /// long that its next packet looks for it.
    void lose_session(Flow const& flow, pm_direction direction);
    [[nodiscard]] std::vector<pm_event> events() { return log_.take(); }

    Datapath& datapath;
    Hook const hook;
    World world;
    Generation generation;

private:
    struct Entry {
        pm_session_set& set;
        std::size_t way;
    };
    [[nodiscard]] std::optional<Entry> entry_of(Flow const& flow, pm_direction direction);

    EventLog log_;
};

/// Runs every test through both hooks, each with an empty session table and the service "web" up at three
/// backends.
class BothHooks : public ::testing::TestWithParam<Hook> {
protected:
    void SetUp() override;
    void TearDown() override { scene_.reset(); }

    /// Starts anew with this world.
    void begin(World world);
    [[nodiscard]] Scene& scene() { return *scene_; }
    [[nodiscard]] World& world() { return scene_->world; }

private:
    std::unique_ptr<Scene> scene_;
};

#define POINTSMAN_BOTH_HOOKS(suite)                                                                          \
    INSTANTIATE_TEST_SUITE_P(, suite, ::testing::Values(Hook::xdp, Hook::tc), [](auto const& hook) {         \
        return std::string{::pointsman::test::name_of(hook.param)};                                          \
    })

[[nodiscard]] std::string_view name_of(Hook hook) noexcept;

/// For EXPECT_PRED_FORMAT2: whole frames, every octet, checksums included.
[[nodiscard]] ::testing::AssertionResult same_frame(char const*, char const*, Frame const& actual,
                                                    Frame const& expected);

} // namespace pointsman::test
