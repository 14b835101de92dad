#include "controller/config/syntax_error.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace pointsman {
namespace {

struct KnownError {
    std::string_view part, hint; ///< a part of the parser's description, and what to do about it
};

constexpr KnownError known_errors[] = {
    {"expected value,", "a value is missing here"},
    {"prohibited", "is a closing quote missing?"},
    {"expected '='", "a key is followed by = and its value"},
    {"expected ']'", "is a closing bracket missing?"},
    {"end-of-file", "the file ends in the middle of this; is a closing quote or bracket missing?"},
    {"not representable", "write a smaller number"},
    {"cannot redefine",
     "a table is written once: put its keys together, or write [[service]] and [[service.backend]]"},
};

std::string_view hint_for(std::string_view description) {
    for (KnownError const& known : known_errors)
        if (description.find(known.part) != std::string_view::npos) return known.hint;
    return {};
}

/// Without "Error while parsing key-value pair: ".
std::string_view without_preamble(std::string_view description) {
    constexpr std::string_view preamble = "Error while parsing ";
    auto const colon = description.find(": ");
    if (!description.starts_with(preamble) || colon == std::string_view::npos) return description;
    return description.substr(colon + 2);
}

std::string_view trimmed(std::string_view text) {
    auto const first = std::min(text.find_first_not_of(" \t\r"), text.size());
    auto const last = text.find_last_not_of(" \t\r");
    return last == std::string_view::npos ? std::string_view{} : text.substr(first, last + 1 - first);
}

/// The line that starts nth, counted from 1; empty beyond the end.
std::string_view line_of(std::string_view text, unsigned number) {
    for (; number > 1; --number) {
        auto const end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    return text.substr(0, text.find('\n'));
}

struct DuplicateKey {
    std::string_view name;
    unsigned column;
    unsigned first_line; ///< 0: not found
};

/// The key of `key = value`, when the parser refused the line because the key was there before in the same
/// table.
std::optional<DuplicateKey> duplicate_key(std::string_view text, unsigned number) {
    auto const key_of = [](std::string_view line) { return trimmed(line.substr(0, line.find('='))); };
    auto const line = line_of(text, number);
    auto const name = key_of(line);
    if (line.find('=') == std::string_view::npos || name.empty() || name[0] == '[') return std::nullopt;
    DuplicateKey found{name, static_cast<unsigned>(line.find(name)) + 1, 0};
    for (unsigned each = 1; each < number; ++each) {
        auto const end = std::min(text.find('\n'), text.size());
        auto const earlier = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (trimmed(earlier).starts_with('[')) found.first_line = 0; // another table begins
        if (key_of(earlier) == name && found.first_line == 0) found.first_line = each;
    }
    return found;
}

bool report_redefinition(std::string_view text, Place place, Problems& problems) {
    auto const duplicate = duplicate_key(text, place.line);
    if (!duplicate || duplicate->first_line == 0) return false;
    problems.error({place.line, duplicate->column, static_cast<unsigned>(duplicate->name.size())},
                   "key `" + printable(duplicate->name, 64) + "` is given twice in the same table",
                   "first given at line " + std::to_string(duplicate->first_line));
    return true;
}

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// `level = info`, `interval = 2s`, `address = 10.77.0.2`: the parser takes such text for a broken number or
/// date.
bool report_unquoted_value(std::string_view text, Place place, Problems& problems) {
    auto const line = line_of(text, place.line);
    auto const equals = line.find('=');
    if (equals == std::string_view::npos) return false;
    auto const value = trimmed(line.substr(equals + 1, line.find('#', equals) - equals - 1));
    bool const bare = !value.empty() && (is_letter_or_digit(value[0]) || value[0] == '/');
    bool const one_word = value.find_first_of("\"'=[]{}, \t") == std::string_view::npos;
    bool const all_digits = value.find_first_not_of("0123456789") == std::string_view::npos;
    if (!bare || !one_word || all_digits) return false;
    auto const column = static_cast<unsigned>(value.data() - line.data()) + 1;
    if (place.column < column) return false;
    auto const quoted = printable(value, 64);
    problems.error({place.line, column, static_cast<unsigned>(value.size())},
                   "`" + quoted + "` is neither a number nor true or false",
                   "write it in quotes: \"" + quoted + "\"");
    return true;
}

} // namespace

void report_syntax_error(std::string_view text, std::string_view description, Place place,
                         Problems& problems) {
    bool const redefinition = description.find("cannot redefine") != std::string_view::npos;
    if (redefinition && report_redefinition(text, place, problems)) return;
    if (!redefinition && report_unquoted_value(text, place, problems)) return;
    problems.error(place, "syntax error: " + printable(without_preamble(description), 160),
                   std::string{hint_for(description)});
}

} // namespace pointsman
