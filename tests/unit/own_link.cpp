// Which backends a fault of our own links cuts off.
#include "controller/plan/own_link.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

constexpr std::uint32_t eth0 = 2;
constexpr std::uint32_t eth1 = 3;

class OwnLinkTest : public testing::Test {
protected:
    void add(std::string const& name, std::uint32_t host, std::optional<std::uint32_t> link) {
        GenerationBackend backend;
        backend.key = {"web", name};
        backend.address = Address::v4(host);
        if (link) backend.next_hop = NextHop{*link, {}, {}};
        generation.backends.push_back(backend);
    }

    std::string cut_off() const {
        std::string names;
        for (auto const& key : cut_off_by_own_links(generation, view).backends)
            names += key.backend;
        return names;
    }

    Generation generation;
    NetworkView view{{}, {}, {}, {eth0, eth1}, {}};
};

} // namespace

TEST_F(OwnLinkTest, NobodyIsWhileTheLinksRun) {
    add("a", 1, eth0);
    add("b", 2, eth1);
    add("c", 3, std::nullopt);
    EXPECT_EQ(cut_off(), "");
}

TEST_F(OwnLinkTest, EverybodyBehindALinkThatIsDownOrGone) {
    add("a", 1, eth0);
    add("b", 2, eth1);
    view.running_links = {eth1};
    EXPECT_EQ(cut_off(), "a");
    EXPECT_EQ(cut_off_by_own_links(generation, view).links, std::set<std::uint32_t>{eth0});
}

TEST_F(OwnLinkTest, AMissingCarrierTowardsSeveralHostsIsOurs) {
    add("a", 1, eth0);
    add("b", 2, eth0);
    view.running_links = {eth1};
    view.links_without_carrier = {eth0};
    EXPECT_EQ(cut_off(), "ab");
}

TEST_F(OwnLinkTest, AMissingCarrierTowardsOneHostAloneMayBeThatHosts) {
    add("a", 1, eth0);
    add("b", 1, eth0);
    view.running_links = {eth1};
    view.links_without_carrier = {eth0};
    EXPECT_EQ(cut_off(), "");
}

} // namespace pointsman
