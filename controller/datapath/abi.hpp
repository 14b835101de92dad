#pragma once

/// The kernel's side of the contract. Only controller/datapath includes this.
extern "C" {
#include "bpf/abi.h"
#include "bpf/abi_held.h"
#include "bpf/hash.h"
#include "bpf/idle.h"
}

#include "controller/model/address.hpp"

#include <cstring>

namespace pointsman {

[[nodiscard]] inline pm_addr to_abi(Address const& address) noexcept {
    pm_addr out{};
    std::memcpy(&out, address.octets().data(), sizeof(out));
    return out;
}

[[nodiscard]] inline Address from_abi(pm_addr const& address) noexcept {
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), &address, sizeof(address));
    return Address::from_octets(octets);
}

} // namespace pointsman
