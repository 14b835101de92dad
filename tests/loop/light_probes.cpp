// The probes that need no coroutine find what the others find, and use their sockets again.
#include "healthcheck/light_probe.hpp"
#include "tests/loop/loop_test.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <filesystem>
#include <iterator>

namespace pointsman::test {
namespace {

namespace asio = boost::asio;
using enum OutcomeCode;

std::string const good_head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

std::size_t descriptors() {
    std::filesystem::directory_iterator const open{"/proc/self/fd"};
    return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

class LightProbeTest : public LoopTest {
protected:
    Outcome light_outcome_of(ProbeTarget const& to) {
        std::optional<Outcome> found;
        LightProbe const light{all, to, [&](Outcome outcome) { found = std::move(outcome); }};
        EXPECT_FALSE(found) << "told during the constructor";
        EXPECT_TRUE(run_until([&] { return found.has_value(); }));
        if (!found) return {OWN};
        EXPECT_LE(found->steps.connected.value_or(std::chrono::microseconds{}), found->duration);
        found->duration = {};
        found->steps = {};
        return *found;
    }

    void expect_same(ProbeTarget const& to) {
        auto const by_coroutine = outcome_of(to);
        EXPECT_EQ(light_outcome_of(to), by_coroutine);
        EXPECT_EQ(light_outcome_of(to), by_coroutine) << "the second time";
    }

    LightProbes all{context.get_executor()};
};

struct Answering {
    char const* name;
    Script script;
};

class LightHttp : public LightProbeTest, public testing::WithParamInterface<Answering> {};

} // namespace

TEST_P(LightHttp, FindsWhatTheCoroutineFinds) {
    ScriptedBackend backend{context, GetParam().script};
    auto to = target(backend.port(), CheckType::http, 300ms);
    to.check.own().drain_status = {{503, 503}};
    expect_same(to);
}

INSTANTIATE_TEST_SUITE_P(
    Answers, LightHttp,
    testing::Values(Answering{"Good", answers(good_head)},
                    Answering{"InPieces", dribbles("HTTP/1.1 204 No Content\r\n\r\n", 1ms)},
                    Answering{"AnotherStatus", answers("HTTP/1.1 404 Not Found\r\n\r\n")},
                    Answering{"Draining", answers("HTTP/1.1 503 Unavailable\r\n\r\n")},
                    Answering{"Interim", answers("HTTP/1.1 100 Continue\r\n\r\n" + good_head)},
                    Answering{"HugeBody", floods("HTTP/1.1 200 OK\r\n\r\n", std::string(4096, 'x'))},
                    Answering{"EndlessHead", floods("HTTP/1.1 200 OK\r\n", "a: b\r\n")},
                    Answering{"Garbage", answers("SSH-2.0-OpenSSH_9.2\r\n")},
                    Answering{"CutShort", answers("HTTP/1.1 200 OK\r\n")},
                    Answering{"Silent", keeps_silent()}, Answering{"Closing", answers("")}),
    [](auto const& tested) { return std::string{tested.param.name}; });

TEST_F(LightProbeTest, ATcpProbeFindsWhatTheCoroutineFinds) {
    ScriptedBackend backend{context, closes()};
    RefusingPort const refusing{context};
    DarkPort const dark{context};
    for (auto const port : {backend.port(), refusing.port(), dark.port()})
        expect_same(target(port, CheckType::tcp, 40ms));
    auto nowhere = target(80, CheckType::tcp);
    nowhere.address = Address::v4(0xffffffff);
    expect_same(nowhere);
}

TEST_F(LightProbeTest, EndsByResetSoThatNoTimeWaitIsLeft) {
    std::vector<boost::system::error_code> ends;
    ScriptedBackend backend{context, [&](tcp::socket socket) -> awaitable<void> {
                                std::array<char, 1024> octets;
                                boost::system::error_code end;
                                co_await asio::async_write(socket, asio::buffer(good_head),
                                                           asio::use_awaitable);
                                while (!end)
                                    co_await socket.async_read_some(
                                        asio::buffer(octets), asio::redirect_error(asio::use_awaitable, end));
                                ends.push_back(end);
                            }};
    for (std::size_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(light_outcome_of(target(backend.port(), CheckType::http)).code, L7OK);
        ASSERT_TRUE(run_until([&] { return ends.size() == i; }));
        EXPECT_EQ(ends.back(), asio::error::connection_reset);
    }
}

TEST_F(LightProbeTest, ATcpProbeIsOverBeforeTheServerHearsOfIt) {
    ScriptedBackend backend{context, answers(good_head)};
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(light_outcome_of(target(backend.port(), CheckType::tcp)), (Outcome{L4OK, {}, 0, 0, ""}));
    EXPECT_EQ(light_outcome_of(target(backend.port(), CheckType::http)).code, L7OK);
    EXPECT_EQ(backend.connections(), 1U) << "that of the http probe, which came last";
}

TEST_F(LightProbeTest, UsesOneSocketForAnyNumberOfProbesThatPass) {
    ScriptedBackend backend{context, closes()};
    ScriptedBackend web{context, answers(good_head)};
    (void)light_outcome_of(target(backend.port(), CheckType::tcp));
    auto const before = descriptors();
    for (unsigned i = 2; i <= 20; ++i)
        EXPECT_EQ(light_outcome_of(target(backend.port(), CheckType::tcp)).code, L4OK);
    EXPECT_EQ(descriptors(), before);
    EXPECT_EQ(light_outcome_of(target(web.port(), CheckType::http)).code, L7OK);
    all.rest();
    EXPECT_LT(descriptors(), before);
}

TEST_F(LightProbeTest, ACancelledProbeTellsNothing) {
    DarkPort const dark{context};
    auto const to = target(dark.port(), CheckType::tcp, 20ms);
    bool told = false;
    {
        LightProbe const light{all, to, [&](Outcome) { told = true; }};
    }
    EXPECT_EQ(light_outcome_of(to).code, L4TOUT);
    EXPECT_FALSE(told);
}

TEST_F(LightProbeTest, SuitsWhatOneExchangeDecides) {
    auto const tcp = target(80, CheckType::tcp);
    auto const http = target(80, CheckType::http);
    EXPECT_TRUE(LightProbe::suits(tcp));
    EXPECT_TRUE(LightProbe::suits(http));
    auto speaking = tcp;
    speaking.check.own().send = "PING";
    EXPECT_FALSE(LightProbe::suits(speaking));
    auto on_service_way = tcp;
    on_service_way.service = tcp.address;
    EXPECT_FALSE(LightProbe::suits(on_service_way)) << "such a socket has to be known before it connects";
    auto long_request = http;
    long_request.check.own().headers = {{"Cookie", std::string(4000, 'x')}};
    EXPECT_FALSE(LightProbe::suits(long_request)) << "a new connection may not take it at once";
    for (auto const type :
         {CheckType::https, CheckType::udp, CheckType::grpc, CheckType::exec, CheckType::agent})
        EXPECT_FALSE(LightProbe::suits(target(80, type)));
}

} // namespace pointsman::test
