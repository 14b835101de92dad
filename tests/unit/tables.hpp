#pragma once

#include "controller/datapath/tables.hpp"

#include "controller/plan/maglev.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace pointsman::test {

using namespace std::chrono_literals;

inline constexpr std::uint32_t chunks = (maglev_size + PM_MAGLEV_CHUNK - 1) / PM_MAGLEV_CHUNK;
inline constexpr std::uint64_t ticks_per_second = 250;

/// The memory of one half, with what an earlier generation may have left in it.
struct Half {
    explicit Half(std::size_t slot_count = 64) : slots(slot_count) {
        auto const litter = [](auto& values) {
            std::memset(values.data(), 0xa5, values.size() * sizeof(values[0]));
        };
        litter(slots), litter(services), litter(maglev), litter(backends), litter(nat_addresses),
            litter(links);
    }

    TableHalf view() { return {slots, services, maglev, backends, nat_addresses, links, chunks}; }

    std::vector<pm_service_slot> slots;
    std::vector<pm_service> services{4};
    std::vector<pm_maglev_chunk> maglev{std::size_t{4} * chunks};
    std::vector<pm_backend> backends{4};
    std::vector<pm_addr> nat_addresses{PM_NAT_ADDRESSES};
    std::vector<pm_link> links{PM_LINK_SLOTS};
};

template<typename Value>
testing::AssertionResult same_octets(Value const& found, Value const& expected) {
    auto const octets = [](Value const& value) {
        auto const* first = reinterpret_cast<unsigned char const*>(&value);
        return testing::PrintToString(std::vector<unsigned>(first, first + sizeof(Value)));
    };
    if (std::memcmp(&found, &expected, sizeof(Value)) == 0) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "\n   found " << octets(found) << "\nexpected " << octets(expected);
}

inline Address address(char const* text) {
    return Address::parse(text).value();
}

inline GenerationService service(std::uint16_t id, std::uint16_t port_first, std::uint16_t port_last) {
    GenerationService out;
    out.id = ServiceId{id};
    out.name = "s" + std::to_string(id);
    out.address = address("10.77.0.100");
    out.port_first = port_first;
    out.port_last = port_last;
    out.idle_timeout = 15min;
    out.half_open_timeout = 20s;
    out.closing_timeout = 3min;
    out.maglev = std::make_shared<MaglevTable const>();
    return out;
}

inline GenerationBackend backend(std::uint32_t id, char const* at, std::uint16_t service = 1) {
    GenerationBackend out;
    out.id = static_cast<BackendId>(id);
    out.service = ServiceId{service};
    out.address = address(at);
    out.port = 8080;
    out.incarnation = 7;
    return out;
}

inline pm_link link_entry(std::uint32_t ifindex, Mac const& mac, std::uint32_t out_flags) {
    pm_link out{};
    out.ifindex = ifindex;
    std::ranges::copy(mac, out.mac);
    out.out_flags = out_flags;
    return out;
}

inline std::string write(Generation const& generation, Half& half) {
    WrittenHalf written;
    return write_generation(generation, half.view(), written, ticks_per_second);
}

} // namespace pointsman::test
