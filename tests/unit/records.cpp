// The parts of audit records, as text.
#include "controller/app/records.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <unistd.h>

namespace pointsman {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

std::string text(json::value const& value) {
    return json::serialize(value);
}

JudgedProbe probe(std::chrono::nanoseconds started, Outcome outcome) {
    return {std::chrono::steady_clock::time_point{started}, std::move(outcome)};
}

TEST(Records, NameABackendWithItsAddressAndPort) {
    GenerationBackend backend;
    backend.key = {"web", "b1"};
    backend.address = Address::v4(0x0a4d0002);
    backend.port = 8080;
    EXPECT_EQ(text(subject_json(backend)), R"({"service":"web","backend":"b1","address":"10.77.0.2:8080"})");
}

TEST(Records, AnEffectSaysHowManyAreHealthyAndWhatBecomesOfSessions) {
    EXPECT_EQ(
        text(effect_json({.healthy = 1, .total = 2, .sessions_on_backend = std::nullopt, .policy = "reset"})),
        R"({"healthy":1,"total":2,"policy":"reset"})");
    EXPECT_EQ(text(effect_json({.healthy = 0, .total = 2, .sessions_on_backend = 1234, .policy = "keep"})),
              R"({"healthy":0,"total":2,"policy":"keep","sessions_on_backend":1234})");
}

TEST(Records, EvidenceTellsOfEachProbeWhatItFound) {
    Outcome const refused{OutcomeCode::L4CON, 180us, ECONNREFUSED, 0, {}};
    Outcome const status{OutcomeCode::L7STS, 2500us, 0, 503, "HTTP/1.1 503 No\r\n\x1b[31m\xff"};
    Outcome const late{OutcomeCode::L7TOUT, 500ms, 0, 0, {}};
    EXPECT_EQ(text(evidence_json(std::vector{probe(1s, refused), probe(2s, status), probe(3s, late)})),
              R"([{"mono_ns":1000000000,"duration_us":180,"outcome":"L4CON","errno":111},)"
              R"({"mono_ns":2000000000,"duration_us":2500,"outcome":"L7STS","status":503,)"
              R"("first_bytes":"HTTP/1.1 503 No\\x0d\\x0a\\x1b[31m\\xff"},)"
              R"({"mono_ns":3000000000,"duration_us":500000,"outcome":"L7TOUT"}])");
    EXPECT_EQ(text(evidence_json({})), "[]");
}

TEST(Records, AnActorIsWhoTheSocketSaysAndTheNameOfItsProcess) {
    std::string comm;
    std::getline(std::ifstream{"/proc/self/comm"}, comm);
    EXPECT_EQ(text(actor_json({.local = true, .uid = 1000, .pid = ::getpid()})),
              R"({"uid":1000,"pid":)" + std::to_string(::getpid()) + R"(,"comm":")" + comm + "\"}");
}

TEST(Records, AnActorThatIsGoneHasNoName) {
    EXPECT_EQ(text(actor_json({.local = true, .uid = 0, .pid = 0})), R"({"uid":0,"pid":0,"comm":""})");
}

TEST(Records, ChangesNameOnlyWhatTheyAreAbout) {
    std::vector<Change> const changes{{Change::Kind::service, {"web", ""}, "absent", "10.77.0.100:80/tcp"},
                                      {Change::Kind::backend, {"web", "b1"}, "up", "down"},
                                      {Change::Kind::next_hop, {}, "links", "links"}};
    EXPECT_EQ(text(changes_json(changes)),
              R"([{"kind":"service","service":"web","was":"absent","now":"10.77.0.100:80/tcp"},)"
              R"({"kind":"backend","service":"web","backend":"b1","was":"up","now":"down"},)"
              R"({"kind":"next_hop","was":"links","now":"links"}])");
}

TEST(Records, AGenerationSaysWhatItReplacedAndWhatItTook) {
    Generation was;
    was.number = 16;
    Plan plan;
    plan.next.number = 17;
    plan.slots_moved = 8190;
    EXPECT_EQ(text(generation_json({was, plan, nullptr, {}, 320us, 1500ns})),
              R"({"from":16,"to":17,"slots_moved":8190,"prepare_us":320,"commit_us":2})");
}

} // namespace
} // namespace pointsman
