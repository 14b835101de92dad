#include "healthcheck/probe_way.hpp"
#include "tests/loop/loop_test.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace pointsman::test {

namespace {

using enum OutcomeCode;

/// Notes who comes and goes; sends nothing another way.
class NotingWay : public ProbeWay {
public:
    boost::system::error_code enter(ProbeTarget const&, ProbeEntry const& entry) noexcept override {
        entered = entry;
        return refusal;
    }
    void leave(ProbeTarget const&, ProbeEntry const& entry) noexcept override {
        char octet = 0;
        was_closed = ::recv(entry.fd, &octet, 1, MSG_DONTWAIT) < 0 && errno == EBADF;
        ++left;
    }

    ProbeEntry entered;
    boost::system::error_code refusal;
    bool was_closed = false;
    unsigned left = 0;
};

class ServiceWayProbe : public LoopTest {
protected:
    ServiceWayProbe() { boost::asio::use_service<ProbeWays>(context).set(&way); }

    static ProbeTarget on_way(std::uint16_t port, CheckType type = CheckType::tcp) {
        auto wanted = target(port, type);
        wanted.service = Address::v4(0x0a4d0064);
        return wanted;
    }

    NotingWay way;
};

} // namespace

TEST_F(ServiceWayProbe, EntersWithThePortThatTheBackendSeesAndLeavesAfterItsSocketIsClosed) {
    std::uint16_t seen = 0;
    Script const answer = answers("HTTP/1.1 200 OK\r\n\r\n");
    ScriptedBackend backend{context, [&seen, &answer](tcp::socket socket) {
                                seen = socket.remote_endpoint().port();
                                return answer(std::move(socket));
                            }};
    EXPECT_EQ(outcome_of(on_way(backend.port(), CheckType::http)).code, L7OK);
    EXPECT_TRUE(run_until([this] { return way.left == 1; }));
    EXPECT_EQ(seen, way.entered.own_port);
    EXPECT_NE(way.entered.cookie, 0U);
    EXPECT_TRUE(way.entered.stream);
    EXPECT_TRUE(way.was_closed);
}

TEST_F(ServiceWayProbe, ThatIsNotLetInSaysNothingAboutTheBackend) {
    ScriptedBackend backend{context, closes()};
    way.refusal = {ENETDOWN, boost::system::system_category()};
    EXPECT_EQ(outcome_of(on_way(backend.port())).code, OWN);
    EXPECT_EQ(way.left, 0U);
    boost::asio::use_service<ProbeWays>(context).set(nullptr);
    EXPECT_EQ(outcome_of(on_way(backend.port())).code, OWN);
}

TEST_F(ServiceWayProbe, ThatGoesDirectlyEntersNothing) {
    ScriptedBackend backend{context, closes()};
    EXPECT_EQ(outcome_of(target(backend.port(), CheckType::tcp)).code, L4OK);
    EXPECT_EQ(way.entered.cookie, 0U);
}

} // namespace pointsman::test
