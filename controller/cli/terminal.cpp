#include "controller/cli/terminal.hpp"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

namespace pointsman {

bool wants_colour(std::FILE* stream) {
    auto const* const no_color = std::getenv("NO_COLOR");
    return ::isatty(::fileno(stream)) == 1 && (!no_color || *no_color == '\0');
}

std::string align(std::vector<std::vector<std::string>> const& rows) {
    std::vector<std::size_t> widths;
    for (auto const& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (auto const& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

void print(std::FILE* stream, std::string const& text) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

std::string wrap(std::string_view paragraph, std::size_t width, std::size_t indent) {
    std::string const blanks(indent, ' ');
    std::string out = blanks;
    std::size_t column = indent;
    while (!paragraph.empty()) {
        auto const word = paragraph.substr(0, paragraph.find(' '));
        paragraph.remove_prefix(std::min(paragraph.size(), word.size() + 1));
        if (column > indent && column + 1 + word.size() > width) {
            out += "\n" + blanks;
            column = indent;
        }
        if (column > indent) out += ' ';
        column += word.size() + (column > indent ? 1 : 0);
        out += word;
    }
    return out + "\n";
}

std::string counted(std::size_t count, std::string const& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string rough_age(long seconds) {
    if (seconds < 0) return "0s";
    if (seconds < 120) return std::to_string(seconds) + "s";
    if (seconds < 120 * 60) return std::to_string(seconds / 60) + "m";
    if (seconds < 48L * 3600) return std::to_string(seconds / 3600) + "h";
    return std::to_string(seconds / 86400) + "d";
}

} // namespace pointsman
