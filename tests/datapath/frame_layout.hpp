#pragma once

#include "tests/datapath/frame.hpp"

namespace pointsman::test {

inline constexpr std::uint16_t ethertype_ipv4 = 0x0800;
inline constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
inline constexpr std::uint8_t fragment_header = 44;

/// Where the parts of an IP packet are in its frame.
struct Layout {
    bool v6 = false;
    std::size_t tags = 0;
    std::size_t l3 = 0;
    std::size_t l4 = 0;  ///< behind options and extension headers
    std::size_t end = 0; ///< of the IP packet: padding follows
    Protocol protocol{};
    bool fragment = false;
    bool headless = false; ///< a later fragment: no L4 header

    /// Of its L4 header; 0 when it has none that we know. Of TCP without options.
    [[nodiscard]] std::size_t l4_header() const noexcept;
    /// From the start of the frame; 0 when there is none.
    [[nodiscard]] std::size_t l4_checksum() const noexcept;
};

/// nullopt when it is no IP packet, or its headers do not fit the frame.
[[nodiscard]] std::optional<Layout> layout_of(std::span<std::uint8_t const> frame);

/// The L4 packet's sum with its pseudo-header's, folded: 0xffff when its checksum is right.
[[nodiscard]] std::uint16_t l4_sum(std::span<std::uint8_t const> frame, Layout const& layout);

} // namespace pointsman::test
