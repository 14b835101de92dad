// Replay of an audit trail, record by record.
#include "controller/app/replay.hpp"

#include "controller/config/parse.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace json = boost::json;

namespace pointsman {
namespace {

using Result = Replayed::Result;

std::string minimal_config() {
    std::ifstream file{POINTSMAN_SOURCE_DIR "/conf/minimal.toml"};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

class ReplayTest : public testing::Test {
protected:
    Replayed take(std::string const& kind, std::string const& fields = "{}") {
        json::object record{{"schema", "pointsman.audit/1"},
                            {"seq", seq++},
                            {"version", POINTSMAN_VERSION},
                            {"mono_ns", mono_ns += 1000},
                            {"kind", kind}};
        auto const more = json::parse(fields);
        for (auto const& field : more.as_object())
            record.insert_or_assign(field.key(), field.value());
        return replay.take(record);
    }

    Replayed start(std::string text = minimal_config()) {
        json::object const config{{"file", "/etc/p.toml"}, {"hash", config_hash(text)}, {"text", text}};
        return take("start", json::serialize(json::object{{"tables", "fresh"}, {"config", config}}));
    }

    /// Of b1, not published yet.
    Replayed check(std::string const& row, std::string const& outcomes, std::string const& now,
                   std::string const& because) {
        json::array evidence;
        std::istringstream words{outcomes};
        for (std::string word; words >> word;)
            evidence.push_back(
                json::object{{"mono_ns", mono_ns}, {"outcome", word}, {"errno", word == "L4CON" ? 111 : 0}});
        return take("check", R"({"service":"web","backend":"b1","check":"http","via":"direct","row_from":)" +
                                 row + R"(,"now":")" + now + R"(","because":")" + because +
                                 R"(","evidence":)" + json::serialize(evidence) + "}");
    }

    Replay replay;
    std::uint64_t seq = 1;
    std::uint64_t mono_ns = 1'000'000'000;
};

TEST_F(ReplayTest, AVerdictIsMadeAgainFromItsProbes) {
    EXPECT_EQ(start().problem, "");
    EXPECT_EQ(check(R"({"state":"unknown"})", "L7OK", "up", "l7_ok").result, Result::same);
    EXPECT_EQ(check(R"({"state":"up"})", "L4CON L4CON L4CON", "down", "l4_refused").result, Result::same);
    EXPECT_EQ(check(R"({"state":"down","passed":1})", "L7OK", "up", "l7_ok").result, Result::same);
}

TEST_F(ReplayTest, AVerdictThatItsProbesDoNotCarryDiffers) {
    (void)start();
    (void)check(R"({"state":"unknown"})", "L7OK", "up", "l7_ok");
    auto const again = check(R"({"state":"up"})", "L4CON L4CON", "down", "l4_refused");
    EXPECT_EQ(again.result, Result::differs);
    EXPECT_EQ(again.differences,
              (std::vector{Difference{"verdict", "after 2 probes", "none, stays up, 2 failed in a row"}}));
    EXPECT_EQ(again.grounds, "check http (rise 2, fall 3), up, then L4CON L4CON");
}

TEST_F(ReplayTest, TheFirstPublishIsPlannedAgainFromConfigurationAndNetwork) {
    (void)start();
    auto const other = take("publish", R"({"planned_mono_ns":1000000000,"changes":[],
                                           "generation":{"from":0,"to":1,"slots_moved":0}})");
    ASSERT_EQ(other.result, Result::differs);
    json::array changes;
    for (auto const& difference : other.differences)
        if (difference.what == "changes") changes.push_back(json::parse(difference.core));
    EXPECT_EQ(changes.size(), 3U) << "a service and two backends";

    replay = {};
    seq = 1;
    (void)start();
    auto const same =
        take("publish", R"({"planned_mono_ns":1000000000,"generation":{"from":0,"to":1,"slots_moved":0},)"
                        R"("changes":)" +
                            json::serialize(changes) + "}");
    EXPECT_EQ(same.result, Result::same);
}

TEST_F(ReplayTest, AnAgentsWeightIsTakenFromItsRecordAndPlannedAgain) {
    (void)start();
    (void)check(R"({"state":"unknown"})", "L7OK", "up", "l7_ok");
    auto const agent = [this](std::string const& was, unsigned percent, unsigned lowest) {
        return take("agent",
                    R"({"service":"web","backend":"b1","check":"http","because":"agent_weight","was":")" +
                        was + R"(","now":")" + std::to_string(percent) + R"( %","percent":)" +
                        std::to_string(percent) + R"(,"lowest":)" + std::to_string(lowest) + "}");
    };
    EXPECT_EQ(agent("100 %", 50, 50).result, Result::same);
    EXPECT_EQ(agent("50 %", 20, 20).result, Result::same);
    auto const other = agent("50 %", 30, 40);
    EXPECT_EQ(other.differences,
              (std::vector{Difference{"was", "50 %", "20 %"}, Difference{"lowest", "40", "30"}}));
    auto const planned = take("publish", R"({"planned_mono_ns":1000005500,"changes":[],
                                             "generation":{"from":0,"to":1,"slots_moved":0}})");
    EXPECT_NE(planned.grounds.find("30 % of it by its agent"), std::string::npos) << planned.grounds;
    EXPECT_EQ(take("agent", R"({"service":"web","backend":"b1","check":"http","percent":65536})").problem,
              "the field `percent` is no number from 0 to 65535");
}

TEST_F(ReplayTest, WithoutItsBeginningATrailIsUndecidedUntilTheNextStart) {
    seq = 7;
    auto const first = take("heartbeat");
    EXPECT_EQ(first.problem,
              "the trail begins in the middle, at record 7: nothing before the next start can be decided; "
              "name the files that were rotated before this one first");
    EXPECT_TRUE(first.harmless);
    EXPECT_EQ(take("publish").result, Result::undecided);
    EXPECT_EQ(start().problem, "");
    EXPECT_EQ(check(R"({"state":"unknown"})", "L7OK", "up", "l7_ok").result, Result::same);
}

TEST_F(ReplayTest, AfterAGapNothingIsDecidedUntilTheNextStart) {
    (void)start();
    ++seq;
    auto const after = check(R"({"state":"unknown"})", "L7OK", "up", "l7_ok");
    EXPECT_EQ(after.result, Result::undecided);
    EXPECT_EQ(after.problem,
              "records are missing between 1 and 3: name every rotated file; or lines were removed");
    EXPECT_FALSE(after.harmless);
    (void)start();
    EXPECT_EQ(check(R"({"state":"unknown"})", "L7OK", "up", "l7_ok").result, Result::same);
}

TEST_F(ReplayTest, SaysHowManyRecordsTheDiskRefused) {
    (void)start();
    EXPECT_EQ(take("lost", R"({"records":1})").problem, "the disk refused 1 record before this one");
    EXPECT_EQ(take("lost", R"({"records":2})").problem, "the disk refused 2 records before this one");
}

TEST_F(ReplayTest, ARecordOfAnotherFormNamesTheField) {
    (void)start();
    EXPECT_EQ(check(R"({"state":"asleep"})", "L7OK", "up", "l7_ok").problem,
              R"(the field `row_from.state` has the unknown word "asleep")");
    (void)start();
    EXPECT_EQ(check("3", "L7OK", "up", "l7_ok").problem, "the field `row_from` is no object");
    (void)start();
    EXPECT_EQ(take("publish").problem, "the field `planned_mono_ns` is missing");
    (void)start();
    EXPECT_EQ(take("publish", R"({"planned_mono_ns":-1})").problem,
              "the field `planned_mono_ns` is no number from 0 to 3162240000000000000");
    EXPECT_EQ(take("publish").result, Result::undecided);
}

TEST_F(ReplayTest, NoRecordThatIsCutAnywhereEndsTheReplay) {
    std::string const whole =
        R"({"service":"web","backend":"b1","because":"weight","now":"7","was":"1","order":"drain",)"
        R"("row_from":{"state":"up"},"evidence":[{"mono_ns":1,"outcome":"L7OK","asks":"drain"}],)"
        R"("percent":50,"check":"http","ruled_by":"held","state":{"services":[]},"config":{"hash":"0"},"result":"applied",)"
        R"("routes":{"10.0.0.1":{"next_hop":{}}},"unanswered":["web/b1"],"changes":[]})";
    auto const record = json::parse(whole).as_object();
    for (auto const* kind : {"start", "resume", "reload", "network", "admin", "passive", "agent", "health",
                             "check", "publish", "panic", "announce", "lost", "other"})
        for (auto const& field : record)
            for (auto const& odd : {json::value{}, json::value{-1}, json::value{"x"},
                                    json::value(json::array{}), json::value(json::object{})}) {
                (void)start();
                auto changed = record;
                changed[field.key()] = odd;
                (void)take(kind, json::serialize(changed));
            }
    SUCCEED();
}

TEST_F(ReplayTest, AnotherConfigurationJudgesTheSameEvidence) {
    auto text = minimal_config();
    replay = Replay{*parse_config(text + "\n[health]\nfall = 2\n", "other.toml").state};
    (void)start();
    (void)check(R"({"state":"unknown"})", "L7OK", "up", "l7_ok");
    auto const again = check(R"({"state":"up"})", "L4CON L4CON L4CON", "down", "l4_refused");
    EXPECT_EQ(again.differences,
              (std::vector{Difference{"verdict", "after 3 probes", "down after 2 probes"}}));
}

} // namespace
} // namespace pointsman
