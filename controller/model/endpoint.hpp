#pragma once

#include "controller/model/address.hpp"

namespace pointsman {

/// One end of a flow.
struct Endpoint {
    Address address;
    std::uint16_t port = 0; ///< host order

    /// "10.0.0.1:80", "[fd00::1]:80"; ports 1-65535.
    [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text);
    [[nodiscard]] std::string text() const;

    friend bool operator==(Endpoint const&, Endpoint const&) = default;
};

} // namespace pointsman
