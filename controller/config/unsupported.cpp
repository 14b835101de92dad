#include "controller/config/unsupported.hpp"

#include "controller/config/values.hpp"

namespace pointsman {
namespace {

struct Limit {
    std::string_view group, key;
    bool (*supported)(std::string_view value);
    std::string_view hint;
};

bool is_v4(std::string_view value) {
    auto const address = Address::parse(value);
    return !address || address->is_v4();
}

bool is_supported_check(std::string_view value) {
    return value == "tcp" || value == "http" || value == "none";
}

/// All that the file format promises and this version does not do yet. Delete a line with the version that
/// does.
constexpr Limit limits[] = {
    {"service", "forward", [](std::string_view value) { return value == "nat"; }, R"(supported: "nat")"},
    {"service", "source", [](std::string_view value) { return value == "pool"; }, R"(supported: "pool")"},
    {"service", "address", is_v4, "supported: IPv4 addresses"},
    {"backend", "address", is_v4, "supported: IPv4 addresses"},
    {"datapath", "nat_addresses", is_v4, "supported: IPv4 addresses"},
    {"check", "type", is_supported_check, R"(supported: "tcp", "http" and "none")"},
};

} // namespace

std::string_view unsupported_hint(std::string_view group, std::string_view key, std::string_view value) {
    for (Limit const& limit : limits)
        if (limit.group == group && limit.key == key && !limit.supported(value)) return limit.hint;
    return {};
}

} // namespace pointsman
