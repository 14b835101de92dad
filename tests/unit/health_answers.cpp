// The answers of agents, programs and gRPC servers, as outcomes.
#include "healthcheck/grpc_health.hpp"
#include "healthcheck/probe_agent_answer.hpp"
#include "healthcheck/probe_exec_result.hpp"
#include "healthcheck/wishes.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace pointsman {
namespace {

using enum OutcomeCode;

using Says = std::optional<bool>;

AgentAnswer agent(Says healthy, std::optional<AdminState> asks = {}, std::optional<unsigned> weight = {},
                  std::string reason = {}, std::string ignored = {}) {
    return {healthy, asks, weight, std::move(reason), std::move(ignored)};
}

TEST(AgentLine, HasWordsInAnyOrderAndCase) {
    EXPECT_EQ(parse_agent_line("up"), agent(true));
    EXPECT_EQ(parse_agent_line("75%"), agent({}, {}, 75));
    EXPECT_EQ(parse_agent_line("65535%"), agent({}, {}, 65535));
    EXPECT_EQ(parse_agent_line(" Ready, UP\t50%\r"), agent(true, AdminState::ready, 50));
    EXPECT_EQ(parse_agent_line("drain 0%"), agent({}, AdminState::drain, 0));
    EXPECT_EQ(parse_agent_line("up maxconn:30"), agent(true));
}

TEST(AgentLine, TellsDownWithItsReason) {
    for (auto const* word : {"down", "fail", "stopped"})
        EXPECT_EQ(parse_agent_line(std::string{word} + " # disk full "), agent(false, {}, {}, "disk full"))
            << word;
    EXPECT_EQ(parse_agent_line("maint#upgrade"), agent({}, AdminState::maint, {}, "upgrade"));
}

TEST(AgentLine, StrangeWordsAreReadOverAndTheFirstIsNamed) {
    EXPECT_EQ(parse_agent_line("up Hello world"), agent(true, {}, {}, {}, "Hello"));
    EXPECT_EQ(parse_agent_line("65536% 50% # busy"), agent({}, {}, 50, "busy", "65536%"));
}

TEST(AgentLine, OfWordsThatContradictEachOtherTheLastOneCounts) {
    EXPECT_EQ(parse_agent_line("up down 10% 20% drain ready"), agent(false, AdminState::ready, 20));
}

TEST(AgentLine, IsRefusedWithoutAWordOfAnAgents) {
    for (auto const* line : {"", "   ", "# only a reason", "hello", "101", "-1%", "75 %", "65536%", "%"})
        EXPECT_EQ(parse_agent_line(line), std::nullopt) << line;
}

TEST(AgentWishes, WhatIsLeftUnsaidIsAsBefore) {
    Wishes const before{AdminState::drain, 40, false};
    EXPECT_EQ(wishes_of(with_unsaid({.code = L7OK}, before)), before);
    EXPECT_EQ(wishes_of(with_unsaid({.code = L4CON}, before)), before) << "who does not answer says nothing";
    EXPECT_EQ(wishes_of(with_unsaid({.code = L7OK, .asks = AdminState::ready}, before)),
              (Wishes{AdminState::ready, 40, false}));
    EXPECT_EQ(wishes_of(with_unsaid({.code = L7OK, .weight_percent = 70}, before)),
              (Wishes{AdminState::drain, 70, false}));
    EXPECT_EQ(with_unsaid({.code = OWN}, before), Outcome{.code = OWN});
}

TEST(AgentWishes, AfterDownOnlyUpIsHealthy) {
    Wishes const unwell{.unwell = true};
    auto const silent = with_unsaid({.code = L7OK, .weight_percent = 70}, unwell);
    EXPECT_EQ(silent.code, L7STS);
    EXPECT_EQ(silent.text, "was down by its own word, and did not say up since");
    EXPECT_TRUE(wishes_of(silent).unwell);
    auto const well = with_unsaid({.code = L7OK, .healthy = true}, unwell);
    EXPECT_EQ(well.code, L7OK);
    EXPECT_FALSE(wishes_of(well).unwell);
    EXPECT_EQ(with_unsaid({.code = L4CON}, unwell).code, L4CON);
}

Outcome outcome(OutcomeCode code, unsigned status, std::string text) {
    Outcome made{code};
    made.status = status;
    made.text = std::move(text);
    return made;
}

TEST(ExecResult, PassesOnExitCodeZeroWithTheFirstLineAsText) {
    EXPECT_EQ(exec_outcome(0, "lag 3 s\nmore\n"), outcome(L7OK, 0, "lag 3 s"));
    EXPECT_EQ(exec_outcome(0, ""), outcome(L7OK, 0, ""));
}

TEST(ExecResult, SaysHowItFailed) {
    EXPECT_EQ(exec_outcome(3 << 8, "no replica\r\n"), outcome(L7STS, 3, "no replica"));
    EXPECT_EQ(exec_outcome(3 << 8, ""), outcome(L7STS, 3, "exit code 3"));
    EXPECT_EQ(exec_outcome(SIGSEGV, ""), outcome(L7STS, 0, "ended by signal 11"));
    EXPECT_EQ(exec_timeout(""), outcome(L7TOUT, 0, "killed at the deadline"));
    EXPECT_EQ(exec_outcome(1 << 8, std::string(1000, 'x')).text.size(), outcome_text_limit);
}

HealthAnswer grpc(std::string message, unsigned grpc_status = 0) {
    std::string body(5, '\0');
    body[4] = static_cast<char>(message.size());
    return {.http_status = 200, .grpc_status = grpc_status, .grpc_message = {}, .body = body + message};
}

TEST(GrpcHealth, AsksInProtobuf) {
    EXPECT_EQ(health_request(""), std::string(5, '\0'));
    EXPECT_EQ(health_request("a.B"), std::string("\0\0\0\0\x05\x0a\x03"
                                                 "a.B",
                                                 10));
    auto const lengthy = health_request(std::string(300, 's'));
    EXPECT_EQ(lengthy.substr(0, 8), std::string("\0\0\0\x01\x2f\x0a\xac\x02", 8));
}

TEST(GrpcHealth, PassesOnServingOnly) {
    EXPECT_EQ(judge_health(grpc("\x08\x01")), outcome(L7OK, 200, ""));
    EXPECT_EQ(judge_health(grpc("\x08\x02")), outcome(L7STS, 200, "NOT_SERVING"));
    EXPECT_EQ(judge_health(grpc("\x08\x03")), outcome(L7STS, 200, "SERVICE_UNKNOWN"));
    EXPECT_EQ(judge_health(grpc("")), outcome(L7STS, 200, "UNKNOWN"));
}

TEST(GrpcHealth, ReadsOverFieldsItDoesNotKnow) {
    EXPECT_EQ(judge_health(grpc("\x12\x03xyz\x1d"
                                "1234\x08\x01")),
              outcome(L7OK, 200, ""));
}

TEST(GrpcHealth, NamesTheStatusOfACallThatFailed) {
    auto answer = grpc("", 12);
    answer.grpc_message = "unknown service";
    EXPECT_EQ(judge_health(answer), outcome(L7STS, 200, "UNIMPLEMENTED: unknown service"));
    EXPECT_EQ(judge_health(grpc("", 5)), outcome(L7STS, 200, "NOT_FOUND"));
    EXPECT_EQ(judge_health(grpc("", 99)), outcome(L7STS, 200, "gRPC status out of range"));
}

TEST(GrpcHealth, RejectsWhatIsNoAnswer) {
    auto const broken = outcome(L7RSP, 200, "no HealthCheckResponse in the answer");
    EXPECT_EQ(judge_health(grpc("\x08")), broken);
    EXPECT_EQ(judge_health(grpc("\x08\x07")), broken);
    EXPECT_EQ(judge_health(grpc("\x12\x7fxyz")), broken);
    HealthAnswer cut = grpc("\x08\x01");
    cut.body.pop_back();
    EXPECT_EQ(judge_health(cut), broken);
    HealthAnswer compressed = grpc("\x08\x01");
    compressed.body[0] = 1;
    EXPECT_EQ(judge_health(compressed), broken);
    EXPECT_EQ(judge_health({.http_status = 200, .grpc_status = {}, .grpc_message = {}, .body = {}}),
              outcome(L7RSP, 200, "no grpc-status in the answer"));
    EXPECT_EQ(judge_health({.http_status = 404, .grpc_status = {}, .grpc_message = {}, .body = {}}),
              outcome(L7STS, 404, "no answer of a gRPC server"));
}

} // namespace
} // namespace pointsman
