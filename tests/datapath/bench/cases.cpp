#include "tests/datapath/bench/cases.hpp"

#include "controller/datapath/verdicts.hpp"
#include "controller/plan/plan.hpp"
#include "tests/datapath/world.hpp"

#include <algorithm>

namespace pointsman::bench {
namespace {

using namespace test;

constexpr std::uint16_t service_port = 80;
constexpr std::uint16_t other_port = 22;
constexpr std::uint32_t flows_per_client = 32768;
constexpr std::uint32_t flows_per_backend = 16384; ///< half of the NAT ports
constexpr std::size_t ip_offset = 14;

Address with_low_octets(Address base, std::uint32_t low) {
    auto octets = base.octets();
    for (std::size_t i = 0; i < 4; ++i)
        octets[15 - i] = static_cast<std::uint8_t>(octets[15 - i] + (low >> (8 * i)));
    return Address::from_octets(octets);
}

Address service_address(bool v6) {
    return v6 ? *Address::parse("2001:db8::100") : *Address::parse("192.0.2.10");
}

Address client_of(std::uint32_t flow, bool v6) {
    auto const base = v6 ? *Address::parse("2001:db8:1::") : *Address::parse("100.64.0.0");
    return with_low_octets(base, flow / flows_per_client);
}

/// An Ethernet frame of 80 octets with IP and TCP or UDP headers. Nothing in XDP looks at checksums.
class FrameWriter {
public:
    explicit FrameWriter(bool v6) : v6_{v6} {
        std::ranges::copy(client_side_mac, at(0));
        std::ranges::copy(router_mac, at(6));
        word(12, v6 ? 0x86dd : 0x0800);
    }

    void ip(Address const& source, Address const& destination, Protocol protocol) {
        auto const payload = frame_.octets.size() - l4_offset();
        if (v6_) {
            word(ip_offset, 0x6000);
            word(ip_offset + 4, payload);
            frame_.octets[ip_offset + 6] = static_cast<std::uint8_t>(protocol);
            frame_.octets[ip_offset + 7] = 64;
            std::ranges::copy(source.octets(), at(ip_offset + 8));
            std::ranges::copy(destination.octets(), at(ip_offset + 24));
        } else {
            word(ip_offset, 0x4500);
            word(ip_offset + 2, payload + 20);
            word(ip_offset + 8, 64U << 8 | static_cast<unsigned>(protocol));
            std::ranges::copy(std::span{source.octets()}.last(4), at(ip_offset + 12));
            std::ranges::copy(std::span{destination.octets()}.last(4), at(ip_offset + 16));
        }
    }

    void ports(std::uint16_t source, std::uint16_t destination) {
        word(l4_offset(), source);
        word(l4_offset() + 2, destination);
    }
    void tcp_flags(std::uint8_t flags) { word(l4_offset() + 12, 5U << 12 | flags); }
    void udp_length() { word(l4_offset() + 4, frame_.octets.size() - l4_offset()); }

    [[nodiscard]] RunnerFrame const& frame() const { return frame_; }

private:
    [[nodiscard]] std::size_t l4_offset() const { return ip_offset + (v6_ ? 40 : 20); }
    std::uint8_t* at(std::size_t offset) { return frame_.octets.data() + offset; }
    void word(std::size_t offset, std::size_t value) {
        write_16(frame_.octets, offset, static_cast<std::uint32_t>(value));
    }

    bool v6_;
    RunnerFrame frame_;
};

RunnerFrame frame_of(Mode const& mode, std::uint32_t flow, std::uint8_t flags,
                     std::uint16_t port = service_port) {
    FrameWriter out{mode.v6};
    out.ip(client_of(flow, mode.v6), service_address(mode.v6), mode.protocol);
    out.ports(static_cast<std::uint16_t>(1024 + flow % flows_per_client), port);
    if (mode.protocol == Protocol::tcp)
        out.tcp_flags(flags);
    else
        out.udp_length();
    return out.frame();
}

template<typename Iterator>
void exchange(Iterator first, std::size_t length) {
    std::swap_ranges(first, first + static_cast<std::ptrdiff_t>(length),
                     first + static_cast<std::ptrdiff_t>(length));
}

/// A backend's answer to a forwarded NAT packet.
RunnerFrame answer_to(RunnerFrame frame, Mode const& mode, std::uint8_t flags) {
    auto const octets = frame.octets.begin();
    std::ranges::copy(client_side_mac, octets);
    std::ranges::copy(backend_mac(1), octets + 6);
    exchange(octets + ip_offset + (mode.v6 ? 8 : 12), mode.v6 ? 16 : 4);
    exchange(octets + ip_offset + (mode.v6 ? 40 : 20), 2);
    if (mode.protocol == Protocol::tcp) octets[ip_offset + (mode.v6 ? 40 : 20) + 13] = flags;
    return frame;
}

std::string name_of_verdict(std::optional<std::uint32_t> verdict) {
    auto const name = std::ranges::find(verdict_names(), verdict.value_or(PM_VERDICTS), &VerdictName::number);
    return name == verdict_names().end() ? "no verdict" : std::string{name->name};
}

/// Without looking at the counters of all CPUs, as Datapath::send does: millions of packets go this way.
RunnerFrame send(Datapath& datapath, RunnerFrame const& frame) {
    Frame output{frame.octets.begin(), frame.octets.end()};
    auto const fate = run_program(datapath.programs().fd(Hook::xdp), Hook::xdp, output);
    if (fate != Fate::sent_back && fate != Fate::redirected) {
        auto const again = datapath.send(Hook::xdp, {frame.octets.begin(), frame.octets.end()});
        throw std::runtime_error{"a packet was not forwarded: " + name_of_verdict(again.verdict)};
    }
    RunnerFrame out;
    std::copy_n(output.begin(), std::min(output.size(), out.octets.size()), out.octets.begin());
    return out;
}

/// All packets of a handshake, or one datagram each way.
/// @return what the backend sends on the flow afterwards.
RunnerFrame establish(Datapath& datapath, Mode const& mode, std::uint32_t flow) {
    auto const forwarded = send(datapath, frame_of(mode, flow, syn));
    auto const answer = answer_to(forwarded, mode, ack);
    if (mode.forward == Forward::nat) (void)send(datapath, answer_to(forwarded, mode, syn | ack));
    if (mode.protocol == Protocol::tcp) (void)send(datapath, frame_of(mode, flow, ack));
    return answer;
}

/// What PEERS cost, as multiples of the floor: for 1, 64 K and 1 M established flows, and new ones.
std::optional<double> target_for(Mode const& mode, std::uint32_t flows) {
    if (mode.protocol == Protocol::udp || mode.forward == Forward::gue) return {};
    auto const size = flows == 1 ? 0 : flows <= 65536 ? 1 : 2;
    constexpr double nat[] = {1.25, 3, 6};
    constexpr double dsr[] = {1.0, 3, 6};
    constexpr double ipip[] = {1.75, 3.5, 6};
    auto const& row = mode.forward == Forward::nat ? nat : mode.forward == Forward::dsr ? dsr : ipip;
    return row[size] * (mode.v6 ? 1.3 : 1.0);
}

std::vector<RunnerFrame> frames_of(std::uint32_t flows, auto const& make) {
    std::vector<RunnerFrame> frames;
    frames.reserve(flows);
    for (std::uint32_t flow = 0; flow < flows; ++flow)
        frames.push_back(make(flow));
    return frames;
}

std::vector<RunnerFrame> established_frames(Mode const& mode, std::uint32_t flows) {
    return frames_of(flows, [&](std::uint32_t flow) { return frame_of(mode, flow, ack); });
}

std::size_t backends_for(std::uint32_t flows) {
    return std::max<std::size_t>(4, flows / flows_per_backend);
}

} // namespace

std::string name_of(Mode const& mode) {
    constexpr char const* forwards[] = {"nat", "dsr", "ipip", "gue"};
    return std::string{forwards[static_cast<std::size_t>(mode.forward)]} + (mode.v6 ? "_ipv6" : "_ipv4") +
           (mode.protocol == Protocol::tcp ? "_tcp" : "_udp");
}

Generation generation_for(Mode const& mode, std::uint32_t flows) {
    auto world = empty_world();
    auto const base = mode.v6 ? *Address::parse("2001:db8:2::1") : *Address::parse("10.0.0.1");
    auto& service = world.desired.services.emplace_back();
    service.name = "web";
    service.address = service_address(mode.v6);
    service.port_first = service.port_last = service_port;
    service.protocol = mode.protocol;
    service.forward = mode.forward;
    for (std::uint32_t number = 0; number < backends_for(flows); ++number) {
        auto& backend = service.backends.emplace_back();
        backend.name = "b" + std::to_string(number);
        backend.address = with_low_octets(base, number);
        backend.port = service_port;
        world.measured[{"web", backend.name}] = MeasuredState::up;
        world.network.routes[backend.address] = {NextHop{1, backend_mac(number), client_side_mac},
                                                 mode.v6 ? *Address::parse("2001:db8:2::ffff")
                                                         : *Address::parse("10.0.255.1")};
    }
    return world.plan({}).next;
}

DatapathOptions options_for(std::uint32_t flows) {
    auto options = small_options();
    options.backends = 256;
    options.sessions = std::max(4096U, 2 * flows); // a third full: every flow finds a place
    return options;
}

std::vector<RunnerFrame> floor_frames(std::uint32_t flows) {
    return established_frames({}, flows);
}

RunnerFrame frame_of_no_service(Mode const& mode, std::uint32_t flow) {
    return frame_of(mode, flow, ack, other_port);
}

std::vector<Case> cases_of(Datapath& datapath, Mode const& mode, std::uint32_t flows) {
    auto const tcp = mode.protocol == Protocol::tcp;
    auto const name = name_of(mode);
    std::vector<Case> cases;
    auto answers = frames_of(flows, [&](std::uint32_t flow) { return establish(datapath, mode, flow); });
    auto const add = [&](std::string what, std::vector<RunnerFrame> frames, std::uint32_t verdict,
                         std::optional<double> target) {
        auto const tunnel = mode.forward == Forward::ipip || mode.forward == Forward::gue;
        cases.push_back({name + "_" + what, std::move(frames), verdict, what == "new",
                         tunnel && what != "not_ours", target});
    };
    add("established", established_frames(mode, flows), PM_FORWARD_TO_BACKEND, target_for(mode, flows));
    if (mode.forward == Forward::nat)
        add("reply", std::move(answers), PM_FORWARD_TO_CLIENT, target_for(mode, flows));
    if (!tcp) return cases;
    add("not_ours", frames_of(flows, [&](std::uint32_t flow) { return frame_of_no_service(mode, flow); }),
        PM_PASS_NOT_OURS, flows == 1 ? std::optional{mode.v6 ? 0.975 : 0.75} : std::nullopt);
    if (flows > 1 && flows <= 65536)
        add("new", frames_of(flows, [&](std::uint32_t flow) { return frame_of(mode, flow, syn); }),
            PM_FORWARD_TO_BACKEND, mode.v6 ? 10.4 : 8.0);
    return cases;
}

} // namespace pointsman::bench
