#include "controller/config/unsupported.hpp"

#include "controller/config/values.hpp"

namespace pointsman {
namespace {

struct Limit {
    std::string_view group, key;
    bool (*supported)(std::string_view value);
    std::string_view hint;
};

/// All that the file format promises and this version does not do yet. Delete a line with the version that
/// does.
constexpr Limit limits[] = {
    {"service", "slow_start",
     [](std::string_view value) { return parse_duration(value) == Duration::zero(); }, R"(supported: "0s")"},
};

} // namespace

std::string_view unsupported_hint(std::string_view group, std::string_view key, std::string_view value) {
    for (Limit const& limit : limits)
        if (limit.group == group && limit.key == key && !limit.supported(value)) return limit.hint;
    return {};
}

} // namespace pointsman
