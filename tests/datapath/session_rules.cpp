#include "tests/datapath/second_chances.hpp"
#include "tests/datapath/session_model.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <sstream>

/// Random packets of a few flows, from both sides, while backends go down and come back and sessions are
/// lost: verdict, session and translation of each are those of the model, and a flow stays with its backend.
/// POINTSMAN_SEED chooses.

namespace pointsman::test {
namespace {

constexpr unsigned steps = 1500;
constexpr std::uint16_t flows = 8;
constexpr unsigned backends = 3;

struct Rules {
    Hook hook;
    Way way;
    OnDown on_down;

    friend std::ostream& operator<<(std::ostream& out, Rules const& rules) {
        return out << name_of(rules.hook) << '_' << name_of(rules.way)
                   << (rules.on_down == OnDown::rehash ? "_rehash" : "");
    }
};

/// A flow in the model and as the program translated it.
struct KnownFlow {
    Packet first;
    SessionModel model;
    Packet forwarded{}; ///< first, at the backend
};

class SessionRules : public ::testing::TestWithParam<Rules> {
protected:
    void SetUp() override {
        static auto const why = why_not_here();
        if (!why.empty()) GTEST_SKIP() << why;
        auto const* const text = std::getenv("POINTSMAN_SEED");
        random_.seed(text ? std::strtoull(text, nullptr, 10) : 1);
        scene_ = std::make_unique<Scene>(shared_datapath(), GetParam().hook);
        scene_->world = world_of(GetParam().way);
        auto& service = scene_->world.service("web");
        service.on_down = GetParam().on_down;
        for (unsigned number = 2; number <= backends; ++number) {
            scene_->world.add_backend(service, number, GetParam().way.v6);
            if (!GetParam().way.is_nat()) service.backends.back().port = web_port;
        }
        scene_->publish();
        for (std::uint16_t i = 0; i < flows; ++i) {
            auto first = packet_of(GetParam().way);
            first.source_port = static_cast<std::uint16_t>(20000 + i);
            flows_.push_back({first, {GetParam().way, GetParam().on_down}});
        }
    }
    void TearDown() override { scene_.reset(); }

    [[nodiscard]] std::size_t below(std::size_t limit) { return random_() % limit; }

    [[nodiscard]] std::uint8_t any_flags() {
        constexpr std::array<std::uint8_t, 10> likely{syn,       syn,       syn | ack, ack,       ack,
                                                      ack | psh, fin | ack, rst,       rst | ack, fin};
        if (GetParam().way.protocol == Protocol::udp) return 0;
        return below(10) == 0 ? static_cast<std::uint8_t>(below(0x40)) : likely[below(likely.size())];
    }

    [[nodiscard]] unsigned backend_of(Packet const& forwarded) const { return forwarded.to[5]; }

    /// A packet that opens goes to any backend that is up, and is translated as its way says.
    void expect_opened(KnownFlow& flow, Packet const& sent, Frame const& left) {
        auto const forwarded = decode(left);
        ASSERT_TRUE(forwarded);
        auto const number = backend_of(*forwarded);
        ASSERT_TRUE(number >= 1 && number <= backends && !down_[number]) << number;
        flow.first = sent;
        flow.forwarded = *forwarded;
        if (!GetParam().way.is_nat()) return;
        EXPECT_EQ(forwarded->destination, backend_address(number, GetParam().way.v6));
        EXPECT_EQ(forwarded->destination_port, backend_port(number));
    }

    static void expect_frame(Frame const& left, Packet const& expected) {
        EXPECT_PRED_FORMAT2(same_frame, left, encode(expected));
    }

    void client_sends(KnownFlow& flow) {
        auto sent = flow.first;
        sent.flags = any_flags();
        sent.payload.assign(below(4), 'x');
        if (sent.flags & syn) make_new(*scene_); // time stands still
        auto const expected = flow.model.on_client_packet(sent.flags);
        auto const output = scene_->send(sent);
        ASSERT_EQ(output.verdict, expected) << "flags " << unsigned{sent.flags};
        if (flow.model.opened())
            expect_opened(flow, sent, output.frame);
        else if (expected == PM_FORWARD_TO_BACKEND)
            EXPECT_PRED_FORMAT2(same_frame, output.frame,
                                encode(Flow{flow.first, flow.forwarded}.at_backend(sent)));
        else if (expected == PM_FORWARD_RESET)
            expect_frame(output.frame, reset_for(sent));
    }

    /// Is there a backend that is up and neither has the flow nor is its first choice?
    [[nodiscard]] bool has_other_choice(KnownFlow const& flow) const {
        auto const& slots = *scene_->generation.find("web")->maglev;
        auto const hash = static_cast<std::uint32_t>(flow_hash_of(flow.first));
        auto const first = slots[pm_scale(hash, static_cast<std::uint32_t>(slots.size()))];
        for (unsigned number = 1; number <= backends; ++number) {
            auto const* const backend =
                scene_->generation.find(BackendKey{"web", "b" + std::to_string(number)});
            if (!down_[number] && backend->id != first && number != backend_of(flow.forwarded)) return true;
        }
        return false;
    }

    void backend_sends(KnownFlow& known) {
        if (known.forwarded.source == Address{}) return; // it never heard of the flow
        Flow const flow{known.first, known.forwarded};
        auto sent = flow.from_backend(any_flags(), {'y'});
        sent.acknowledged = known.first.sequence + static_cast<std::uint32_t>(below(2));
        auto const expected =
            known.model.on_backend_packet({sent.flags, sent.acknowledged != known.first.sequence,
                                           !known.first.payload.empty(), has_other_choice(known)});
        auto const output = scene_->send(sent);
        ASSERT_EQ(output.verdict, expected) << "flags " << unsigned{sent.flags};
        if (expected == PM_FORWARD_TO_CLIENT) expect_frame(output.frame, flow.at_client(sent));
        if (expected == PM_FORWARD_SECOND_CHANCE) expect_opened(known, known.first, output.frame);
    }

    /// Down takes its sessions with it; coming back moves none.
    void toggle_backend() {
        auto const number = static_cast<unsigned>(below(backends) + 1);
        if (!down_[number] && std::ranges::count(down_, true) == backends - 1) return; // the last one
        down_[number] = !down_[number];
        scene_->world.measure(number, down_[number] ? MeasuredState::down : MeasuredState::up);
        if (scene_->publish().cuts_sessions) (void)scene_->datapath.finish_swap();
        for (auto& flow : flows_)
            if (down_[number] && flow.forwarded.source != Address{} && backend_of(flow.forwarded) == number)
                flow.model.forget();
    }

    void lose_session(KnownFlow& flow) {
        if (!flow.model.exists(PM_TO_BACKEND) || !flow.model.exists(PM_TO_CLIENT)) return;
        auto const direction = below(2) == 0 ? PM_TO_BACKEND : PM_TO_CLIENT;
        scene_->lose_session({flow.first, flow.forwarded}, direction);
        flow.model.lose(direction);
    }

    void expect_session(KnownFlow const& flow, pm_direction direction) {
        auto const session = scene_->session_of({flow.first, flow.forwarded}, direction);
        ASSERT_EQ(session.has_value(), flow.model.exists(direction));
        if (session) {
            EXPECT_EQ(session->state, flow.model.state());
        }
    }
    void expect_sessions(KnownFlow const& flow) {
        if (flow.forwarded.source == Address{} || !GetParam().way.is_nat()) return;
        expect_session(flow, PM_TO_BACKEND);
        expect_session(flow, PM_TO_CLIENT);
    }

    std::vector<KnownFlow> flows_;

private:
    std::unique_ptr<Scene> scene_;
    std::mt19937_64 random_;
    std::array<bool, backends + 1> down_{};
};

TEST_P(SessionRules, AreThoseOfTheModel) {
    for (unsigned step = 0; step < steps; ++step) {
        SCOPED_TRACE("step " + std::to_string(step));
        if (below(200) == 0) toggle_backend();
        auto& flow = flows_[below(flows_.size())];
        if (below(40) == 0) lose_session(flow);
        if (GetParam().way.is_nat() && below(2) == 0)
            backend_sends(flow);
        else
            client_sends(flow);
        expect_sessions(flow);
        if (HasFailure()) return;
    }
}

std::vector<Rules> all_rules() {
    std::vector<Rules> rules;
    for (auto const hook : {Hook::xdp, Hook::tc})
        for (auto const protocol : {Protocol::tcp, Protocol::udp})
            for (auto const v6 : {false, true})
                for (auto const on_down : {OnDown::reset, OnDown::rehash}) {
                    rules.push_back({hook, {protocol, v6}, on_down});
                    rules.push_back({hook, {protocol, v6, Forward::nat, Source::client}, on_down});
                    rules.push_back({hook, {protocol, v6, Forward::dsr}, on_down});
                }
    return rules;
}

INSTANTIATE_TEST_SUITE_P(, SessionRules, ::testing::ValuesIn(all_rules()), [](auto const& rules) {
    std::ostringstream name;
    name << rules.param;
    return std::move(name).str();
});

} // namespace
} // namespace pointsman::test
