#include "controller/model/backend_list.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pointsman {
namespace {

GenerationBackend backend(std::uint16_t service, std::uint32_t id) {
    GenerationBackend out;
    out.id = static_cast<BackendId>(id);
    out.service = ServiceId{service};
    return out;
}

/// "service:id", in the list's order.
std::string text(BackendList const& list) {
    std::string out;
    for (auto const& each : list)
        out += std::to_string(static_cast<unsigned>(each.service)) + ":" +
               std::to_string(static_cast<unsigned>(each.id)) + " ";
    return out;
}

BackendList three_services() {
    return {backend(2, 1), backend(2, 2), backend(7, 3), backend(1, 4), backend(1, 5)};
}

TEST(BackendList, IsReadAsOneListWhateverItsBlocks) {
    auto const list = three_services();
    EXPECT_EQ(text(list), "2:1 2:2 7:3 1:4 1:5 ");
    EXPECT_EQ(list.size(), 5U);
    EXPECT_EQ(list.blocks().size(), 3U);
    for (std::size_t i = 0; i < list.size(); ++i)
        EXPECT_EQ(list[i].id, static_cast<BackendId>(static_cast<unsigned>(i) + 1));
    EXPECT_EQ(text({}), "");
    EXPECT_TRUE(BackendList{}.empty());
}

TEST(BackendList, KnowsWhereAServicesBackendsStand) {
    auto const list = three_services();
    EXPECT_EQ(list.of(ServiceId{1}).size(), 2U);
    EXPECT_EQ(list.of(ServiceId{1}).front().id, BackendId{4});
    EXPECT_EQ(list.start_of(ServiceId{1}), 3U);
    EXPECT_TRUE(list.of(ServiceId{3}).empty());
    EXPECT_TRUE(list.of(ServiceId{99}).empty());
}

TEST(BackendList, ACopySharesItsBlocksUntilOneIsEdited) {
    auto const list = three_services();
    auto copy = list;
    copy.edit(1).incarnation = 9;
    EXPECT_EQ(copy[1].incarnation, 9U);
    EXPECT_EQ(list[1].incarnation, 0U);
    EXPECT_FALSE(copy.shares(0, list));
    EXPECT_TRUE(copy.shares(1, list));
    EXPECT_NE(copy, list);
    copy.edit(1).incarnation = 0;
    EXPECT_FALSE(copy.shares(0, list));
    EXPECT_EQ(copy, list) << "values are compared";
}

TEST(BackendList, GrowsByBackendsAndByBlocks) {
    BackendList list;
    list.push_back(backend(4, 1));
    list.push_back(backend(4, 2));
    list.push_back(backend(5, 3));
    list.push_back(std::make_shared<BackendList::Block>()); // of a service without any
    list.push_back(std::make_shared<BackendList::Block const>(
        2, std::make_shared<GenerationBackend const>(backend(6, 4))));
    EXPECT_EQ(text(list), "4:1 4:2 5:3 6:4 6:4 ");
    EXPECT_EQ(list.blocks().size(), 3U);
    EXPECT_EQ(list.start_of(ServiceId{6}), 3U);
}

} // namespace
} // namespace pointsman
