#include "tests/datapath/scene.hpp"

/// Numbers that are given out again: a backend, a service or an interface never inherits what belonged to
/// another.

namespace pointsman::test {
namespace {

class Identity : public BothHooks {
protected:
    [[nodiscard]] BackendId id_of(unsigned number) {
        auto const* found = scene().generation.find(BackendKey{"web", "b" + std::to_string(number)});
        return found ? found->id : BackendId::none;
    }
    void expect_cut(Flow const& flow) {
        EXPECT_EQ(scene().send(flow.from_client(ack)).verdict, std::uint32_t{PM_FORWARD_RESET});
    }
};

TEST_P(Identity, AReusedBackendIdInheritsNoSession) {
    auto const flow = scene().establish_at(2);
    auto const id = id_of(2);
    world().remove_backend("web", 2);
    scene().publish();
    world().add_backend(world().service("web"), 4);
    scene().publish();
    ASSERT_EQ(id_of(4), id);
    expect_cut(flow);
}

TEST_P(Identity, AnIdThatChangesHandsInOneGenerationInheritsNoSession) {
    auto const flow = scene().establish_at(2);
    auto const id = id_of(2);
    world().remove_backend("web", 2);
    world().add_backend(world().service("web"), 4);
    scene().publish();
    ASSERT_EQ(id_of(4), id);
    expect_cut(flow);
}

TEST_P(Identity, ABackendThatMovedToAnotherPortInheritsNoSession) {
    auto const flow = scene().establish_at(2);
    for (auto& backend : world().service("web").backends)
        if (backend.name == "b2") backend.port = 9999;
    scene().publish();
    expect_cut(flow);
}

TEST_P(Identity, AServiceThatMovedToAnotherAddressInheritsNoSession) {
    auto const flow = scene().establish_at(2);
    world().service("web").address = Address::v4(0xc0'00'02'14);
    scene().publish();
    EXPECT_NE(scene().send(flow.from_backend(ack)).verdict, std::uint32_t{PM_FORWARD_TO_CLIENT});
}

TEST_P(Identity, ARemovedBackendsFlowsMeetOnDown) {
    auto const flow = scene().establish_at(2);
    world().remove_backend("web", 2);
    scene().publish();
    expect_cut(flow);
}

TEST_P(Identity, ABackendThatReturnsInheritsNoSession) {
    auto const flow = scene().establish_at(2);
    world().remove_backend("web", 2);
    scene().publish();
    world().add_backend(world().service("web"), 2);
    scene().publish();
    expect_cut(flow);
}

TEST_P(Identity, APacketFromAnUnknownInterfaceOpensNoFlowThatAnotherCouldGetTheReplyOf) {
    for (auto const client_port : {std::uint16_t{1234}, std::uint16_t{1235}}) { // once with each half active
        world().network.links = {{64, client_side_mac}};                        // takes slot 0 of its half
        scene().publish();
        world().network.links = {};
        scene().publish();
        EXPECT_EQ(scene().send(client_packet(client_port)).verdict, std::uint32_t{PM_PASS_OTHER_HOST});
        EXPECT_TRUE(sessions_in(scene().datapath.tables().active_sessions()).empty());
        scene().publish();
    }
}

TEST_P(Identity, ARemovedServicesFlowsAreNotOurs) {
    auto const flow = scene().establish_at(2);
    world().desired.services.clear();
    scene().publish();
    EXPECT_EQ(scene().send(flow.from_client(ack)).verdict, std::uint32_t{PM_PASS_NOT_OURS});
}

POINTSMAN_BOTH_HOOKS(Identity);

} // namespace
} // namespace pointsman::test
