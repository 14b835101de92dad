#include "controller/plan/passive.hpp"

#include <algorithm>
#include <utility>

namespace pointsman {

std::string_view name_of(Doubt::Kind kind) noexcept {
    return kind == Doubt::Kind::silent ? "silent" : "slow";
}

void TrafficWatch::handshake(BackendId id, std::chrono::microseconds took) {
    auto& known = handshakes_[id];
    auto const value = static_cast<double>(took.count());
    known.average_us = known.count == 0 ? value : known.average_us + (value - known.average_us) / 16;
    known.count = std::min(known.count + 1, fewest_handshakes);
}

std::vector<Doubt> TrafficWatch::look(std::span<BackendTraffic const> traffic, TimePoint now) {
    std::vector<Doubt> doubts;
    recall(traffic);
    busy_ = false;
    for (std::size_t i = 0; i < traffic.size(); ++i) {
        auto const& counts = traffic[i];
        auto const before = std::exchange(seen_[i].established, counts.established);
        if (before != counts.established && counts.port != 0)
            last_handshakes_[{counts.address, counts.port}] = looked_;
        busy_ |= counts.to_backend != seen_[i].to_backend;
        if (is_silent(seen_[i], counts, now)) doubts.push_back({counts.id, Doubt::Kind::silent});
    }
    looked_ = now;
    std::erase_if(handshakes_, [this](auto const& entry) {
        return !std::binary_search(sorted_.begin(), sorted_.end(), entry.first);
    });
    add_slow(traffic, doubts);
    return doubts;
}

std::optional<TrafficWatch::TimePoint> TrafficWatch::last_handshake(Address const& address,
                                                                    std::uint16_t port) const {
    auto const found = last_handshakes_.find({address, port});
    return found == last_handshakes_.end() ? std::nullopt : std::optional{found->second};
}

/// Brings what was seen into the order of `traffic`, in which it mostly is.
void TrafficWatch::recall(std::span<BackendTraffic const> traffic) {
    auto const same = [](Seen const& seen, BackendTraffic const& counts) { return seen.id == counts.id; };
    if (std::equal(seen_.begin(), seen_.end(), traffic.begin(), traffic.end(), same)) return;
    std::map<BackendId, Seen> known;
    for (auto const& seen : seen_)
        known.emplace(seen.id, seen);
    seen_.clear();
    sorted_.clear();
    for (auto const& counts : traffic) {
        auto const found = known.find(counts.id);
        seen_.push_back(found == known.end()
                            ? Seen{counts.id, counts.to_backend, counts.to_client, 0, {}, counts.established}
                            : found->second);
        sorted_.push_back(counts.id);
    }
    std::sort(sorted_.begin(), sorted_.end());
}

bool TrafficWatch::is_silent(Seen& seen, BackendTraffic const& counts, TimePoint now) {
    auto const in = counts.to_backend - std::exchange(seen.to_backend, counts.to_backend);
    auto const out = counts.to_client - std::exchange(seen.to_client, counts.to_client);
    if (out > 0) {
        seen.since.reset();
        seen.unanswered = 0;
        return false;
    }
    seen.unanswered += in;
    if (in > 0 && !seen.since) seen.since = now;
    bool const silent = seen.since && seen.unanswered >= fewest_packets && now - *seen.since >= silence;
    // The packets that raised this doubt raise no other: who stops asking gets no more probes.
    if (silent) {
        seen.since.reset();
        seen.unanswered = 0;
    }
    return silent;
}

void TrafficWatch::add_slow(std::span<BackendTraffic const> traffic, std::vector<Doubt>& doubts) const {
    std::map<std::uint16_t, std::vector<std::pair<double, BackendId>>> pools;
    for (auto const& counts : traffic) {
        auto const known = handshakes_.find(counts.id);
        if (known != handshakes_.end() && known->second.count >= fewest_handshakes)
            pools[counts.service].emplace_back(known->second.average_us, counts.id);
    }
    for (auto& [service, pool] : pools) {
        if (pool.size() < 2) continue;
        std::ranges::sort(pool);
        auto const& [worst, id] = pool.back();
        auto const median = pool[(pool.size() - 1) / 2].first; // of two: the better one
        if (worst > slow_factor * median && worst > median + slow_floor_us)
            doubts.push_back({id, Doubt::Kind::slow});
    }
}

bool FailedClients::note(Address const& client, std::uint64_t established, TimePoint now) {
    if (!began_ || now - *began_ > window) {
        began_ = now;
        established_then_ = established;
        failures_ = 0;
        clients_.clear();
    }
    ++failures_;
    if (clients_.size() < fewest_clients) clients_.insert(client);
    auto const good = established - established_then_;
    if (clients_.size() < fewest_clients || good > most_good * failures_) return false;
    began_.reset();
    return true;
}

} // namespace pointsman
