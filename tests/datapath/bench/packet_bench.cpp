#include "tests/datapath/bench/cases.hpp"
#include "tests/datapath/bench/probe_cases.hpp"

#include "controller/datapath/session_table.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <iomanip>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

/// What the XDP program costs a packet, in nanoseconds: the runner around it minus the runner around an empty
/// program, and as a multiple of a floor (parse and one lookup in a kernel hash), all measured in turns. JSON
/// on stdout, a table on stderr.

namespace pointsman::bench {
namespace {

using namespace test;

struct Effort {
    unsigned rounds = 9;
    unsigned blocks = 8; ///< of each program in a round, taking turns
    std::uint32_t packets_in_block = 32768;
    std::uint32_t least_flows = 1;
    std::uint32_t most_flows = 1 << 20;
    std::string only{};            ///< part of the names of the modes to measure
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

/// Blocks of a program and of an empty one take turns, so that both meet the same disturbances.
double time_blocks(Effort const& effort, auto const& run_program, auto const& run_empty) {
    std::vector<std::uint32_t> program;
    std::vector<std::uint32_t> empty;
    for (unsigned block = 0; block < effort.blocks; ++block) {
        program.push_back(run_program(effort.packets_in_block));
        empty.push_back(run_empty(effort.packets_in_block));
    }
    return mean_of_quicker_half(program) - mean_of_quicker_half(empty);
}

double time_program(Runner& runner, int program_fd, Effort const& effort, Datapath* fresh) {
    auto const run = [&runner](int fd, std::uint32_t packets) {
        runner.choose(fd);
        return runner.run_block(packets);
    };
    return time_blocks(
        effort,
        [&](std::uint32_t packets) {
            if (fresh) forget_sessions(*fresh);
            return run(program_fd, packets);
        },
        [&](std::uint32_t packets) { return run(runner.empty_program(), packets); });
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
    out["target"] = test_case.target ? boost::json::value(*test_case.target) : boost::json::value(nullptr);
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

/// What was found so far.
struct Findings {
    boost::json::array all{};
    bool met = true;    ///< every target
    bool within = true; ///< every case the bound
};

void note(Findings& findings, Case const& test_case, Timing const& timing, Effort const& effort) {
    findings.all.push_back(describe(test_case, timing));
    print_row(test_case, timing, effort);
    findings.met &= is_met(test_case, timing);
    findings.within &= is_within(test_case, timing, effort);
}

void run_flows(Runner& runner, std::uint32_t flows, Effort const& effort, Findings& findings) {
    auto const floor = floor_frames(flows);
    runner.learn(floor);
    for (auto const& mode : modes) {
        if (name_of(mode).find(effort.only) == std::string::npos) continue;
        Datapath datapath{options_for(flows)};
        datapath.commit(generation_for(mode, flows));
        auto const cases = cases_of(datapath, mode, flows);
        auto const timings = measure(cases, floor, datapath, runner, effort);
        for (std::size_t i = 0; i < cases.size(); ++i)
            note(findings, cases[i], timings[i], effort);
    }
}

/// The probes' programs, beside the floor with one flow.
void run_probes(Runner& runner, Effort const& effort, Findings& findings) {
    Datapath const datapath{small_options()};
    ProbePrograms const programs{datapath, small_options()};
    auto const cases = programs.cases();
    std::vector<Timing> timings(cases.size());
    auto const floor = floor_frames(1);
    runner.learn(floor);
    runner.load(floor);
    for (unsigned round = 0; round < effort.rounds; ++round) {
        auto const floor_ns = time_program(runner, runner.floor_program(), effort, nullptr);
        for (std::size_t i = 0; i < cases.size(); ++i) {
            auto const run = [&](int fd, std::uint32_t packets) {
                return run_tc_block(fd, cases[i].frame, packets);
            };
            timings[i].net.push_back(time_blocks(
                effort, [&](std::uint32_t packets) { return run(cases[i].program_fd, packets); },
                [&](std::uint32_t packets) { return run(runner.empty_tc_program(), packets); }));
            timings[i].ratio.push_back(timings[i].net.back() / floor_ns);
        }
    }
    for (std::size_t i = 0; i < cases.size(); ++i)
        note(findings, {cases[i].name, {cases[i].frame}}, timings[i], effort);
}

/// @return whether every case is within the bound.
bool run(Effort const& effort) {
    Runner runner{effort.most_flows};
    Findings findings;
    std::cerr << "case                            flows  median     min  x floor  least  target  met\n";
    for (std::uint32_t const flows : {1U, 1U << 16, 1U << 20})
        if (flows >= effort.least_flows && flows <= effort.most_flows)
            run_flows(runner, flows, effort, findings);
    if (effort.only.empty() || effort.only == "probe") run_probes(runner, effort, findings);
    boost::json::object const result{
        {"schema", "pointsman.bench/packets/2"}, {"met", findings.met}, {"cases", findings.all}};
    std::cout << boost::json::serialize(result) << '\n';
    return findings.within;
}

} // namespace
} // namespace pointsman::bench

int main(int argc, char** argv) {
    pointsman::bench::Effort effort;
    CLI::App app{"What the XDP program costs a packet"};
    std::uint32_t flows = 0;
    app.add_flag_callback(
        "--quick",
        [&] {
            effort = {3, 2, 16384, 1, 65536};
        },
        "three short rounds");
    app.add_option("--bound", effort.bound, "exit 2 when a case costs this times its target in every round");
    app.add_option("--only", effort.only, "part of the names of the modes, such as nat_ipv6; or probe");
    app.add_option("--flows", flows, "1, 65536 or 1048576; otherwise all");
    CLI11_PARSE(app, argc, argv);
    if (flows != 0) effort.least_flows = effort.most_flows = flows;
    try {
        if (auto const why = pointsman::test::why_not_here(); !why.empty()) throw std::runtime_error{why};
        if (!pointsman::bench::run(effort)) return 2;
    } catch (std::exception const& error) {
        std::cerr << "packet_bench: " << error.what() << '\n';
        return 1;
    }
}
