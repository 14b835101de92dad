#pragma once

#include "controller/model/address.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pointsman::test {

/// The octets of an Ethernet frame, without the frame check sequence.
using Frame = std::vector<std::uint8_t>;
using Octets = std::vector<std::uint8_t>;

[[nodiscard]] std::uint16_t read_16(std::span<std::uint8_t const> octets, std::size_t offset);
[[nodiscard]] std::uint32_t read_32(std::span<std::uint8_t const> octets, std::size_t offset);
void write_16(std::span<std::uint8_t> octets, std::size_t offset, std::uint32_t value);

/// Internet checksum (RFC 1071) of octets in network order, before the complement. `sum` continues an earlier
/// one.
[[nodiscard]] std::uint32_t sum_octets(std::span<std::uint8_t const> octets, std::uint32_t sum = 0) noexcept;

/// A sum's 16 bits, not complemented.
[[nodiscard]] std::uint16_t fold_sum(std::uint32_t sum) noexcept;

[[nodiscard]] std::string hex(std::span<std::uint8_t const> octets, char separator);

/// Appends in network order.
class Writer {
public:
    Writer& octet(std::size_t value) {
        octets_.push_back(static_cast<std::uint8_t>(value));
        return *this;
    }
    Writer& word(std::size_t value) { return octet(value >> 8).octet(value & 0xff); }
    Writer& dword(std::size_t value) { return word(value >> 16).word(value & 0xffff); }
    Writer& octets(std::span<std::uint8_t const> values) {
        octets_.insert(octets_.end(), values.begin(), values.end());
        return *this;
    }
    /// 4 octets or 16.
    Writer& address(Address const& address) {
        return octets(std::span{address.octets()}.last(address.is_v4() ? 4 : 16));
    }
    [[nodiscard]] Octets take() { return std::move(octets_); }

private:
    Octets octets_;
};

} // namespace pointsman::test
