// The network as the audit trail tells it.
#include "controller/app/network_record.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace pointsman {
namespace {

NetworkView view() {
    NetworkView view;
    view.routes[Address::v4(0x0a4d0002)] = Route{
        NextHop{3, {2, 0, 0, 0, 0, 9}, {2, 0, 0, 0, 0, 0xff}, true, 1400, true}, Address::v4(0x0a4d0005)};
    view.routes[Address::v4(0x0a4d0003)] = Route{std::nullopt, Address::v4(0x0a4d0005)};
    view.links = {{2, {2, 0, 0, 0, 0, 1}, false}, {3, {2, 0, 0, 0, 0, 2}, true}};
    view.own = {Address::v4(0x0a4d0005), *Address::parse("fd77::5")};
    view.running_links = {2, 3};
    view.links_without_carrier = {4};
    return view;
}

TEST(NetworkRecord, HoldsTheWholeView) {
    EXPECT_EQ(with_network_json({}, network_json({}, view())), view());
}

TEST(NetworkRecord, HoldsNothingWhenNothingChanged) {
    EXPECT_TRUE(network_json(view(), view()).empty());
}

TEST(NetworkRecord, HoldsWhatChangedAndNoMore) {
    auto now = view();
    now.routes.erase(Address::v4(0x0a4d0003));
    now.routes[Address::v4(0x0a4d0002)].next_hop.reset();
    now.running_links = {2};
    auto const record = network_json(view(), now);
    EXPECT_EQ(boost::json::serialize(record),
              R"({"routes":{"10.77.0.2":{"source":"10.77.0.5"},"10.77.0.3":null},"running_links":[2]})");
    EXPECT_EQ(with_network_json(view(), record), now);
}

} // namespace
} // namespace pointsman
