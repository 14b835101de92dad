#include "tests/datapath/scene.hpp"

#include <algorithm>
#include <atomic>
#include <iostream>
#include <thread>

/// The central promise: a packet sees one generation, never half of each of two.
///
/// Generations are of three colours that share nothing: other ids, addresses, ports, MACs, NAT addresses. A
/// packet that took its service from one and its backend from another would meet a verdict other than
/// forwarding, or leave with fields of both.

namespace pointsman::test {
namespace {

constexpr std::uint64_t packets_per_thread = 5'000'000;
constexpr std::uint16_t flows_per_thread = 64;
constexpr unsigned backends_of_a_colour = 4;
constexpr unsigned colours = 3; ///< odd, so that each half holds another one each time it is written

/// Offsets in a TCP frame without IP options.
enum Offset : std::size_t { source_at = 26, destination_at = 30, ports_at = 34, flags_at = 47 };

Address address_of(unsigned colour, unsigned number) {
    return Address::v4(0x0a'00'00'00 + (colour << 16) + number);
}
std::uint16_t port_of(unsigned colour, unsigned number) {
    return static_cast<std::uint16_t>(colour * 1000 + number);
}
Mac mac_of(unsigned colour, unsigned number) {
    return {2, 0, 0, 0, static_cast<std::uint8_t>(colour), static_cast<std::uint8_t>(number)};
}

GenerationBackend backend_of(unsigned colour, unsigned number) {
    GenerationBackend backend;
    backend.id = static_cast<BackendId>((colour - 1) * backends_of_a_colour + number);
    backend.service = ServiceId{static_cast<std::uint16_t>(colour)};
    backend.address = address_of(colour, number);
    backend.port = port_of(colour, number);
    backend.incarnation = colour;
    backend.next_hop = NextHop{backend_side_ifindex, mac_of(colour, number), mac_of(colour, 0)};
    backend.nat_addresses = {address_of(colour, 100)};
    return backend;
}

/// Colour 1 to 3.
Generation generation_of(unsigned colour) {
    Generation generation;
    generation.links = empty_world().network.links;
    generation.nat_addresses.assign(colour, Address{});
    generation.nat_addresses.push_back(address_of(colour, 100));
    std::vector<BackendId> slots;
    for (unsigned number = 1; number <= backends_of_a_colour; ++number) {
        auto const backend = backend_of(colour, number);
        generation.backends.push_back(backend);
        slots.push_back(backend.id);
    }
    GenerationService service;
    service.id = ServiceId{static_cast<std::uint16_t>(colour)};
    service.address = web_address;
    service.port_first = service.port_last = web_port;
    service.on_down =
        OnDown::rehash; // packets in the middle of a connection that has no session are forwarded too
    service.idle_timeout = std::chrono::minutes{15};
    service.maglev = std::make_shared<MaglevTable const>(slots);
    generation.services.push_back(std::move(service));
    return generation;
}

/// Did all that the balancer wrote come from one colour?
bool is_of_one_colour(Frame const& frame) {
    auto const colour = frame[4];
    auto const number = frame[5];
    return colour >= 1 && colour <= colours && number >= 1 && number <= backends_of_a_colour &&
           std::ranges::equal(std::span{frame}.subspan(6, 6), mac_of(colour, 0)) &&
           Address::v4(read_32(frame, source_at)) == address_of(colour, 100) &&
           Address::v4(read_32(frame, destination_at)) == address_of(colour, number) &&
           read_16(frame, ports_at + 2) == port_of(colour, number) && has_valid_checksums(frame);
}

/// The packet's answer. Its checksums stay right: the same words stand elsewhere.
void turn_around(Frame& frame) {
    auto const swap = [&](std::size_t a, std::size_t b, std::size_t length) {
        std::swap_ranges(frame.begin() + static_cast<std::ptrdiff_t>(a),
                         frame.begin() + static_cast<std::ptrdiff_t>(a + length),
                         frame.begin() + static_cast<std::ptrdiff_t>(b));
    };
    swap(0, 6, 6);
    std::ranges::copy(client_side_mac, frame.begin()); // the interface that all packets of the tests come by
    swap(source_at, destination_at, 4);
    swap(ports_at, ports_at + 2, 2);
}

/// One thread's packets: of each flow a SYN, later ACKs, and now and then the backend's answer.
class Sender {
public:
    Sender(int program_fd, Hook hook, std::uint16_t first_port) : program_fd_{program_fd}, hook_{hook} {
        for (std::uint16_t i = 0; i < flows_per_thread; ++i) {
            auto const port = static_cast<std::uint16_t>(first_port + i);
            requests_.push_back(encode(client_packet(port, syn)));
            requests_.push_back(encode(client_packet(port, ack)));
        }
    }

    void run() {
        for (std::uint64_t sent = 0; sent < packets_per_thread; ++sent) {
            auto const& request = requests_[sent % requests_.size()];
            frame_ = request;
            check_request(run_program(program_fd_, hook_, frame_));
            if (sent % 4 != 3) continue;
            turn_around(frame_);
            auto const answer = frame_;
            check_answer(run_program(program_fd_, hook_, frame_), answer, request);
            ++sent;
        }
    }

    [[nodiscard]] std::uint64_t mixed() const noexcept { return mixed_; }

private:
    void check_request(Fate fate) {
        auto const sent = fate == Fate::redirected;
        if (sent ? !is_of_one_colour(frame_) : fate != Fate::dropped) ++mixed_;
    }

    /// Either the generation of the request is still active, or the answer is none of ours.
    void check_answer(Fate fate, Frame const& answer, Frame const& request) {
        if (fate == Fate::passed && frame_ == answer) return;
        auto const right = fate != Fate::passed && fate != Fate::dropped &&
                           std::ranges::equal(std::span{frame_}.first(6), std::span{request}.subspan(6, 6)) &&
                           std::ranges::equal(std::span{frame_}.subspan(source_at, 4),
                                              std::span{request}.subspan(destination_at, 4)) &&
                           std::ranges::equal(std::span{frame_}.subspan(destination_at, 4),
                                              std::span{request}.subspan(source_at, 4)) &&
                           read_32(frame_, ports_at) ==
                               (read_32(request, ports_at) << 16 | read_32(request, ports_at) >> 16) &&
                           has_valid_checksums(frame_);
        if (!right && fate != Fate::dropped) ++mixed_;
    }

    int program_fd_;
    Hook hook_;
    std::vector<Frame> requests_;
    Frame frame_;
    std::uint64_t mixed_ = 0;
};

struct Flips {
    std::uint64_t tables = 0;
    std::uint64_t sessions = 0;
};

/// Changes colour as fast as the grace period allows; every fourth time the sessions change their half too.
Flips flip_until(std::atomic<bool> const& done, Datapath& datapath) {
    std::array<Generation, colours> generations{generation_of(1), generation_of(2), generation_of(3)};
    Flips flips;
    while (!done.load(std::memory_order_relaxed)) {
        auto& generation = generations[++flips.tables % colours];
        generation.number = flips.tables;
        auto const swap = flips.tables % 4 == 0;
        datapath.commit(generation, swap);
        if (swap) {
            datapath.finish_swap();
            ++flips.sessions;
        } else {
            Switch::wait_for_packets();
        }
    }
    return flips;
}

TEST(Atomicity, TenMillionPacketsSeeWholeGenerationsWhileTheyFlip) {
    if (auto const why = why_not_here(); !why.empty()) GTEST_SKIP() << why;
    auto& datapath = shared_datapath();
    datapath.reset();
    datapath.commit(generation_of(1));
    std::array senders{Sender{datapath.programs().fd(Hook::xdp), Hook::xdp, 10000},
                       Sender{datapath.programs().fd(Hook::tc), Hook::tc, 20000}};
    std::atomic<bool> done{false};
    Flips flips;
    std::thread flipper{[&] { flips = flip_until(done, datapath); }};
    {
        std::vector<std::jthread> threads;
        threads.reserve(std::size(senders));
        for (auto& sender : senders)
            threads.emplace_back([&sender] { sender.run(); });
    }
    done = true;
    flipper.join();
    auto const counters = total(datapath.programs().counters());
    std::cout << counters.received << " packets, " << flips.tables << " flips, " << flips.sessions
              << " of them with the sessions\n";
    EXPECT_EQ(senders[0].mixed(), 0U);
    EXPECT_EQ(senders[1].mixed(), 0U);
    EXPECT_GE(counters.received, 2 * packets_per_thread);
    EXPECT_GT(flips.tables, 50U);
    auto const harmless = counters.verdict[PM_FORWARD_TO_BACKEND] + counters.verdict[PM_FORWARD_TO_CLIENT] +
                          counters.verdict[PM_PASS_NOT_OURS] + counters.verdict[PM_DROP_SESSIONS_FULL];
    EXPECT_EQ(counters.received, harmless) << "a packet that mixes generations finds no backend";
    EXPECT_LT(counters.verdict[PM_DROP_SESSIONS_FULL], counters.received / 1000);
}

} // namespace
} // namespace pointsman::test
