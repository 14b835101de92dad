#pragma once

#include "controller/config/diagnostic.hpp"
#include "controller/config/source_map.hpp"
#include "controller/model/desired_state.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

struct ParsedConfig {
    std::optional<DesiredState> state;   ///< set only if there is no error
    std::vector<Diagnostic> diagnostics; ///< sorted by place
    SourceMap places;                    ///< empty after a syntax error
    std::string text;                    ///< what was parsed: for `render` and `config_hash`
};

/// Pure: no clock, no network, no file. Reports every problem at once, but of several syntax errors only the
/// first. `file` is the name that diagnostics carry.
[[nodiscard]] ParsedConfig parse_config(std::string_view text, std::string file);

/// Reads and parses a file. One that cannot be read, is a directory or exceeds 16 MiB yields a single error
/// without a line.
[[nodiscard]] ParsedConfig load_config(std::string const& path);

/// 16 hexadecimal digits (FNV-1a, 64 bits) of the text, the same on every machine. It tells versions of a
/// file apart; it is no protection against forgery.
[[nodiscard]] std::string config_hash(std::string_view text);

} // namespace pointsman
