#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

/// What a key's value must look like.
enum class KeyKind : std::uint8_t {
    boolean,
    integer,
    duration,
    choice,
    name,
    path,
    socket_path,
    endpoint,
    interface_list,
    address,
    address_list,
    prefix_list,
    port_range,
    port_or_range, ///< an integer, or a range as text
    hash_seed,
    window,
    http_path,
    http_host,
    status_list,
    text, ///< any octets that TOML can write
    hex,  ///< octets as hexadecimal digits
    regex,
    http_headers, ///< a table of texts
    command,      ///< a list of texts
    tls_verify,   ///< a boolean or "full" or "none"
    segment_size, ///< an integer or "auto" or "off"
};

/// One key of the configuration file: the single source for validation, suggestions, `explain` and the
/// manual.
struct KeySpec {
    std::string_view group{}; ///< keys that stand in the same tables
    std::string_view name{};
    KeyKind kind = KeyKind::boolean;
    bool required = false;
    std::string_view fallback{}; ///< the default as TOML; empty: there is none, see `absent`
    std::string_view absent{};   ///< what happens without the key, in words, when `fallback` is empty
    std::int64_t smallest = 0;   ///< integers: the value; durations: nanoseconds
    std::int64_t largest = 0;
    std::string_view unit{};
    std::string_view choices{};     ///< separated by blanks
    std::string_view check_types{}; ///< of checks that read the key, separated by blanks; empty: all do
    std::string_view doc{};         ///< one sentence
};

/// One table of the file.
struct TableSpec {
    std::string_view path{};   ///< "service.backend"
    std::string_view header{}; ///< "[[service.backend]]"
    bool repeated = false;     ///< an array of tables
    std::string_view groups{}; ///< of the keys it may hold, separated by blanks
};

[[nodiscard]] std::span<KeySpec const> all_keys() noexcept;
[[nodiscard]] std::span<TableSpec const> all_tables() noexcept;

/// The table's specification. A path that is not in the schema is a bug: aborts.
[[nodiscard]] TableSpec const& table_spec(std::string_view path) noexcept;

/// Null when the table has no such key.
[[nodiscard]] KeySpec const* find_key(TableSpec const& table, std::string_view name) noexcept;

[[nodiscard]] std::vector<KeySpec const*> keys_of(TableSpec const& table);

/// The names of the tables directly below `path`; the empty path is the file itself.
[[nodiscard]] std::vector<std::string_view> subtables_of(std::string_view path);

/// "1-100", "5ms-1h", "tcp, udp" or the form of the value.
[[nodiscard]] std::string range_text(KeySpec const& key);

/// "required", the default as TOML, or what happens without the key.
[[nodiscard]] std::string default_text(KeySpec const& key);

/// "a duration": completes "is not ..." and "must be ...".
[[nodiscard]] std::string_view noun_of(KeyKind kind) noexcept;

/// How to write such a value.
[[nodiscard]] std::string_view form_of(KeyKind kind) noexcept;

[[nodiscard]] bool is_list(KeyKind kind) noexcept;

[[nodiscard]] std::vector<std::string_view> words_of(std::string_view text);

} // namespace pointsman
