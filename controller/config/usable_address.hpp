#pragma once

#include "controller/model/address.hpp"

#include <optional>
#include <string>

namespace pointsman {

struct AddressFlaw {
    std::string what; ///< "a loopback address": completes "... is"
    std::string hint;
};

/// Why packets to this address can neither be balanced nor reach a backend; nullopt for an ordinary one.
[[nodiscard]] std::optional<AddressFlaw> flaw_of(Address const& address);

} // namespace pointsman
