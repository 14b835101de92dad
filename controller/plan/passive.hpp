#pragma once

#include "controller/model/address.hpp"
#include "controller/model/ids.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace pointsman {

/// What the datapath counted of one backend since the start.
struct BackendTraffic {
    BackendId id = BackendId::none;
    std::uint16_t service = 0;
    std::uint64_t to_backend = 0; ///< packets
    std::uint64_t to_client = 0;
    std::uint64_t established = 0; ///< TCP handshakes that clients completed with it
    Address address{};             ///< where they went
    std::uint16_t port = 0;        ///< likewise; 0: they stand for no probe
};

/// Evidence that no single packet shows.
struct Doubt {
    enum class Kind : std::uint8_t {
        silent, ///< packets go in and none comes out
        slow,   ///< its handshakes take far longer than those of the rest of its pool
    };
    BackendId id = BackendId::none;
    Kind kind = Kind::silent;

    friend bool operator==(Doubt const&, Doubt const&) = default;
};

[[nodiscard]] std::string_view name_of(Doubt::Kind kind) noexcept;

/// Looks at counters and handshake times from time to time. No clock and no I/O.
class TrafficWatch {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::milliseconds busy_interval{50}; ///< between two looks while packets pass
    static constexpr std::chrono::milliseconds idle_interval{250};
    /// More than a delayed acknowledgement takes (40 ms on Linux), which is the longest that a healthy host
    /// leaves a packet unanswered.
    static constexpr std::chrono::milliseconds silence{80};
    static constexpr std::uint64_t fewest_packets = 2; ///< unanswered ones: a single one may be lost
    static constexpr unsigned fewest_handshakes = 32;  ///< of a backend before it is compared
    static constexpr unsigned slow_factor = 4;         ///< times the median of the others
    static constexpr double slow_floor_us = 10'000;    ///< and so much more than it

    /// A completed handshake and how long it took.
    void handshake(BackendId id, std::chrono::microseconds took);

    /// Compares with the last look. Backends that are not in `traffic` are forgotten.
    [[nodiscard]] std::vector<Doubt> look(std::span<BackendTraffic const> traffic, TimePoint now);

    /// When a client last completed a handshake there, with a backend of whatever service: the time of the
    /// look before, since counters tell of it, and so never too late. nullopt: none is known.
    [[nodiscard]] std::optional<TimePoint> last_handshake(Address const& address, std::uint16_t port) const;

    /// After a change of configuration: backends that are gone are not kept in mind for ever.
    void forget_handshakes() noexcept { last_handshakes_.clear(); }

    /// Until the next look.
    [[nodiscard]] std::chrono::milliseconds interval() const noexcept {
        return busy_ ? busy_interval : idle_interval;
    }

private:
    struct Seen {
        BackendId id = BackendId::none;
        std::uint64_t to_backend = 0;
        std::uint64_t to_client = 0;
        std::uint64_t unanswered = 0;   ///< packets since `since`
        std::optional<TimePoint> since; ///< of the first look that found packets in and none out
        std::uint64_t established = 0;
    };
    struct Handshakes {
        double average_us = 0; ///< exponentially weighted, 1/16 for the newest
        unsigned count = 0;    ///< up to fewest_handshakes
    };

    void recall(std::span<BackendTraffic const> traffic);
    [[nodiscard]] bool is_silent(Seen& seen, BackendTraffic const& now_counts, TimePoint now);
    void add_slow(std::span<BackendTraffic const> traffic, std::vector<Doubt>& doubts) const;

    std::vector<Seen> seen_;        ///< in the order of the last look's traffic
    std::vector<BackendId> sorted_; ///< whom it was about
    std::map<BackendId, Handshakes> handshakes_;
    std::map<std::pair<Address, std::uint16_t>, TimePoint> last_handshakes_;
    TimePoint looked_{};
    bool busy_ = false;
};

/// Clients whose connections to one backend failed lately, for `passive = "eject"`.
class FailedClients {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::seconds window{10};
    static constexpr std::size_t fewest_clients = 3; ///< different addresses: one client proves nothing
    static constexpr std::uint64_t most_good = 4;    ///< completed connections for each failed one

    /// `established` is the number of handshakes the backend completed since the start.
    /// @return true when enough different clients failed, and not only a few of many: they are counted anew
    /// then.
    bool note(Address const& client, std::uint64_t established, TimePoint now);

private:
    std::optional<TimePoint> began_;
    std::uint64_t established_then_ = 0;
    std::uint64_t failures_ = 0;
    std::set<Address> clients_; ///< at most fewest_clients of them
};

} // namespace pointsman
