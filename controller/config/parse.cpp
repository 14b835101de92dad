#include "controller/config/parse.hpp"

#include "controller/config/consistency.hpp"
#include "controller/config/read_state.hpp"
#include "controller/config/syntax_error.hpp"
#include "controller/config/text_guard.hpp"

#include <utility>

namespace pointsman {
namespace {

/// Null after a syntax error, which is reported.
std::optional<toml::table> parse_toml(std::string_view text, Problems& problems) {
    try {
        return toml::parse(text, std::string_view{});
    } catch (toml::parse_error const& error) {
        report_syntax_error(text, error.description(), place_of(error.source()), problems);
        return std::nullopt;
    }
}

void map_places(toml::node const& node, std::string const& path, SourceMap& places) {
    if (auto const* table = node.as_table()) {
        for (auto const& [key, value] : *table) {
            auto const below = (path.empty() ? "" : path + ".") + std::string{key.str()};
            places.keys.try_emplace(below, KeyPlace{place_of(key.source()), place_of(value.source())});
            map_places(value, below, places);
        }
    } else if (auto const* array = node.as_array()) {
        for (std::size_t i = 0; i < array->size(); ++i) {
            auto const below = path + "[" + std::to_string(i) + "]";
            auto const place = place_of((*array)[i].source());
            places.keys.try_emplace(below, KeyPlace{place, place});
            map_places((*array)[i], below, places);
        }
    }
}

} // namespace

ParsedConfig parse_config(std::string_view text, std::string file) {
    ParsedConfig parsed;
    parsed.text = text;
    parsed.places.file = file;
    Problems problems{std::move(file)};
    if (check_text(text, problems)) {
        if (auto const root = parse_toml(text, problems)) {
            map_places(*root, "", parsed.places);
            parsed.state = read_state(*root, problems);
            check_consistency(*parsed.state, parsed.places, problems);
        }
    }
    parsed.diagnostics = problems.sorted();
    if (has_error(parsed.diagnostics)) parsed.state.reset();
    return parsed;
}

std::string config_hash(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325; // FNV-1a (draft-eastlake-fnv, section 5)
    for (char const c : text)
        hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x00000100000001b3;
    std::string digits(16, '0');
    for (std::size_t i = digits.size(); i-- > 0; hash >>= 4)
        digits[i] = "0123456789abcdef"[hash & 0xf];
    return digits;
}

} // namespace pointsman
