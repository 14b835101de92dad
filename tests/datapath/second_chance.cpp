#include "controller/datapath/counters.hpp"
#include "tests/datapath/second_chances.hpp"

#include <set>

/// Connections that their backend does not take: the next one gets them before any verdict.

namespace pointsman::test {
namespace {

class SecondChance : public BothHooks {
protected:
    /// Three backends, unless said otherwise.
    void begin_with(unsigned backends, Way const& way = {}) { begin(world_with(backends, way)); }

    [[nodiscard]] Flow flow_of(Way const& way = {}) { return scene().open(packet_of(way)); }
    [[nodiscard]] Output refuse(Flow const& flow) { return scene().send(refusal_of(flow)); }

    /// The client's SYN again, so long after the first one.
    [[nodiscard]] Output repeat(Flow const& flow, std::chrono::milliseconds after) {
        age(scene(), after);
        return scene().send(flow.first);
    }

    /// Both the backend's answer and the client's go to the other one.
    void expect_handshake(Flow const& flow) {
        auto const answer = flow.from_backend(syn | ack);
        EXPECT_PRED_FORMAT2(same_frame, scene().send(answer).frame, encode(flow.at_client(answer)));
        auto const last = flow.from_client(ack);
        EXPECT_PRED_FORMAT2(same_frame, scene().send(last).frame, encode(flow.at_backend(last)));
    }

    static void expect_verdict(Output const& output, std::uint32_t verdict) {
        EXPECT_EQ(output.verdict, verdict) << describe(output.frame);
    }
};

using std::chrono_literals::operator""ms;

TEST_P(SecondChance, ADuplicateOfTheSynMovesNothing) {
    auto const flow = flow_of();
    auto const output = repeat(flow, 240ms);
    expect_verdict(output, PM_FORWARD_TO_BACKEND);
    EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(flow.forwarded));
}

TEST_P(SecondChance, ASynRepeatedAfterTheAnswerMovesNothing) {
    auto const flow = flow_of();
    (void)scene().send(flow.from_backend(syn | ack));
    expect_verdict(repeat(flow, 1000ms), PM_FORWARD_TO_BACKEND);
}

TEST_P(SecondChance, WithOneBackendNothingChanges) {
    begin_with(1);
    auto const flow = flow_of();
    auto const output = repeat(flow, 1000ms);
    expect_verdict(output, PM_FORWARD_TO_BACKEND);
    EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(flow.forwarded));
    expect_verdict(refuse(flow), PM_FORWARD_TO_CLIENT);
}

TEST_P(SecondChance, SwitchedOffNothingChanges) {
    auto other = world();
    other.service("web").second_chance = false;
    begin(std::move(other));
    auto const flow = flow_of();
    expect_verdict(repeat(flow, 1000ms), PM_FORWARD_TO_BACKEND);
    expect_verdict(refuse(flow), PM_FORWARD_TO_CLIENT);
}

TEST_P(SecondChance, WhenNoOtherBackendTakesFlowsNothingChanges) {
    world().administer(2, AdminState::drain);
    world().administer(3, AdminState::maint);
    scene().publish();
    auto const flow = flow_of();
    expect_verdict(repeat(flow, 1000ms), PM_FORWARD_TO_BACKEND);
    expect_verdict(refuse(flow), PM_FORWARD_TO_CLIENT);
}

TEST_P(SecondChance, ABackendWithoutNextHopGetsNone) {
    for (unsigned number = 1; number <= 3; ++number) {
        begin_with(3);
        auto const flow = flow_of();
        auto& backends = scene().generation.backends;
        for (std::size_t i = 0; i < backends.size(); ++i)
            if (auto const& name = backends[i].key.backend;
                name != "b" + std::to_string(flow.backend()) && name != "b" + std::to_string(number))
                backends.edit(i).next_hop.reset();
        scene().recommit();
        auto const moved = decode(repeat(flow, 1000ms).frame);
        EXPECT_EQ(moved.value().to[5], number) << "from " << flow.backend();
    }
}

TEST_P(SecondChance, TheConnectionIsMadeWithTheNextBackend) {
    auto const flow = flow_of();
    Flow const moved{flow.first, decode(repeat(flow, 1000ms).frame).value()};
    auto const answer = moved.from_backend(syn | ack);
    EXPECT_PRED_FORMAT2(same_frame, scene().send(answer).frame, encode(moved.at_client(answer)));
    auto const request = moved.from_client(ack | psh, {'G', 'E', 'T'});
    EXPECT_PRED_FORMAT2(same_frame, scene().send(request).frame, encode(moved.at_backend(request)));
    EXPECT_TRUE(scene().session_of(moved, PM_TO_BACKEND)->state & PM_SESSION_ESTABLISHED);
    EXPECT_TRUE(scene().session_of(moved, PM_TO_CLIENT)->state & PM_SESSION_ESTABLISHED);
}

TEST_P(SecondChance, ABackendThatAnswersTooLateIsToldByRstAndItsClientHearsNothing) {
    auto const flow = flow_of();
    (void)repeat(flow, 1000ms);
    auto const late = flow.from_backend(syn | ack);
    auto const output = scene().send(late);
    expect_verdict(output, PM_FORWARD_RESET);
    EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(reset_for(late)));
    expect_verdict(refuse(flow), PM_DROP_BACKEND_DOWN);
}

TEST_P(SecondChance, TwoFurtherBackendsAreTriedEachOnceAndTheLastOneKeepsTheFlow) {
    begin_with(4);
    auto flow = flow_of();
    std::set<unsigned> tried{flow.backend()};
    for (int chance = 0; chance < 2; ++chance) {
        auto const output = repeat(flow, 1000ms);
        expect_verdict(output, PM_FORWARD_SECOND_CHANCE);
        flow.forwarded = decode(output.frame).value();
        EXPECT_TRUE(tried.insert(flow.backend()).second) << flow.backend();
    }
    auto const output = repeat(flow, 4000ms);
    expect_verdict(output, PM_FORWARD_TO_BACKEND);
    EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(flow.forwarded));
}

TEST_P(SecondChance, OfTwoBackendsTheSecondOneKeepsTheFlow) {
    begin_with(2);
    auto flow = flow_of();
    flow.forwarded = decode(repeat(flow, 1000ms).frame).value();
    expect_verdict(repeat(flow, 2000ms), PM_FORWARD_TO_BACKEND);
}

TEST_P(SecondChance, WhenAllRefuseTheLastRstIsTheClients) {
    begin_with(4);
    auto flow = flow_of();
    for (int chance = 0; chance < 2; ++chance) {
        auto const output = refuse(flow);
        expect_verdict(output, PM_FORWARD_SECOND_CHANCE);
        flow.forwarded = decode(output.frame).value();
    }
    auto const last = refusal_of(flow);
    auto const output = scene().send(last);
    expect_verdict(output, PM_FORWARD_TO_CLIENT);
    EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(flow.at_client(last)));
}

TEST_P(SecondChance, ANewConnectionBeginsWithMaglevsChoiceAgain) {
    begin_with(2);
    auto const flow = flow_of();
    Flow const moved{flow.first, decode(refuse(flow).frame).value()};
    expect_verdict(refuse(moved), PM_FORWARD_TO_CLIENT);
    EXPECT_EQ(scene().open(flow.first).backend(), flow.backend());
}

TEST_P(SecondChance, TheFlowsOfABackendSpreadOverAllTheOthers) {
    begin_with(4);
    std::array<std::array<unsigned, 5>, 5> moves{};
    for (std::uint16_t port = 20000; port < 20400; ++port) {
        auto const flow = scene().open(client_packet(port));
        ++moves.at(flow.backend()).at(decode(refuse(flow).frame).value().to[5]);
    }
    for (unsigned from = 1; from <= 4; ++from)
        for (unsigned to = 1; to <= 4; ++to)
            EXPECT_EQ(moves[from][to] > 15, from != to) << from << " to " << to << ": " << moves[from][to];
}

TEST_P(SecondChance, ARefusalThatAcknowledgesAnotherSynPassesAsItCame) {
    auto const flow = flow_of();
    auto hostile = refusal_of(flow);
    ++hostile.acknowledged;
    auto const output = scene().send(hostile);
    expect_verdict(output, PM_FORWARD_TO_CLIENT);
    EXPECT_PRED_FORMAT2(same_frame, output.frame, encode(flow.at_client(hostile)));
}

TEST_P(SecondChance, ARstWithoutAcknowledgementPassesAsItCame) {
    expect_verdict(scene().send(flow_of().from_backend(rst)), PM_FORWARD_TO_CLIENT);
}

TEST_P(SecondChance, ARstAfterTheAnswerIsTheClients) {
    auto const flow = flow_of();
    (void)scene().send(flow.from_backend(syn | ack));
    expect_verdict(refuse(flow), PM_FORWARD_TO_CLIENT);
}

TEST_P(SecondChance, ARstOnAnEstablishedFlowIsTheClients) {
    expect_verdict(refuse(scene().establish(client_packet(1234))), PM_FORWARD_TO_CLIENT);
}

TEST_P(SecondChance, WhenTheSynIsNotAtHandTheClientRepeatsIt) {
    auto const flow = flow_of();
    (void)scene().open(packet_at_the_same_place(flow.first));
    expect_verdict(refuse(flow), PM_DROP_REFUSAL);
    auto const output = repeat(flow, 1000ms);
    expect_verdict(output, PM_FORWARD_SECOND_CHANCE);
    EXPECT_NE(decode(output.frame).value().to[5], flow.backend());
}

TEST_P(SecondChance, ASynWithDataIsLeftToTheClientToo) {
    auto first = packet_of(Way{});
    first.payload = {'G', 'E', 'T'};
    auto const flow = scene().open(first);
    expect_verdict(refuse(flow), PM_DROP_REFUSAL);
    expect_verdict(repeat(flow, 1000ms), PM_FORWARD_SECOND_CHANCE);
}

TEST_P(SecondChance, WhatASecondFlowDidNotTakeIsEvidenceAgainstEachOfThem) {
    auto const flow = flow_of();
    (void)scene().events();
    Flow const moved{flow.first, decode(refuse(flow).frame).value()};
    (void)repeat(moved, 1000ms);
    auto const events = scene().events();
    ASSERT_EQ(events.size(), 2U);
    auto const id_of = [&](Flow const& of) {
        BackendKey const key{"web", "b" + std::to_string(of.backend())};
        return static_cast<std::uint32_t>(scene().generation.find(key)->id);
    };
    EXPECT_EQ(events[0].type, PM_EVENT_REFUSED);
    EXPECT_EQ(events[0].backend, id_of(flow));
    EXPECT_EQ(events[1].type, PM_EVENT_UNANSWERED);
    EXPECT_EQ(events[1].backend, id_of(moved));
    auto const& programs = scene().datapath.programs();
    for (auto const& of : {flow, moved})
        EXPECT_EQ(total_of(programs.backend_counters(), id_of(of), programs.room().backends).second_chances,
                  1U);
}

TEST_P(SecondChance, WhileSessionsAreCarriedOverARefusedFlowMovesAsWell) {
    auto const flow = scene().open(client_packet(1234));
    auto const other = flow.backend() % 3 + 1;
    world().measure(other, MeasuredState::down);
    ASSERT_TRUE(scene().publish().cuts_sessions);
    auto const output = refuse(flow);
    expect_verdict(output, PM_FORWARD_SECOND_CHANCE);
    Flow const moved{flow.first, decode(output.frame).value()};
    EXPECT_NE(moved.backend(), other);
    scene().datapath.finish_swap();
    expect_handshake(moved);
}

TEST_P(SecondChance, ASynThatWasUnderWayToABackendThatIsOutMovesWhenItIsRefused) {
    auto const flow = scene().open(client_packet(1234));
    world().measure(flow.backend(), MeasuredState::down);
    ASSERT_TRUE(scene().publish().cuts_sessions);
    auto const output = refuse(flow);
    expect_verdict(output, PM_FORWARD_SECOND_CHANCE);
    Flow const moved{flow.first, decode(output.frame).value()};
    EXPECT_NE(moved.backend(), flow.backend());
    expect_verdict(refuse(flow), PM_DROP_BACKEND_DOWN); // once
    scene().datapath.finish_swap();
    expect_handshake(moved);
}

TEST_P(SecondChance, AnEstablishedFlowOfABackendThatIsOutIsNotMovedByItsRst) {
    auto const flow = scene().establish(client_packet(1234));
    world().measure(flow.backend(), MeasuredState::down);
    scene().publish();
    EXPECT_NE(refuse(flow).verdict, std::uint32_t{PM_FORWARD_SECOND_CHANCE});
}

POINTSMAN_BOTH_HOOKS(SecondChance);

} // namespace
} // namespace pointsman::test
