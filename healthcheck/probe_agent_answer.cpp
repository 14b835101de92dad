#include "healthcheck/probe_agent_answer.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace pointsman {

namespace {

constexpr std::string_view separators = " \t,\r";
constexpr unsigned largest_percentage = 65535;

std::string lower_case(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::optional<unsigned> parse_percentage(std::string_view word) {
    if (!word.ends_with('%')) return std::nullopt;
    word.remove_suffix(1);
    unsigned value = 0;
    auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || value > largest_percentage)
        return std::nullopt;
    return value;
}

/// @return false for a word that is none of an agent's.
bool take_word(std::string const& word, AgentAnswer& out) {
    if (word == "up" || word == "down" || word == "fail" || word == "stopped")
        out.healthy = word == "up";
    else if (word == "ready")
        out.asks = AdminState::ready;
    else if (word == "drain")
        out.asks = AdminState::drain;
    else if (word == "maint")
        out.asks = AdminState::maint;
    else if (auto const percentage = parse_percentage(word))
        out.weight_percent = percentage;
    else
        return word.starts_with("maxconn:");
    return true;
}

} // namespace

std::optional<AgentAnswer> parse_agent_line(std::string_view line) {
    AgentAnswer answer;
    auto const sharp = std::min(line.find('#'), line.size());
    auto const reason = line.substr(std::min(sharp + 1, line.size()));
    auto words = line.substr(0, sharp);
    bool any = false;
    while (true) {
        words.remove_prefix(std::min(words.find_first_not_of(separators), words.size()));
        if (words.empty()) break;
        auto const word = words.substr(0, words.find_first_of(separators));
        if (take_word(lower_case(word), answer))
            any = true;
        else if (answer.ignored.empty())
            answer.ignored = word;
        words.remove_prefix(word.size());
    }
    if (!any) return std::nullopt;
    auto const begin = std::min(reason.find_first_not_of(separators), reason.size());
    answer.reason = reason.substr(begin, reason.find_last_not_of(separators) + 1 - begin);
    return answer;
}

} // namespace pointsman
