// Which alarms are in force, and which are told.
#include "controller/app/alarm_book.hpp"
#include "controller/app/own_faults.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

class AlarmBookTest : public testing::Test {
protected:
    std::vector<ActiveAlarm> end(std::string const& because = {}) {
        return book.end(clock, [&](Alarm const& alarm) { return alarm.because == because; });
    }

    AlarmBook::TimePoint clock{1h};
    AlarmBook book;
};

Outcome own(int error, std::string text = {}) {
    Outcome outcome{OutcomeCode::OWN, {}, error, 0, {}};
    outcome.text = std::move(text);
    return outcome;
}

ProbeTarget target() {
    Backend backend;
    backend.address = Address::v4(0x0a4d0002);
    backend.port = 80;
    Service service;
    service.name = "web";
    return target_of(service, backend, *backend.check);
}

} // namespace

TEST_F(AlarmBookTest, AnAlarmThatGoesOnIsToldOnceAMinute) {
    EXPECT_TRUE(book.raise({"no_ports", "once"}, clock));
    clock += 59s;
    EXPECT_FALSE(book.raise({"no_ports", "again"}, clock));
    clock += 1s;
    EXPECT_TRUE(book.raise({"no_ports", "still"}, clock));
    ASSERT_EQ(book.active().size(), 1U);
    EXPECT_EQ(book.active()[0].alarm.text, "still");
    EXPECT_EQ(book.active()[0].times, 3U);
    EXPECT_EQ(clock - book.active()[0].since, 60s);
}

TEST_F(AlarmBookTest, AlarmsOfTwoInterfacesAreTwo) {
    EXPECT_TRUE(book.raise({"interface_down", "", 0, "eth0"}, clock));
    EXPECT_TRUE(book.raise({"interface_down", "", 0, "eth1"}, clock));
    EXPECT_EQ(book.active().size(), 2U);
}

TEST_F(AlarmBookTest, OneThatIsOverIsForgottenAndNewsWhenItComesBack) {
    EXPECT_TRUE(book.raise({"no_ports", ""}, clock));
    EXPECT_TRUE(book.raise({"no_room", ""}, clock));
    auto const ended = end("no_ports");
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].alarm.because, "no_ports");
    EXPECT_EQ(book.active().size(), 1U);
    EXPECT_TRUE(book.raise({"no_ports", ""}, clock));
}

TEST_F(AlarmBookTest, OneThatLastsForATimeEndsByItself) {
    EXPECT_TRUE(book.raise({"clock_step", "", 0, {}, 1min}, clock));
    clock += 59s;
    EXPECT_TRUE(end().empty());
    clock += 1s;
    EXPECT_EQ(end().size(), 1U);
}

TEST(OwnFaults, AreToldApartByWhatMendsThem) {
    EXPECT_EQ(own_fault_of(own(EMFILE)), "no_descriptors");
    EXPECT_EQ(own_fault_of(own(ENFILE)), "no_descriptors");
    EXPECT_EQ(own_fault_of(own(EADDRNOTAVAIL)), "no_ports");
    EXPECT_EQ(own_fault_of(own(EPERM)), "own_fault");
    EXPECT_EQ(own_fault_of(own(ENOENT, "/bin/probe: not found")), "own_fault");
    EXPECT_EQ(own_fault_of(own(0)), "stood_still");
}

TEST(OwnFaults, NameCauseAndRemedy) {
    EXPECT_EQ(
        alarm_of_own_fault(target(), own(EADDRNOTAVAIL)).text,
        "a probe of 10.77.0.2:80 could not be made (no local port is free towards it): no backend is judged "
        "by "
        "it; widen net.ipv4.ip_local_port_range beside datapath.nat_ports, or find who holds the ports (`ss "
        "-tan`)");
    EXPECT_EQ(alarm_of_own_fault(target(), own(EPERM)).text,
              "a probe of 10.77.0.2:80 could not be made (Operation not permitted): no backend is judged by "
              "it; let "
              "probes out of this host's firewall and past its prohibiting routes");
    EXPECT_EQ(alarm_of_own_fault(target(), own(ENOENT, "/bin/probe: not found")).text,
              "a probe of 10.77.0.2:80 could not be made (/bin/probe: not found): no backend is judged by "
              "it; correct "
              "its check");
}

} // namespace pointsman
