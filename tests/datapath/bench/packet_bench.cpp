#include "tests/datapath/bench/cases.hpp"

#include "controller/datapath/session_table.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iomanip>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

/// What the XDP program costs a packet, in nanoseconds: the runner around it minus the runner around an empty
/// program, and as a multiple of a floor (parse and one lookup in a kernel hash), all measured in turns. JSON
/// on stdout, a table on stderr. Arguments: `--quick`; `--bound N` exits 2 when a case costs more than N
/// times its target in every round.

namespace pointsman::bench {
namespace {

using namespace test;

struct Effort {
    unsigned rounds = 9;
    unsigned blocks = 4; ///< of each program in a round, taking turns
    std::uint32_t packets_in_block = 65536;
    std::uint32_t most_flows = 1 << 20;
    std::optional<double> bound{}; ///< times the target that no case may cost in every round
};

/// Nanoseconds per packet, one value a round.
struct Timing {
    std::vector<double> net;   ///< without the runner
    std::vector<double> ratio; ///< to the floor with as many flows, in the same round
};

double median(std::vector<double> values) {
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values[values.size() / 2];
}

/// Of the quicker half of the blocks: the others met a disturbance.
double mean_of_quicker_half(std::vector<std::uint32_t> blocks) {
    std::ranges::sort(blocks);
    auto const half = std::span{blocks}.first((blocks.size() + 1) / 2);
    return std::accumulate(half.begin(), half.end(), 0.0) / static_cast<double>(half.size());
}

void forget_sessions(Datapath& datapath) {
    clear_sessions(datapath.tables().active_sessions());
}

/// Blocks of the program and of the empty one take turns, so that both meet the same disturbances.
double time_program(Runner& runner, int program_fd, Effort const& effort, Datapath* fresh) {
    std::vector<std::uint32_t> program;
    std::vector<std::uint32_t> empty;
    for (unsigned block = 0; block < effort.blocks; ++block) {
        if (fresh) forget_sessions(*fresh);
        runner.choose(program_fd);
        program.push_back(runner.run_block(effort.packets_in_block));
        runner.choose(runner.empty_program());
        empty.push_back(runner.run_block(effort.packets_in_block));
    }
    return mean_of_quicker_half(program) - mean_of_quicker_half(empty);
}

/// @throws std::runtime_error unless all packets since `before` met the verdict.
void check_verdict(Case const& test_case, pm_counters const& before, pm_counters const& after) {
    auto const met = after.verdict[test_case.verdict] - before.verdict[test_case.verdict];
    if (static_cast<double>(met) < 0.9999 * static_cast<double>(after.received - before.received))
        throw std::runtime_error{test_case.name + ": packets met another verdict"};
}

double time_case(Case const& test_case, Datapath& datapath, Runner& runner, Effort const& effort) {
    auto const before = total(datapath.programs().counters());
    runner.load(test_case.frames);
    auto const undoing =
        test_case.moves_head ? time_program(runner, runner.moved_program(), effort, nullptr) / 2 : 0;
    auto const net = time_program(runner, datapath.programs().fd(Hook::xdp), effort,
                                  test_case.fresh ? &datapath : nullptr);
    check_verdict(test_case, before, total(datapath.programs().counters()));
    return net - undoing;
}

/// All cases and the floor take turns within each round. Those that empty the table come last in the list.
std::vector<Timing> measure(std::vector<Case> const& cases, std::vector<RunnerFrame> const& floor_frames,
                            Datapath& datapath, Runner& runner, Effort const& effort) {
    std::vector<Timing> timings(cases.size());
    auto const sessions = datapath.tables().active_sessions();
    std::vector<pm_session_set> const opened{sessions.begin(), sessions.end()};
    for (unsigned round = 0; round < effort.rounds; ++round) {
        runner.load(floor_frames);
        auto const floor = time_program(runner, runner.floor_program(), effort, nullptr);
        for (std::size_t i = 0; i < cases.size(); ++i) {
            timings[i].net.push_back(time_case(cases[i], datapath, runner, effort));
            timings[i].ratio.push_back(timings[i].net.back() / floor);
            if (cases[i].fresh) std::ranges::copy(opened, sessions.begin());
        }
    }
    return timings;
}

bool is_met(Case const& test_case, Timing const& timing) {
    return !test_case.target || median(timing.ratio) <= *test_case.target;
}

/// In its best round: load on the machine makes single rounds slow, a slower program makes all of them so.
bool is_within(Case const& test_case, Timing const& timing, Effort const& effort) {
    return !effort.bound || !test_case.target ||
           std::ranges::min(timing.ratio) <= *effort.bound * *test_case.target;
}

boost::json::object describe(Case const& test_case, Timing const& timing) {
    boost::json::object out{{"name", test_case.name},
                            {"flows", test_case.frames.size()},
                            {"net_ns_median", median(timing.net)},
                            {"net_ns_min", std::ranges::min(timing.net)},
                            {"floor_ratio", median(timing.ratio)},
                            {"floor_ratio_min", std::ranges::min(timing.ratio)},
                            {"met", is_met(test_case, timing)}};
    out["target"] = test_case.target ? boost::json::value{*test_case.target} : boost::json::value{};
    return out;
}

void print_row(Case const& test_case, Timing const& timing, Effort const& effort) {
    std::cerr << std::left << std::setw(28) << test_case.name << std::right << std::setw(9)
              << test_case.frames.size() << std::fixed << std::setprecision(0) << std::setw(8)
              << median(timing.net) << std::setw(8) << std::ranges::min(timing.net) << std::setprecision(2)
              << std::setw(9) << median(timing.ratio) << std::setw(7) << std::ranges::min(timing.ratio);
    if (test_case.target)
        std::cerr << std::setw(8) << *test_case.target << (is_met(test_case, timing) ? "  yes" : "  NO");
    if (!is_within(test_case, timing, effort))
        std::cerr << "  above " << *effort.bound * *test_case.target << " in every round";
    std::cerr << '\n';
}

std::vector<RunnerFrame> learn_floor(Runner& runner, std::vector<Case> const& cases) {
    runner.learn(cases.front().frames);
    return cases.front().frames;
}

/// The modes: the first one's established flows are those of the floor.
constexpr Mode modes[] = {
    {},
    {Forward::dsr},
    {Forward::ipip},
    {Forward::gue},
    {Forward::nat, false, Protocol::udp},
    {Forward::nat, true},
    {Forward::dsr, true},
    {Forward::ipip, true},
};

/// @return whether every case is within the bound.
bool run(Effort const& effort) {
    Runner runner{effort.most_flows};
    boost::json::array all;
    bool met = true;
    bool within = true;
    std::cerr << "case                            flows  median     min  x floor  least  target  met\n";
    for (std::uint32_t const flows : {1U, 1U << 16, 1U << 20}) {
        if (flows > effort.most_flows) continue;
        std::vector<RunnerFrame> floor_frames;
        for (auto const& mode : modes) {
            Datapath datapath{options_for(flows)};
            datapath.commit(generation_for(mode, flows));
            auto const cases = cases_of(datapath, mode, flows);
            if (floor_frames.empty()) floor_frames = learn_floor(runner, cases);
            auto const timings = measure(cases, floor_frames, datapath, runner, effort);
            for (std::size_t i = 0; i < cases.size(); ++i) {
                all.push_back(describe(cases[i], timings[i]));
                print_row(cases[i], timings[i], effort);
                met &= is_met(cases[i], timings[i]);
                within &= is_within(cases[i], timings[i], effort);
            }
        }
    }
    boost::json::object const result{{"schema", "pointsman.bench/packets/2"}, {"met", met}, {"cases", all}};
    std::cout << boost::json::serialize(result) << '\n';
    return within;
}

} // namespace
} // namespace pointsman::bench

int main(int argc, char** argv) {
    std::vector<std::string> const words{argv + 1, argv + argc};
    pointsman::bench::Effort effort;
    try {
        if (std::ranges::count(words, "--quick") > 0) effort = {3, 2, 16384, 65536};
        auto const bound = std::ranges::find(words, "--bound");
        if (bound != words.end()) effort.bound = std::stod(bound + 1 == words.end() ? "" : bound[1]);
        if (auto const why = pointsman::test::why_not_here(); !why.empty()) throw std::runtime_error{why};
        if (!pointsman::bench::run(effort)) return 2;
    } catch (std::exception const& error) {
        std::cerr << "packet_bench: " << error.what() << '\n';
        return 1;
    }
}
