// What `plan` says a reload would do.
#include "controller/app/plan_preview.hpp"

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

namespace pointsman {
namespace {

namespace json = boost::json;

Backend backend(std::string name, std::uint32_t last_octet) {
    Backend made;
    made.name = std::move(name);
    made.address = Address::v4(0x0a4d0000 + last_octet);
    made.port = 80;
    return made;
}

Service service(std::string name, std::vector<Backend> backends) {
    Service made;
    made.name = std::move(name);
    made.address = Address::v4(0x0a4d0064);
    made.port_first = made.port_last = made.name == "web" ? 80 : 53;
    made.backends = std::move(backends);
    return made;
}

DesiredState desired(std::vector<Service> services) {
    DesiredState made;
    made.services = std::move(services);
    return made;
}

/// A generation in which everything is up and reachable.
PreviewInput running(DesiredState const& state) {
    PreviewInput input;
    input.wanted = state;
    for (auto const& each : state.services)
        for (auto const& its : each.backends) {
            input.measured[{each.name, its.name}] = MeasuredState::up;
            input.network.routes[its.address] = {NextHop{.ifindex = 2}, Address::v4(0x0a4d0005)};
        }
    input.current = plan_next({input.wanted, input.measured, input.admin, input.network}, {}).next;
    return input;
}

std::uint32_t id_of(PreviewInput const& input, char const* name) {
    return static_cast<std::uint32_t>(input.current.find(BackendKey{"web", name})->id);
}

TEST(PlanPreview, OfTheSameConfigurationChangesNothing) {
    auto const input = running(desired({service("web", {backend("b1", 2), backend("b2", 3)})}));
    auto const found = preview_json(input, {{id_of(input, "b1"), 5}});
    EXPECT_TRUE(found.at("changes").as_array().empty());
    EXPECT_EQ(found.at("sessions_cut").to_number<int>(), 0);
    EXPECT_EQ(found.at("services").at(0).at("slots_moved").to_number<int>(), 0);
    EXPECT_TRUE(found.at("assumed_up").as_array().empty());
}

TEST(PlanPreview, ABackendThatGoesTakesItsSessionsAndItsShareOfNewFlows) {
    auto input = running(desired({service("web", {backend("b1", 2), backend("b2", 3)})}));
    input.wanted = desired({service("web", {backend("b1", 2)})});
    auto const found = preview_json(input, {{id_of(input, "b1"), 5}, {id_of(input, "b2"), 7}});
    auto const& web = found.at("services").at(0);
    EXPECT_EQ(web.at("sessions_cut").to_number<int>(), 7);
    EXPECT_NEAR(web.at("new_flows_moved_percent").to_number<double>(), 50.0, 1.0);
    EXPECT_EQ(found.at("sessions_cut").to_number<int>(), 7);
}

TEST(PlanPreview, ABackendInAnothersPlaceIsAnotherWhateverIdItGets) {
    auto input = running(desired({service("web", {backend("b1", 2)})}));
    input.wanted = desired({service("web", {backend("b9", 9)})});
    auto const preview = preview_of(input);
    EXPECT_EQ(preview.plan.next.backends[0].id, input.current.backends[0].id);
    auto const found = preview_json(input, {{id_of(input, "b1"), 3}});
    EXPECT_EQ(found.at("services").at(0).at("slots_moved").to_number<int>(), 16381);
    EXPECT_EQ(found.at("sessions_cut").to_number<int>(), 3);
}

TEST(PlanPreview, ANewBackendIsTakenToBeUpAndReachable) {
    auto input = running(desired({service("web", {backend("b1", 2)})}));
    input.wanted = desired({service("web", {backend("b1", 2), backend("b2", 3)})});
    auto const preview = preview_of(input);
    EXPECT_EQ(preview.assumed, (std::vector<BackendKey>{{"web", "b2"}}));
    EXPECT_TRUE(preview.plan.next.find(BackendKey{"web", "b2"})->eligible);
}

TEST(PlanPreview, ABackendThatIsDownStaysDown) {
    auto input = running(desired({service("web", {backend("b1", 2), backend("b2", 3)})}));
    input.measured[{"web", "b2"}] = MeasuredState::down;
    auto const preview = preview_of(input);
    EXPECT_FALSE(preview.plan.next.find(BackendKey{"web", "b2"})->eligible);
    EXPECT_TRUE(preview.assumed.empty());
}

TEST(PlanPreview, AServiceThatGoesIsNamedWithItsSessions) {
    auto input = running(desired({service("web", {backend("b1", 2)}), service("dns", {backend("d1", 4)})}));
    input.wanted = desired({service("dns", {backend("d1", 4)})});
    auto const found = preview_json(input, {{id_of(input, "b1"), 2}});
    auto const& services = found.at("services").as_array();
    ASSERT_EQ(services.size(), 2U);
    EXPECT_EQ(services[0].at("name"), "dns");
    EXPECT_EQ(services[0].at("sessions_cut").to_number<int>(), 0);
    EXPECT_EQ(services[1].at("name"), "web");
    EXPECT_EQ(services[1].at("sessions_cut").to_number<int>(), 2);
}

} // namespace
} // namespace pointsman
