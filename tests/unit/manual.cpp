// The manual as the commands quote it.
#include "controller/app/manual.hpp"
#include "controller/app/drops.hpp"
#include "controller/datapath/verdicts.hpp"

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

namespace pointsman {
namespace {

constexpr std::string_view page = R"(# Things

### drop_it

The first paragraph, which
goes on.

*Normal*: 0. *Remedy*: the
command `x *y*`.

Another one.

### drop_that

Alone.

## Words

| word | in | meaning |
|---|---|---|
| `a`, `b` | here | **both** |
| `c` | there | third |

## More

| `d` | elsewhere | no word of the table above |
)";

TEST(Manual, ASectionIsItsMeaningAndItsRemedies) {
    EXPECT_EQ(section_of(page, "drop_it"),
              (ManualEntry{"The first paragraph, which goes on.",
                           {"Normal: 0. Remedy: the command `x y`.", "Another one."}}));
    EXPECT_EQ(section_of(page, "drop_that"), (ManualEntry{"Alone.", {}}));
    EXPECT_EQ(section_of(page, "drop"), std::nullopt);
    EXPECT_EQ(section_of(page, "drop_none"), std::nullopt);
}

TEST(Manual, ATableIsItsRowsWithoutTheHead) {
    using Rows = std::vector<std::vector<std::string>>;
    EXPECT_EQ(table_of(page, "Words"), (Rows{{"`a`, `b`", "here", "both"}, {"`c`", "there", "third"}}));
    EXPECT_EQ(table_of(page, "Nothing"), Rows{});
}

TEST(Manual, SaysOfEveryVerdictWhatItMeansAndWhatToDo) {
    for (auto const& [number, name] : verdict_names()) {
        auto const entry = explain_verdict(name);
        ASSERT_TRUE(entry.has_value()) << name;
        EXPECT_FALSE(entry->meaning.empty()) << name;
        EXPECT_FALSE(entry->remedy.empty()) << name << " has no second paragraph";
    }
}

TEST(Manual, ExplainsTheWordsOfTheAuditTrail) {
    EXPECT_EQ(explain_because("l4_refused"), "health: ECONNREFUSED: the host lives, the process does not");
    EXPECT_EQ(explain_because("l7_ok"), "health: connected; answered as expected");
    EXPECT_EQ(explain_because("l7"), std::nullopt);
}

TEST(Drops, AddUp) {
    pm_counters counters{};
    counters.verdict[PM_FORWARD_TO_BACKEND] = 10;
    counters.verdict[PM_FORWARD_TO_CLIENT] = 8;
    counters.verdict[PM_PASS_NOT_OURS] = 5;
    counters.verdict[PM_DROP_MALFORMED] = 2;
    counters.verdict[PM_DROP_SESSIONS_FULL] = 1;
    counters.received = 26;
    auto const json = drops_json({{"eth0", counters}, {other_interfaces, {}}});
    EXPECT_EQ(json.at("schema"), "pointsman.drops/1");
    EXPECT_EQ(json.at("received").to_number<int>(), 26);
    EXPECT_EQ(json.at("forwarded").to_number<int>(), 18);
    EXPECT_EQ(json.at("passed").to_number<int>(), 5);
    EXPECT_EQ(json.at("dropped").to_number<int>(), 3);
    EXPECT_EQ(json.at("unaccounted").to_number<int>(), 0);
    EXPECT_EQ(json.at("verdicts").as_array().size(), verdict_names().size());
    EXPECT_EQ(json.at("interfaces").at(0).at("name"), "eth0");
    EXPECT_EQ(json.at("interfaces").at(0).at("dropped").to_number<int>(), 3);
    EXPECT_EQ(json.at("interfaces").at(1).at("received").to_number<int>(), 0);
    counters.received = 30;
    EXPECT_EQ(verdicts_json(counters).at("unaccounted").to_number<int>(), 4);
}

} // namespace
} // namespace pointsman
