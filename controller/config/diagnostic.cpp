#include "controller/config/diagnostic.hpp"

#include "controller/config/unicode.hpp"

#include <algorithm>
#include <cstddef>

namespace pointsman {
namespace {

constexpr std::size_t number_width = 5;
constexpr std::size_t widest_line = 160;

struct Style {
    std::string_view bold, error, warning, caret, plain;
};

constexpr Style coloured{"\033[1m", "\033[1;31m", "\033[1;35m", "\033[1;32m", "\033[0m"};
constexpr Style uncoloured{"", "", "", "", ""};

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (true) {
        auto const end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.push_back(line);
        if (end == text.size()) return lines;
        text.remove_prefix(end + 1);
    }
}

/// The characters of a line, each made safe to print; tabs stay, so that carets line up below them.
std::vector<std::string> characters_of(std::string_view line) {
    std::vector<std::string> characters;
    while (!line.empty()) {
        auto const point = first_code_point(line);
        bool const safe = point.length != 0 && (point.value == '\t' || !is_control(point.value));
        characters.emplace_back(safe ? line.substr(0, point.length) : "?");
        line.remove_prefix(std::max<std::size_t>(point.length, 1));
    }
    return characters;
}

std::string_view without_byte_order_mark(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    return text;
}

void append_headline(std::string& out, Diagnostic const& diagnostic, Style const& style) {
    out.append(style.bold).append(printable(diagnostic.file, 4096));
    if (diagnostic.line != 0)
        out += ':' + std::to_string(diagnostic.line) + ':' + std::to_string(diagnostic.column);
    out.append(": ");
    bool const error = diagnostic.severity == Diagnostic::Severity::error;
    out.append(style.plain)
        .append(error ? style.error : style.warning)
        .append(error ? "error: " : "warning: ");
    out.append(style.plain).append(style.bold).append(diagnostic.message).append(style.plain).append("\n");
}

std::string gutter(std::string const& label) {
    return std::string(label.size() < number_width ? number_width - label.size() : 0, ' ') + label + " |";
}

void append_source(std::string& out, Diagnostic const& diagnostic, std::string_view line,
                   Style const& style) {
    auto const characters = characters_of(line);
    std::size_t const column = std::min<std::size_t>(diagnostic.column, characters.size() + 1) - 1;
    std::size_t const first =
        column < widest_line / 2 ? 0 : column - widest_line / 2; // of a window on a long line
    std::size_t const last = std::min(characters.size(), first + widest_line);
    std::string shown;
    std::string padding;
    for (std::size_t i = first; i < last; ++i) {
        shown += characters[i];
        if (i < column) padding += characters[i] == "\t" ? '\t' : ' ';
    }
    std::size_t const room = std::max<std::size_t>(last - std::min(column, last), 1);
    std::string const carets(std::clamp<std::size_t>(diagnostic.length, 1, room), '^');
    out += gutter(std::to_string(diagnostic.line)) + (shown.empty() ? "" : " " + shown) + "\n";
    out += gutter("") + ' ' + padding;
    out.append(style.caret).append(carets).append(style.plain);
    out += (diagnostic.hint.empty() ? "" : " " + diagnostic.hint) + "\n";
}

} // namespace

bool has_error(std::vector<Diagnostic> const& diagnostics) noexcept {
    return std::any_of(diagnostics.begin(), diagnostics.end(),
                       [](Diagnostic const& each) { return each.severity == Diagnostic::Severity::error; });
}

std::string render(std::vector<Diagnostic> const& diagnostics, std::string_view text, bool colour) {
    Style const& style = colour ? coloured : uncoloured;
    auto const lines = lines_of(without_byte_order_mark(text));
    std::string out;
    for (Diagnostic const& diagnostic : diagnostics) {
        append_headline(out, diagnostic, style);
        if (diagnostic.line != 0 && diagnostic.column != 0 && diagnostic.line <= lines.size())
            append_source(out, diagnostic, lines[diagnostic.line - 1], style);
        else if (!diagnostic.hint.empty())
            out += std::string(number_width + 1, ' ') + diagnostic.hint + "\n";
    }
    return out;
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string out;
    for (std::size_t count = 0; !text.empty(); ++count) {
        if (count == limit) return out + "...";
        auto const point = first_code_point(text);
        bool const safe = point.length != 0 && !is_control(point.value);
        out += safe ? text.substr(0, point.length) : "?";
        text.remove_prefix(std::max<std::size_t>(point.length, 1));
    }
    return out;
}

} // namespace pointsman
