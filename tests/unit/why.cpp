// A decided flow and a probe as JSON.
#include "controller/app/why.hpp"
#include "controller/app/probe_now.hpp"

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

namespace pointsman {
namespace {

namespace json = boost::json;

FlowQuestion const question{*Endpoint::parse("10.0.0.1:40000"), *Endpoint::parse("10.0.0.100:80"),
                            Protocol::tcp};

Generation web() {
    Generation generation;
    generation.number = 7;
    GenerationService service;
    service.id = ServiceId{3};
    service.name = "web";
    service.forward = Forward::dsr;
    generation.services.push_back(service);
    GenerationBackend backend;
    backend.id = BackendId{5};
    backend.service = service.id;
    backend.key = {"web", "b1"};
    backend.address = Address::v4(0x0a000002);
    backend.port = 8080;
    backend.measured = MeasuredState::up;
    backend.incarnation = 2;
    generation.backends.push_back(backend);
    return generation;
}

std::vector<std::string> steps_of(json::object const& why) {
    std::vector<std::string> names;
    for (auto const& step : why.at("steps").as_array())
        names.emplace_back(step.at("step").as_string());
    return names;
}

std::string text_of(json::object const& why, std::size_t step) {
    return std::string{why.at("steps").at(step).at("text").as_string()};
}

TEST(Why, ANewFlowGoesBySlot) {
    FlowDecision decision;
    decision.hash = 0xab;
    decision.sets[0] = 1;
    decision.sets[1] = 9;
    decision.service = 3;
    decision.slot = 12;
    decision.slots = 16381;
    decision.backend = 5;
    decision.verdict = PM_FORWARD_TO_BACKEND;
    auto const why = why_json(question, decision, web());
    EXPECT_EQ(steps_of(why),
              (std::vector<std::string>{"hash", "session", "service", "maglev", "backend", "verdict"}));
    EXPECT_EQ(text_of(why, 0), "flow hash 00000000000000ab: its session would be in set 1 and 9");
    EXPECT_EQ(text_of(why, 1), "no session: a new flow");
    EXPECT_EQ(text_of(why, 2), "service web, forward dsr, on_down reset");
    EXPECT_EQ(text_of(why, 3), "Maglev slot 12 of 16381");
    EXPECT_EQ(text_of(why, 4), "backend web/b1 at 10.0.0.2:8080, up, incarnation 2, next hop unresolved");
    EXPECT_EQ(why.at("backend"), "web/b1");
    EXPECT_EQ(why.at("verdict"), "forward_to_backend");
}

TEST(Why, ASessionThatHoldsNeedsNoSlot) {
    FlowDecision decision;
    decision.session = MetSession{.session = {}, .in_other_half = false, .valid = true, .idle = false};
    decision.session->session.state = PM_SESSION_ESTABLISHED;
    decision.session->session.incarnation = 2;
    decision.session->session.protocol = 6;
    decision.service = 3;
    decision.backend = 5;
    decision.verdict = PM_FORWARD_TO_BACKEND;
    auto const why = why_json(question, decision, web());
    EXPECT_EQ(steps_of(why), (std::vector<std::string>{"hash", "session", "service", "backend", "verdict"}));
    EXPECT_EQ(text_of(why, 1), "session to_backend, established, incarnation 2, valid");
    EXPECT_TRUE(why.at("steps").at(1).at("decides").as_bool());
}

TEST(Why, ASessionThatIsOverSaysWhy) {
    FlowDecision decision;
    decision.session = MetSession{.session = {}, .in_other_half = false, .valid = false, .idle = false};
    decision.service = 3;
    decision.verdict = PM_FORWARD_RESET;
    auto const why = why_json(question, decision, web());
    EXPECT_EQ(steps_of(why), (std::vector<std::string>{"hash", "session", "service", "maglev", "verdict"}));
    EXPECT_NE(text_of(why, 1).find("of an earlier incarnation"), std::string::npos);
    EXPECT_EQ(text_of(why, 3), "no backend is eligible: the table is empty");
    EXPECT_TRUE(why.at("backend").is_null());
}

TEST(Why, ABackendWithoutAPortAnswersAtTheClients) {
    auto generation = web();
    generation.backends.edit(0).address = *Address::parse("fd00::2");
    generation.backends.edit(0).port = 0;
    FlowDecision decision;
    decision.service = 3;
    decision.backend = 5;
    decision.slots = 16381;
    decision.verdict = PM_FORWARD_TO_BACKEND;
    FlowQuestion const v6{*Endpoint::parse("[2001:db8::7]:40000"), *Endpoint::parse("[2001:db8::a]:80"),
                          Protocol::tcp};
    auto const why = why_json(v6, decision, generation);
    EXPECT_EQ(why.at("from"), "[2001:db8::7]:40000");
    EXPECT_EQ(why.at("steps").at(4).at("address"), "[fd00::2]:80");
}

TEST(Why, NoServiceIsSaidByName) {
    FlowDecision decision;
    decision.verdict = PM_PASS_NOT_OURS;
    auto const why = why_json(question, decision, web());
    EXPECT_EQ(steps_of(why), (std::vector<std::string>{"hash", "session", "service", "verdict"}));
    EXPECT_EQ(text_of(why, 2), "no service at 10.0.0.100:80/tcp");
}

TEST(ProbeNow, ShowsTheStepsThatWereReached) {
    using std::chrono::microseconds;
    ProbeTarget const target{Address::v4(0x0a000002), 8080, {}};
    Outcome const refused{OutcomeCode::L4CON, microseconds{70}, 111, 0, {}, {}};
    auto const failed = probe_json({"web", "b1"}, target, refused);
    EXPECT_EQ(failed.at("steps").as_array().size(), 1U);
    EXPECT_EQ(failed.at("error"), "Connection refused");
    EXPECT_FALSE(failed.at("passed").as_bool());
    Outcome half{OutcomeCode::L7RSP, microseconds{90}, 0, 0, "\x01junk"};
    half.steps = {.connected = microseconds{40}, .sent = microseconds{50}, .first_byte = {}};
    auto const invalid = probe_json({"web", "b1"}, target, half);
    EXPECT_EQ(invalid.at("steps").as_array().size(), 3U);
    EXPECT_EQ(invalid.at("steps").at(1).at("at_us").to_number<int>(), 50);
    EXPECT_EQ(invalid.at("first_bytes"), "\\x01junk");
    EXPECT_EQ(invalid.at("target"), "10.0.0.2:8080");
}

} // namespace
} // namespace pointsman
