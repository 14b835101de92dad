#include "controller/datapath/predecessor.hpp"
#include "controller/datapath/session_list.hpp"
#include "controller/datapath/table_sets.hpp"
#include "tests/datapath/scene.hpp"

#include <algorithm>
#include <filesystem>
#include <unistd.h>

/// A daemon that finds tables which its programs cannot use: what becomes of the sessions in them.

namespace pointsman::test {
namespace {

constexpr std::uint16_t flows = 300;
constexpr std::array<std::uint8_t, 16> other_seed{9, 9, 9, 9, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8};

/// What one daemon loads.
struct Loaded {
    Loaded(PinDirectory const& pins, DatapathOptions const& options)
        : sets{find_tables(pins, Room::of(options), options.hash_seed)}
        , programs{{options, sets.directory, true, true}}
        , tables{programs} {}

    TableSets sets;
    Programs programs;
    Switch tables;
};

std::uint64_t opened_now() {
    return session_clock_now(1000).opened_now;
}

class Takeovers : public ::testing::TestWithParam<Hook> {
protected:
    void SetUp() override {
        static auto const why = why_not_here();
        if (!why.empty()) GTEST_SKIP() << why;
        pins_ =
            std::make_unique<PinDirectory>("/sys/fs/bpf/pmtest-" + std::to_string(::getpid()) + "-takeover");
        generation_ = web_world().plan({}).next;
        before_ = load(small_options());
        make_current(*pins_, before_->sets);
        for (std::uint16_t i = 0; i < flows; ++i)
            flows_.push_back(establish(static_cast<std::uint16_t>(1000 + i)));
    }
    void TearDown() override {
        after_.reset();
        before_.reset();
        pins_.reset();
    }

    [[nodiscard]] std::unique_ptr<Loaded> load(DatapathOptions const& options) {
        auto loaded = std::make_unique<Loaded>(*pins_, options);
        EXPECT_EQ(loaded->tables.prepare(generation_), "");
        loaded->tables.commit(generation_.number, false);
        return loaded;
    }

    /// As DatapathHost does it.
    CarryOver take_over(DatapathOptions const& options) {
        after_ = load(options);
        auto const& older = after_->sets.older.at(0);
        SessionConversion conversion{older.abi, std::nullopt, opened_now()};
        if (older.hash_seed != options.hash_seed) conversion.hash_key = hash_key_of(options.hash_seed);
        return take_sessions(MappedTables{older.directory, older.room}, after_->tables.active_sessions(),
                             after_->tables.active_tables(), conversion);
    }

    [[nodiscard]] static Frame send(Loaded const& loaded, Packet const& packet) {
        auto frame = encode(packet);
        auto const fate = run_program(loaded.programs.fd(GetParam()), GetParam(), frame);
        return fate == Fate::redirected || fate == Fate::sent_back ? frame : Frame{};
    }

    [[nodiscard]] Flow establish(std::uint16_t port) {
        auto const first = client_packet(port);
        auto const forwarded = decode(send(*before_, first));
        if (!forwarded) throw std::runtime_error{"a SYN was not forwarded"};
        Flow const flow{first, *forwarded};
        (void)send(*before_, flow.from_backend(syn | ack));
        (void)send(*before_, flow.from_client(ack));
        return flow;
    }

    void expect_that_all_go_on() {
        for (auto const& flow : flows_) {
            auto const sent = flow.from_client(ack, {'x'});
            ASSERT_PRED_FORMAT2(same_frame, send(*after_, sent), encode(flow.at_backend(sent)));
            auto const answer = flow.from_backend(ack, {'y'});
            ASSERT_PRED_FORMAT2(same_frame, send(*after_, answer), encode(flow.at_client(answer)));
        }
    }

    [[nodiscard]] SessionList listed() const {
        return list_sessions(snapshot_of(after_->programs.maps()), {std::nullopt, std::nullopt, 2 * flows},
                             session_clock_now(after_->programs.ticks_per_second()));
    }

    /// Writes the tables as ABI 3 had them.
    void write_as_abi_3() {
        for (unsigned half = 0; half < 2; ++half) {
            for (auto& set : before_->programs.sessions(half))
                for (auto& session : set.way) {
                    std::uint32_t const backend = session.backend;
                    std::memcpy(reinterpret_cast<std::byte*>(&session) + offsetof(pm_session, backend),
                                &backend, sizeof(backend));
                }
            for (auto& service : before_->programs.tables(half).services)
                service.half_open_ticks = service.closing_ticks = 0;
        }
        for (auto const* const later : {"/pm_fragments", "/pm_syns"})
            std::filesystem::remove(before_->sets.directory + later);
        before_->programs.control().abi_version = 3;
    }

    std::unique_ptr<PinDirectory> pins_;
    Generation generation_;
    std::unique_ptr<Loaded> before_;
    std::unique_ptr<Loaded> after_;
    std::vector<Flow> flows_;
};

TEST_P(Takeovers, OfTheAbiBeforeKeepAllFlows) {
    write_as_abi_3();
    EXPECT_EQ(take_over(small_options()), (CarryOver{.carried = 2 * flows}));
    EXPECT_EQ(after_->sets.takeover, Takeover::translated);
    EXPECT_EQ(after_->sets.why, "they are of another version (ABI 3 -> 4)");
    expect_that_all_go_on();
    auto const list = listed();
    EXPECT_EQ(list.total, flows);
    for (auto const& session : list.sessions)
        EXPECT_LT(session.age, std::chrono::minutes{10});
}

TEST_P(Takeovers, WithAnotherHashSeedKeepAllFlows) {
    auto options = small_options();
    options.hash_seed = other_seed;
    EXPECT_EQ(take_over(options), (CarryOver{.carried = 2 * flows}));
    EXPECT_EQ(after_->sets.takeover, Takeover::translated);
    EXPECT_EQ(after_->sets.why, "datapath.hash_seed differs");
    expect_that_all_go_on();
}

TEST_P(Takeovers, OfAllThatCanDifferAtOnceKeepAllFlows) {
    write_as_abi_3();
    auto options = small_options();
    options.hash_seed = other_seed;
    options.sessions *= 2;
    EXPECT_EQ(take_over(options), (CarryOver{.carried = 2 * flows}));
    expect_that_all_go_on();
}

TEST_P(Takeovers, ASecondPassFindsWhatTheFirstOneCarried) {
    write_as_abi_3();
    auto options = small_options();
    options.hash_seed = other_seed;
    (void)take_over(options);
    auto const& older = after_->sets.older.at(0);
    auto const again =
        take_sessions(MappedTables{older.directory, older.room}, after_->tables.active_sessions(),
                      after_->tables.active_tables(), {older.abi, hash_key_of(other_seed), opened_now()});
    EXPECT_EQ(again, (CarryOver{.present = 2 * flows}));
}

TEST_P(Takeovers, OfAnUnknownAbiEndThem) {
    before_->programs.control().abi_version = PM_ABI_VERSION + 1;
    after_ = load(small_options());
    EXPECT_EQ(after_->sets.takeover, Takeover::replaced);
    EXPECT_TRUE(after_->sets.older.empty());
    EXPECT_EQ(send(*after_, flows_.front().from_client(ack)).empty(), false); // a RST
    EXPECT_TRUE(listed().sessions.empty());
}

INSTANTIATE_TEST_SUITE_P(, Takeovers, ::testing::Values(Hook::xdp, Hook::tc),
                         [](auto const& hook) { return std::string{name_of(hook.param)}; });

} // namespace
} // namespace pointsman::test
