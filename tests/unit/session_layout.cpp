// How sessions of other tables come to stand in ours.
#include "controller/datapath/session_layout.hpp"

#include "controller/datapath/session_flow.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <gtest/gtest.h>

namespace pointsman {
namespace {

constexpr std::array<__u64, 2> key{17, 4};
constexpr std::uint64_t now = (7ULL << 32) + 1000; ///< CLOCK_MONOTONIC in units of 1024 ns

class SessionLayout : public testing::Test {
protected:
    SessionLayout() {
        services[1].address = to_abi(Address::v4(0xc000020a));
        services[1].protocol = 6;
        backends[2].address = to_abi(Address::v4(0x0a00000b));
        backends[2].port = htons(8080);
        nat_addresses[1] = to_abi(Address::v4(0x0a000001));
        session.client = to_abi(Address::v4(0xc6336407));
        session.client_port = htons(40000);
        session.service_port = htons(80);
        session.nat_port = htons(2000);
        session.nat_address = 1;
        session.backend = 2;
        session.service = 1;
        session.protocol = 6;
        session.opened_low = 900;
        session.opened_high = 7;
        session.tag = 1234;
        session.hash_high = 5678;
    }

    [[nodiscard]] TableHalf tables() { return {{}, services, {}, backends, nat_addresses, {}, 0}; }

    /// As a set of ABI 3 has it.
    void write_backend_of_abi_3(std::uint32_t backend) {
        auto* const octets = reinterpret_cast<std::byte*>(static_cast<pm_session*>(&session));
        std::memcpy(octets + offsetof(pm_session, backend), &backend, sizeof(backend));
    }

    [[nodiscard]] bool converted(SessionConversion const& conversion) {
        return convert(session, conversion, tables());
    }

    std::array<pm_service, 3> services{};
    std::array<pm_backend, 4> backends{};
    std::array<pm_addr, 4> nat_addresses{};
    Session session{};
};

TEST_F(SessionLayout, OfOurAbiStaysAsItIs) {
    auto const before = session;
    SessionConversion const conversion{PM_ABI_VERSION, std::nullopt, now};
    EXPECT_FALSE(conversion.is_needed());
    EXPECT_TRUE(converted(conversion));
    EXPECT_EQ(std::memcmp(&session, &before, sizeof(before)), 0);
}

TEST_F(SessionLayout, OfAbi3GetsTheLatestMomentThatItsStampCanMean) {
    write_backend_of_abi_3(2);
    EXPECT_TRUE(converted({3, std::nullopt, now}));
    EXPECT_EQ(session.backend, 2U);
    EXPECT_EQ(session.opened_high, 7U);
    session.opened_low = 1001; // later than now: it is of the turn before
    write_backend_of_abi_3(65535);
    EXPECT_TRUE(converted({3, std::nullopt, now}));
    EXPECT_EQ(session.backend, 65535U);
    EXPECT_EQ(session.opened_high, 6U);
    EXPECT_EQ(session.tag, 1234U);
}

TEST_F(SessionLayout, OfAnUnknownAbiIsNotRead) {
    EXPECT_TRUE(has_session_layout(3) && has_session_layout(PM_ABI_VERSION));
    EXPECT_FALSE(has_session_layout(2) || has_session_layout(PM_ABI_VERSION + 1));
    EXPECT_FALSE(converted({2, std::nullopt, now}));
}

TEST_F(SessionLayout, AnotherSeedPlacesASessionByTheHashOfItsPackets) {
    for (auto const direction : {PM_TO_BACKEND, PM_TO_CLIENT}) {
        session.direction = static_cast<__u8>(direction);
        auto const flow = flow_of(session, tables());
        ASSERT_TRUE(flow);
        auto const hash = pm_flow_hash(&*flow, key.data());
        EXPECT_TRUE(converted({PM_ABI_VERSION, key, now}));
        EXPECT_EQ(session.tag, pm_session_tag(hash));
        EXPECT_EQ(session.hash_high, static_cast<__u32>(hash >> 32));
    }
}

TEST_F(SessionLayout, WhatTheTablesDoNotKnowHasNoFlow) {
    SessionConversion const conversion{PM_ABI_VERSION, key, now};
    auto const good = session;
    session.service = 3;
    EXPECT_FALSE(converted(conversion));
    session = good;
    session.backend = 4;
    EXPECT_FALSE(converted(conversion));
    session = good;
    session.nat_address = 4;
    EXPECT_FALSE(converted(conversion));
    session = good;
    session.protocol = 17;
    EXPECT_FALSE(converted(conversion));
}

TEST_F(SessionLayout, AFlowLooksLikeItsPackets) {
    auto flow = flow_of(session, tables());
    ASSERT_TRUE(flow);
    EXPECT_EQ(from_abi(flow->source), Address::v4(0xc6336407));
    EXPECT_EQ(from_abi(flow->destination), Address::v4(0xc000020a));
    EXPECT_EQ(ntohs(flow->source_port), 40000);
    EXPECT_EQ(ntohs(flow->destination_port), 80);
    flow = partner_flow_of(session, tables());
    ASSERT_TRUE(flow);
    EXPECT_EQ(from_abi(flow->source), Address::v4(0x0a00000b));
    EXPECT_EQ(from_abi(flow->destination), Address::v4(0x0a000001));
    EXPECT_EQ(ntohs(flow->source_port), 8080);
    EXPECT_EQ(ntohs(flow->destination_port), 2000);
    session.nat_address = 0; // source = "client"
    backends[2].port = 0;    // the one that the client sent to
    flow = partner_flow_of(session, tables());
    ASSERT_TRUE(flow);
    EXPECT_EQ(from_abi(flow->destination), Address::v4(0xc6336407));
    EXPECT_EQ(ntohs(flow->source_port), 80);
}

} // namespace
} // namespace pointsman
