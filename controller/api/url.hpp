#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

/// A request's target: its path, and its query by name. Of a name that occurs twice the first value counts.
struct Url {
    std::string path;
    std::map<std::string, std::string, std::less<>> query;

    /// The value of a name in the query, empty when it is not there.
    [[nodiscard]] std::string get(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return query.contains(name); }
};

/// Decodes "%20" and the like (RFC 3986, 2.1) in names and values of the query; the path is left as sent.
/// nullopt when a percent sign is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<Url> parse_url(std::string_view target);

/// What parse_url() decodes: letters, digits and "-._~/" as they are, everything else as "%XX".
[[nodiscard]] std::string escape_query(std::string_view text);

} // namespace pointsman
