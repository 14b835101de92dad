#include "healthcheck/probe_socket.hpp"

#include <boost/asio/error.hpp>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace pointsman {

namespace {

namespace asio = boost::asio;
using enum OutcomeCode;

boost::system::error_code kernel(int error) {
    return {error, boost::system::system_category()};
}

Backend backend_on(std::uint16_t port) {
    Backend backend;
    backend.name = "on port " + std::to_string(port);
    backend.address = Address::v4(0x0a000001);
    backend.port = port;
    return backend;
}

ProbeTarget target_of(Backend const& backend) {
    Service service;
    service.name = "web";
    return pointsman::target_of(service, backend, *backend.check);
}

} // namespace

TEST(ProbeTarget, IsTheBackendsOwnPortUnlessTheCheckNamesOne) {
    Backend backend = backend_on(80);
    EXPECT_EQ(target_of(backend).port, 80);
    backend.check.own().port = 8080;
    EXPECT_EQ(target_of(backend).port, 8080);
}

TEST(ProbeTarget, IsEqualForBackendsThatAskForTheSameProbe) {
    Backend const plain = backend_on(80);
    Backend spelled_out = backend_on(8080);
    spelled_out.check.own().port = 80;
    spelled_out.check.own().path = "/not-read-by-a-tcp-check";
    EXPECT_EQ(target_of(plain), target_of(spelled_out));
}

TEST(ProbeTarget, DiffersByPolicyAndByWhatAnHttpCheckReads) {
    Backend backend = backend_on(80);
    backend.check.own().type = CheckType::http;
    auto slower = backend;
    slower.check.own().policy.interval *= 2;
    auto elsewhere = backend;
    elsewhere.check.own().path = "/healthz";
    EXPECT_NE(target_of(backend), target_of(slower));
    EXPECT_NE(target_of(backend), target_of(elsewhere));
}

TEST(ProbeTarget, IsReplacedByHandshakesOnlyIfTheyShowAsMuchAndAreSeen) {
    auto backend = backend_on(80);
    backend.check.own().policy.passive = Passive::replace;
    auto const passive_of = [](Service const& service, Backend const& each) {
        return pointsman::target_of(service, each, *each.check).check->policy.passive;
    };
    Service service;
    service.address = Address::v4(0x0a000064);
    service.port_first = service.port_last = 80;
    EXPECT_EQ(passive_of(service, backend), Passive::replace);
    auto asking = backend;
    asking.check.own().send = "PING";
    EXPECT_EQ(passive_of(service, asking), Passive::probe);
    service.forward = Forward::dsr;
    EXPECT_EQ(passive_of(service, backend), Passive::probe) << "on its service's way";
}

TEST(ProbeTarget, LeadsToTheAddressInItsOwnFamily) {
    EXPECT_EQ(endpoint_of({*Address::parse("192.0.2.1"), 80, {}}),
              (asio::ip::tcp::endpoint{asio::ip::make_address("192.0.2.1"), 80}));
    EXPECT_EQ(endpoint_of({*Address::parse("2001:db8::1"), 81, {}}),
              (asio::ip::tcp::endpoint{asio::ip::make_address("2001:db8::1"), 81}));
}

TEST(ProbeError, OfTheBackendBeforeTheConnectionStands) {
    for (int const error : {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ECONNRESET})
        EXPECT_EQ(code_of_connect_error(kernel(error)), L4CON) << error;
    EXPECT_EQ(code_of_connect_error(kernel(ETIMEDOUT)), L4TOUT);
}

TEST(ProbeError, OfTheBackendOnceTheConnectionStands) {
    for (int const error : {ECONNRESET, EPIPE})
        EXPECT_EQ(code_of_answer_error(kernel(error)), L7RSP) << error;
    EXPECT_EQ(code_of_answer_error(kernel(ETIMEDOUT)), L7TOUT);
    EXPECT_EQ(code_of_answer_error(asio::error::eof), L7RSP);
}

TEST(ProbeError, OfTheBalancerItselfSaysNothingAboutTheBackend) {
    for (int const error :
         {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EAFNOSUPPORT, ENETDOWN, EACCES, EPERM}) {
        EXPECT_EQ(code_of_connect_error(kernel(error)), OWN) << error;
        EXPECT_EQ(code_of_answer_error(kernel(error)), OWN) << error;
    }
}

TEST(ProbeError, CarriesTheErrnoOfTheKernelAndNoOther) {
    EXPECT_EQ(errno_of(kernel(ECONNREFUSED)), ECONNREFUSED);
    EXPECT_EQ(errno_of(asio::error::eof), 0);
    EXPECT_EQ(errno_of({}), 0);
}

} // namespace pointsman
