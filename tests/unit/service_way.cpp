#include "controller/app/service_way.hpp"

#include <gtest/gtest.h>

namespace pointsman {

namespace {

Address const vip = Address::v4(0x0a4d0064);
Address const b1 = Address::v4(0x0a4d0002);

DesiredState desired_by(Forward forward) {
    Service service;
    service.name = "web";
    service.address = vip;
    service.forward = forward;
    Backend backend;
    backend.name = "b1";
    backend.address = b1;
    service.backends.push_back(backend);
    DesiredState desired;
    desired.services.push_back(service);
    return desired;
}

NetworkView view_with(std::uint32_t next_hop) {
    NetworkView view;
    view.routes[b1].next_hop = NextHop{.ifindex = next_hop};
    view.links = {{.ifindex = 2}};
    return view;
}

unsigned segment(Forward forward, Address service_address, Address backend_address, std::uint32_t mtu) {
    GenerationService service;
    service.address = service_address;
    service.forward = forward;
    GenerationBackend backend;
    backend.address = backend_address;
    backend.next_hop = NextHop{.ifindex = 2, .mtu = mtu};
    return segment_in_tunnel(service, backend);
}

} // namespace

TEST(ServiceWay, HasItsProgramsWherePacketsComeInAndTowardsTheBackends) {
    EXPECT_EQ(probe_interfaces(desired_by(Forward::dsr), view_with(3)), (std::set<std::uint32_t>{2, 3}));
    EXPECT_EQ(probe_interfaces(desired_by(Forward::dsr), view_with(2)), (std::set<std::uint32_t>{2}));
}

TEST(ServiceWay, HasNoProgramsWhenNoCheckWantsIt) {
    EXPECT_TRUE(probe_interfaces(desired_by(Forward::nat), view_with(3)).empty());
    EXPECT_TRUE(probe_interfaces(probed_directly(desired_by(Forward::gue)), view_with(3)).empty());
}

TEST(ServiceWay, SendsSegmentsThatFitTheTunnel) {
    auto const v6 = *Address::parse("fd77::2");
    EXPECT_EQ(segment(Forward::ipip, vip, b1, 1500), 1500U - 20 - 40);
    EXPECT_EQ(segment(Forward::gue, vip, b1, 1500), 1500U - 32 - 40);
    EXPECT_EQ(segment(Forward::ipip, v6, v6, 1500), 1500U - 40 - 60);
    EXPECT_EQ(segment(Forward::dsr, vip, b1, 1500), 0U);
    EXPECT_EQ(segment(Forward::ipip, vip, b1, 0), 0U);
}

} // namespace pointsman
