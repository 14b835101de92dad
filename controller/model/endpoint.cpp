#include "controller/model/endpoint.hpp"

#include <charconv>

namespace pointsman {

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    auto const digits = text.substr(colon + 1);
    auto const bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    auto const address = Address::parse(host);
    if (!address || address->is_v4() == bracketed) return std::nullopt;
    std::uint16_t port = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) return std::nullopt;
    return Endpoint{*address, port};
}

std::string Endpoint::text() const {
    return endpoint_text(address, port);
}

} // namespace pointsman
