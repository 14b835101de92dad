#include "tests/datapath/octets.hpp"

#include <iomanip>
#include <sstream>

namespace pointsman::test {

std::uint16_t read_16(std::span<std::uint8_t const> octets, std::size_t offset) {
    return static_cast<std::uint16_t>(octets[offset] << 8 | octets[offset + 1]);
}

std::uint32_t read_32(std::span<std::uint8_t const> octets, std::size_t offset) {
    return static_cast<std::uint32_t>(read_16(octets, offset)) << 16 | read_16(octets, offset + 2);
}

void write_16(std::span<std::uint8_t> octets, std::size_t offset, std::uint32_t value) {
    octets[offset] = static_cast<std::uint8_t>(value >> 8);
    octets[offset + 1] = static_cast<std::uint8_t>(value);
}

std::uint32_t sum_octets(std::span<std::uint8_t const> octets, std::uint32_t sum) noexcept {
    for (std::size_t i = 0; i + 1 < octets.size(); i += 2)
        sum += read_16(octets, i);
    if (octets.size() % 2 != 0) sum += static_cast<std::uint32_t>(octets.back()) << 8;
    return sum;
}

std::uint16_t fold_sum(std::uint32_t sum) noexcept {
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

std::string hex(std::span<std::uint8_t const> octets, char separator) {
    std::ostringstream out;
    out << std::hex << std::setfill('0');
    for (std::size_t i = 0; i < octets.size(); ++i) {
        if (i > 0) out << separator;
        out << std::setw(2) << unsigned{octets[i]};
    }
    return std::move(out).str();
}

} // namespace pointsman::test
