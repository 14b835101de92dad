#pragma once

#include "tests/datapath/frame.hpp"

namespace pointsman::test {

/// The packet as a sender or router cuts it: `size` octets of its payload in each but the last fragment.
/// Checksums of L4 are those of the whole. `identification` is that of IPv6 too.
/// @param size a multiple of 8
[[nodiscard]] std::vector<Frame> fragments_of(Packet const& whole, std::size_t size);

} // namespace pointsman::test
