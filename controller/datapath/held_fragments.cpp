#include "controller/datapath/held_fragments.hpp"

#include "controller/datapath/programs.hpp"

#include <algorithm>
#include <atomic>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <utility>

namespace pointsman {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t mac_addresses = 12; ///< octets before the first tag

/// The frame as the wire had it.
std::vector<std::uint8_t> frame_of(pm_held_fragment const& held) {
    std::vector<std::uint8_t> frame(held.frame,
                                    held.frame + std::min<std::size_t>(held.length, PM_HELD_FRAME));
    if (held.tag == 0 || frame.size() < mac_addresses) return frame;
    std::array<std::uint8_t, 4> const tag{
        static_cast<std::uint8_t>(held.tag >> 24), static_cast<std::uint8_t>(held.tag >> 16),
        static_cast<std::uint8_t>(held.tag >> 8), static_cast<std::uint8_t>(held.tag)};
    frame.insert(frame.begin() + mac_addresses, tag.begin(), tag.end());
    return frame;
}

HeldFragment decode(pm_held_fragment const& held) {
    return {held.key, held.ifindex, frame_of(held),
            Clock::time_point{std::chrono::nanoseconds{held.time_ns}}};
}

/// What is known of the first one of a fragment's packet.
std::optional<pm_session> known_first(int fragments_fd, pm_fragment_key const& key) {
    pm_session session{};
    if (bpf_map_lookup_elem(fragments_fd, &key, &session) != 0) return std::nullopt;
    return session;
}

/// Or another fragment of the same packet waited in vain.
bool has_come(pm_session const& first) {
    return first.service != 0 || first.protocol != PM_FIRST_CAME_NOT;
}

} // namespace

HeldFragments::HeldFragments(boost::asio::io_context& context, Programs const& programs, NativeXdp native_xdp,
                             Refused refused)
    : hold_{programs.map_fd("pm_hold"), 1}
    , fragments_fd_{programs.map_fd("pm_fragments")}
    , ring_{ring_buffer__new(programs.map_fd("pm_held"), on_record, this, nullptr), ring_buffer__free}
    , descriptor_{context}
    , look_due_{context}
    , grant_due_{context}
    , native_xdp_{std::move(native_xdp)}
    , refused_{std::move(refused)} {
    if (!ring_) throw DatapathError{"cannot map the ring of fragments", "raise the limit of open files"};
    descriptor_.assign(::dup(ring_buffer__epoll_fd(ring_.get())));
    wait_for_wakeup();
    grant();
}

/// Without a daemon the programs decide at once.
HeldFragments::~HeldFragments() {
    grant_none();
}

void HeldFragments::wait_for_wakeup() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this](boost::system::error_code error) {
                               if (error) return;
                               consume();
                               wait_for_wakeup();
                           });
}

/// What comes in between the grants is counted by the programs.
void HeldFragments::consume() {
    ring_buffer__consume(ring_.get());
    look();
    if (std::exchange(grant_is_due_, true)) return;
    grant_due_.expires_after(period);
    grant_due_.async_wait([this](boost::system::error_code error) {
        grant_is_due_ = false;
        if (!error) grant();
    });
}

int HeldFragments::on_record(void* self, void* record, std::size_t size) {
    if (size >= sizeof(pm_held_fragment))
        static_cast<HeldFragments*>(self)->take(*static_cast<pm_held_fragment const*>(record));
    return 0;
}

void HeldFragments::take(pm_held_fragment const& held) {
    if (!wait_.take(decode(held), Clock::now())) ++counts_.lost;
}

void HeldFragments::look() {
    for (auto const& released : wait_.look(Clock::now(), [this](auto const& key) { return first_came(key); }))
        release(released);
    auto const next = wait_.next_look();
    if (!next) return;
    look_due_.expires_at(*next);
    look_due_.async_wait([this](boost::system::error_code error) {
        if (!error) look();
    });
}

void HeldFragments::release(ReleasedFragment const& released) {
    auto const& fragment = released.fragment;
    auto const first = known_first(fragments_fd_, fragment.key);
    if (!first) settle(fragment.key);
    auto const error = reinjection_.receive(fragment.frame, fragment.ifindex, native_xdp_(fragment.ifindex));
    if (!error) {
        ++(first && has_come(*first) ? counts_.first_came : counts_.in_vain);
        return;
    }
    ++counts_.lost;
    if (error == boost::system::errc::no_such_device || std::exchange(is_refused_, true)) return;
    grant_none();
    refused_(error);
}

/// A first one that comes in this moment is not displaced.
void HeldFragments::settle(pm_fragment_key const& key) const {
    pm_session nobody{};
    nobody.protocol = PM_FIRST_CAME_NOT;
    bpf_map_update_elem(fragments_fd_, &key, &nobody, BPF_NOEXIST);
}

bool HeldFragments::first_came(pm_fragment_key const& key) const {
    return known_first(fragments_fd_, key).has_value();
}

void HeldFragments::grant() {
    if (is_refused_) return;
    auto& hold = hold_.all().front();
    auto const taken = std::atomic_ref{hold.taken}.load(std::memory_order_relaxed);
    std::atomic_ref{hold.granted}.store(taken + most_in_a_period, std::memory_order_relaxed);
}

void HeldFragments::grant_none() noexcept {
    std::atomic_ref{hold_.all().front().granted}.store(0, std::memory_order_relaxed);
}

} // namespace pointsman
