#include "controller/app/manual.hpp"

#include <algorithm>

namespace pointsman {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(text.size(), end + 1));
    }
    return lines;
}

std::string_view trim(std::string_view text) {
    auto const first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// Emphasis is for the printed page; backticks stay, since they tell names from words.
std::string plain(std::string_view text) {
    std::string out{text};
    std::erase(out, '*');
    return out;
}

std::vector<std::string> cells_of(std::string_view row) {
    std::vector<std::string> cells;
    row = trim(row);
    row.remove_prefix(1);
    while (!row.empty()) {
        auto const end = std::min(row.find('|'), row.size());
        cells.push_back(plain(trim(row.substr(0, end))));
        row.remove_prefix(std::min(row.size(), end + 1));
    }
    return cells;
}

/// The lines between a heading and the next one.
std::vector<std::string_view> lines_below(std::string_view manual, std::string const& heading) {
    auto const lines = lines_of(manual);
    auto const found = std::find(lines.begin(), lines.end(), heading);
    if (found == lines.end()) return {};
    auto const end =
        std::find_if(found + 1, lines.end(), [](std::string_view line) { return line.starts_with("##"); });
    return {found + 1, end};
}

std::vector<std::string> paragraphs_of(std::vector<std::string_view> const& lines) {
    std::vector<std::string> paragraphs;
    bool inside = false;
    for (auto const line : lines) {
        auto const text = plain(trim(line));
        if (!text.empty() && inside)
            paragraphs.back() += " " + text;
        else if (!text.empty())
            paragraphs.push_back(text);
        inside = !text.empty();
    }
    return paragraphs;
}

} // namespace

std::optional<ManualEntry> section_of(std::string_view manual, std::string_view name) {
    auto paragraphs = paragraphs_of(lines_below(manual, "### " + std::string{name}));
    if (paragraphs.empty()) return std::nullopt;
    ManualEntry entry{std::move(paragraphs.front()), {}};
    entry.remedy.assign(std::make_move_iterator(paragraphs.begin() + 1),
                        std::make_move_iterator(paragraphs.end()));
    return entry;
}

std::vector<std::vector<std::string>> table_of(std::string_view manual, std::string_view heading) {
    std::vector<std::vector<std::string>> rows;
    for (auto const line : lines_below(manual, "## " + std::string{heading}))
        if (line.starts_with('|')) rows.push_back(cells_of(line));
    if (rows.size() >= 2) rows.erase(rows.begin(), rows.begin() + 2); // the head and the rule below it
    return rows;
}

std::optional<ManualEntry> explain_verdict(std::string_view name) {
    return section_of(verdicts_manual(), name);
}

std::optional<std::string> explain_because(std::string_view word) {
    auto const quoted = "`" + std::string{word} + "`";
    for (auto const& row : table_of(audit_manual(), "`because`"))
        if (row.size() >= 3 && row[0].find(quoted) != std::string::npos) return row[1] + ": " + row[2];
    return std::nullopt;
}

} // namespace pointsman
