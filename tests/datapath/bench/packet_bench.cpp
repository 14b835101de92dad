#include "tests/datapath/bench/runner.hpp"
#include "tests/datapath/datapath.hpp"
#include "tests/datapath/world.hpp"

#include <algorithm>
#include <iostream>
#include <numeric>
#include <string_view>

/// What the XDP program costs a packet, in nanoseconds: the runner around it minus the runner around an empty
/// program, measured in turns. Prints JSON on stdout.

namespace pointsman::bench {
namespace {

using namespace test;

constexpr std::uint32_t most_flows = 65536;
constexpr unsigned backends = 4;

struct Effort {
    unsigned rounds = 11;
    unsigned blocks = 6; ///< of each program in a round, taking turns
    std::uint32_t packets_in_block = 65536;
};

struct Case {
    std::string name;
    std::vector<RunnerFrame> frames; ///< one a flow
    std::uint32_t verdict;           ///< that every packet must meet
};

/// Nanoseconds per packet, one value a round.
struct Timing {
    std::vector<double> program;
    std::vector<double> empty;
    std::vector<double> net; ///< the difference within a round
};

RunnerFrame to_runner(Packet const& packet) {
    auto const frame = encode(packet);
    RunnerFrame out;
    std::ranges::copy(frame, out.octets.begin());
    return out;
}

/// 64 octets with Ethernet, IPv4 and TCP headers.
Packet packet_of(std::uint32_t flow, std::uint8_t flags) {
    Packet packet;
    packet.to = client_side_mac;
    packet.from = router_mac;
    packet.source = Address::v4(0x64'40'00'00 + flow / 32768);
    packet.source_port = static_cast<std::uint16_t>(1024 + flow % 32768);
    packet.destination = web_address;
    packet.destination_port = web_port;
    packet.flags = flags;
    packet.window = 64240;
    packet.payload.assign(10, 'x');
    return packet;
}

Packet answer_to(Packet packet, std::uint8_t flags) {
    packet.from = packet.to;
    packet.to = client_side_mac;
    std::swap(packet.source, packet.destination);
    std::swap(packet.source_port, packet.destination_port);
    packet.flags = flags;
    return packet;
}

/// Opens a flow with all three packets of the handshake.
/// @return a packet of the backend on it.
Packet establish(Datapath& datapath, std::uint32_t flow) {
    auto const forwarded = decode(datapath.send(Hook::xdp, encode(packet_of(flow, syn))).frame);
    if (!forwarded) throw std::runtime_error{"a flow was not forwarded"};
    (void)datapath.send(Hook::xdp, encode(answer_to(*forwarded, syn | ack)));
    (void)datapath.send(Hook::xdp, encode(packet_of(flow, ack)));
    return answer_to(*forwarded, ack);
}

std::vector<Case> cases_with(Datapath& datapath, std::uint32_t flows) {
    std::vector<Case> cases{{"established_nat_ipv4_tcp", {}, PM_FORWARD_TO_BACKEND},
                            {"established_nat_ipv4_tcp_reply", {}, PM_FORWARD_TO_CLIENT},
                            {"not_ours", {}, PM_PASS_NOT_OURS}};
    for (std::uint32_t flow = 0; flow < flows; ++flow) {
        cases[1].frames.push_back(to_runner(establish(datapath, flow)));
        auto packet = packet_of(flow, ack);
        cases[0].frames.push_back(to_runner(packet));
        packet.destination_port = 22;
        cases[2].frames.push_back(to_runner(packet));
    }
    return cases;
}

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

/// The blocks of both programs take turns, so that both meet the same disturbances.
void add_round(Timing& timing, Runner& runner, int program_fd, Effort const& effort) {
    std::vector<std::uint32_t> program;
    std::vector<std::uint32_t> empty;
    for (unsigned block = 0; block < effort.blocks; ++block) {
        runner.choose(program_fd);
        program.push_back(runner.run_block(effort.packets_in_block));
        runner.choose(runner.empty_program());
        empty.push_back(runner.run_block(effort.packets_in_block));
    }
    timing.program.push_back(mean_of_quicker_half(program));
    timing.empty.push_back(mean_of_quicker_half(empty));
    timing.net.push_back(timing.program.back() - timing.empty.back());
}

/// Share of the packets that met the verdict they should.
double share_of(std::uint32_t verdict, pm_counters const& before, pm_counters const& after) {
    return static_cast<double>(after.verdict[verdict] - before.verdict[verdict]) /
           static_cast<double>(after.received - before.received);
}

void check_verdict(Case const& test_case, pm_counters const& before, pm_counters const& after) {
    if (share_of(test_case.verdict, before, after) < 0.9999)
        throw std::runtime_error{test_case.name + ": packets met another verdict"};
}

/// All cases take turns within each round.
std::vector<Timing> measure(std::vector<Case> const& cases, Datapath& datapath, Runner& runner,
                            Effort const& effort) {
    std::vector<Timing> timings(cases.size());
    for (unsigned round = 0; round < effort.rounds; ++round)
        for (std::size_t i = 0; i < cases.size(); ++i) {
            auto const before = total(datapath.programs().counters());
            runner.load(cases[i].frames);
            add_round(timings[i], runner, datapath.programs().fd(Hook::xdp), effort);
            check_verdict(cases[i], before, total(datapath.programs().counters()));
        }
    return timings;
}

void print(Case const& test_case, Timing const& timing, bool first) {
    std::cout << (first ? "\n" : ",\n") << "  {\"name\": \"" << test_case.name
              << "\", \"flows\": " << test_case.frames.size() << ", \"rounds\": " << timing.net.size()
              << ", \"program_ns_median\": " << median(timing.program)
              << ", \"program_ns_min\": " << std::ranges::min(timing.program)
              << ", \"empty_ns_median\": " << median(timing.empty)
              << ", \"empty_ns_min\": " << std::ranges::min(timing.empty)
              << ", \"net_ns_median\": " << median(timing.net)
              << ", \"net_ns_min\": " << std::ranges::min(timing.net) << "}";
}

DatapathOptions options_for(std::uint32_t flows) {
    auto options = small_options();
    options.sessions = std::max(4096U, 4 * flows);
    return options;
}

void run(Effort const& effort) {
    Runner runner{most_flows};
    std::cout << "{\"schema\": \"pointsman.bench/packets/1\", \"cases\": [";
    for (std::uint32_t const flows : {1U, most_flows}) {
        Datapath datapath{options_for(flows)};
        datapath.commit(web_world(Protocol::tcp, backends).plan({}).next);
        auto const cases = cases_with(datapath, flows);
        auto const timings = measure(cases, datapath, runner, effort);
        for (std::size_t i = 0; i < cases.size(); ++i)
            print(cases[i], timings[i], flows == 1 && i == 0);
    }
    std::cout << "\n]}\n";
}

} // namespace
} // namespace pointsman::bench

int main(int argc, char** argv) {
    pointsman::bench::Effort effort;
    if (argc > 1 && std::string_view{argv[1]} == "--quick") effort = {9, 2, 16384};
    try {
        if (auto const why = pointsman::test::why_not_here(); !why.empty()) throw std::runtime_error{why};
        pointsman::bench::run(effort);
    } catch (std::exception const& error) {
        std::cerr << "packet_bench: " << error.what() << '\n';
        return 1;
    }
}
