#include "healthcheck/path_fault.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace pointsman {

namespace {

Service service_by(Forward forward, Address address = Address::v4(0x0a4d0064)) {
    Service service;
    service.name = "web";
    service.address = address;
    service.port_first = service.port_last = 80;
    service.forward = forward;
    return service;
}

Backend backend_at(Address address) {
    Backend backend;
    backend.name = "b1";
    backend.address = address;
    backend.port = 80;
    return backend;
}

Check check_of(CheckType type, Via via = Via::automatic) {
    Check check;
    check.type = type;
    check.via = via;
    return check;
}

Address const v4 = Address::v4(0x0a4d0002);
Address const v6 = *Address::parse("fd77::2");
Address const vip6 = *Address::parse("fd77::100");

bool on_way(Forward forward, Check const& check) {
    return takes_service_way(service_by(forward), backend_at(v4), check);
}

Outcome outcome(OutcomeCode code, int error = 0) {
    return {code, {}, error, 0, {}};
}

} // namespace

TEST(ServiceWay, IsTakenWherePacketsReachBackendsUnchanged) {
    EXPECT_TRUE(on_way(Forward::dsr, check_of(CheckType::tcp)));
    EXPECT_TRUE(on_way(Forward::ipip, check_of(CheckType::http)));
    EXPECT_TRUE(on_way(Forward::gue, check_of(CheckType::udp)));
    EXPECT_FALSE(on_way(Forward::nat, check_of(CheckType::tcp)));
    EXPECT_FALSE(on_way(Forward::nat, check_of(CheckType::tcp, Via::service)));
    EXPECT_FALSE(on_way(Forward::dsr, check_of(CheckType::exec)));
    EXPECT_FALSE(on_way(Forward::dsr, check_of(CheckType::tcp, Via::direct)));
}

TEST(ServiceWay, IsTakenToAPortOfTheChecksOwnOnlyWhenThatIsSaid) {
    auto check = check_of(CheckType::agent);
    check.port = 9000;
    EXPECT_FALSE(on_way(Forward::dsr, check));
    check.via = Via::service;
    EXPECT_TRUE(on_way(Forward::dsr, check));
    check.via = Via::automatic;
    check.port = 80; // the service's
    EXPECT_TRUE(on_way(Forward::dsr, check));
}

TEST(ServiceWay, IsNotTakenToABackendOfTheOtherFamily) {
    EXPECT_FALSE(
        takes_service_way(service_by(Forward::ipip), backend_at(v6), check_of(CheckType::tcp, Via::service)));
    EXPECT_TRUE(takes_service_way(service_by(Forward::ipip, vip6), backend_at(v6), check_of(CheckType::tcp)));
}

TEST(ServiceWay, IsSharedByNoTwoServices) {
    auto const service = service_by(Forward::dsr);
    auto other = service;
    other.name = "other";
    auto const backend = backend_at(v4);
    auto const target = target_of(service, backend, *backend.check);
    EXPECT_EQ(target.service, service.address);
    EXPECT_EQ(target.address, v4);
    EXPECT_NE(target, target_of(other, backend, *backend.check));
    EXPECT_EQ(directly(target), directly(target_of(other, backend, *backend.check)));
    EXPECT_EQ(way_of(target), "service");
    EXPECT_EQ(way_of(directly(target)), "direct");
}

TEST(PathFault, IsWhereTheDirectProbeSaysItIs) {
    EXPECT_EQ(path_fault(outcome(OutcomeCode::L7OK)), PathFault::path);
    EXPECT_EQ(path_fault(outcome(OutcomeCode::L4CON, ECONNREFUSED)), PathFault::backend);
    EXPECT_EQ(path_fault(outcome(OutcomeCode::OWN, EMFILE)), PathFault::unknown);
}

TEST(PathFault, IsToldWithWhatToLookAt) {
    auto const text = [](Service const& service, Address backend, Outcome const& failed) {
        auto const target = target_of(service, backend_at(backend), check_of(CheckType::tcp));
        return path_fault_text(service, target, failed);
    };
    auto const silent = outcome(OutcomeCode::L4TOUT);
    EXPECT_EQ(text(service_by(Forward::dsr), v4, silent),
              "web/b1: direct probe passes, path probe fails (L4TOUT): it serves at 10.77.0.2 but not at "
              "10.77.0.100; on the backend, look for 10.77.0.100 on lo, and for a firewall or rp_filter that "
              "drops packets to or answers from it");
    EXPECT_EQ(text(service_by(Forward::ipip), v4, silent),
              "web/b1: direct probe passes, path probe fails (L4TOUT): it serves at 10.77.0.2 but not at "
              "10.77.0.100; on the backend, look for 10.77.0.100 on lo, the tunnel device (ip link set tunl0 "
              "up), its rp_filter (0), and a firewall that drops IP protocol 4");
    EXPECT_EQ(
        text(service_by(Forward::gue, vip6), v6, silent),
        "web/b1: direct probe passes, path probe fails (L4TOUT): it serves at fd77::2 but not at "
        "fd77::100; on the backend, look for fd77::100 on lo, `ip fou add port 6080 gue`, and the tunnel "
        "device, its rp_filter (0), and a firewall that drops UDP port 6080");
    EXPECT_EQ(text(service_by(Forward::ipip), v4, outcome(OutcomeCode::L4CON, ECONNREFUSED)),
              "web/b1: direct probe passes, path probe fails (L4CON): it serves at 10.77.0.2 but not at "
              "10.77.0.100; its server does not listen there: bind it to 10.77.0.100 or to all addresses");
}

} // namespace pointsman
