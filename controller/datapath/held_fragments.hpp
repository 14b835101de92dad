#pragma once

#include "controller/datapath/fragment_wait.hpp"
#include "controller/datapath/mapped_array.hpp"
#include "controller/datapath/reinjection.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

struct ring_buffer;

namespace pointsman {

class Programs;

/// Keeps the fragments that the programs hand over, and gives them back to their interfaces when the first
/// one of their packet has come, or is not waited for any longer. The rest of the daemon has no part in it.
class HeldFragments {
public:
    /// How many the programs may hand over in a period: that many take some 7 % of a CPU, whoever sends them,
    /// and are a datagram of 64 KiB and more.
    static constexpr std::uint64_t most_in_a_period = 64;
    static constexpr std::chrono::milliseconds period{50};

    struct Counts {
        std::uint64_t first_came = 0; ///< given back, with the first one known
        std::uint64_t in_vain = 0;    ///< given back without
        std::uint64_t lost = 0;       ///< not given back: too old, or the interface is gone
    };

    /// The native XDP program on this interface, or -1.
    using NativeXdp = std::function<int(std::uint32_t ifindex)>;
    /// The kernel gives no frames back: no more are held from now on.
    using Refused = std::function<void(boost::system::error_code)>;

    /// @throws DatapathError when the kernel's memory cannot be mapped.
    HeldFragments(boost::asio::io_context& context, Programs const& programs, NativeXdp native_xdp,
                  Refused refused);
    HeldFragments(HeldFragments const&) = delete;
    HeldFragments& operator=(HeldFragments const&) = delete;
    ~HeldFragments();

    [[nodiscard]] Counts const& counts() const noexcept { return counts_; }

private:
    void wait_for_wakeup();
    void consume();
    void take(pm_held_fragment const& held);
    void look();
    void release(ReleasedFragment const& released);
    void settle(pm_fragment_key const& key) const;
    [[nodiscard]] bool first_came(pm_fragment_key const& key) const;
    void grant();
    void grant_none() noexcept;
    static int on_record(void* self, void* record, std::size_t size);

    MappedArray<pm_hold> hold_;
    int fragments_fd_;
    std::unique_ptr<ring_buffer, void (*)(ring_buffer*)> ring_;
    boost::asio::posix::stream_descriptor descriptor_;
    boost::asio::steady_timer look_due_;
    boost::asio::steady_timer grant_due_;
    bool grant_is_due_ = false;
    bool is_refused_ = false;
    NativeXdp native_xdp_;
    Refused refused_;
    FragmentWait wait_;
    Reinjection reinjection_;
    Counts counts_;
};

} // namespace pointsman
