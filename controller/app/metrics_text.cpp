#include "controller/app/metrics_text.hpp"

#include <array>
#include <charconv>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <utility>

namespace pointsman {
namespace {

/// Of a label.
void append_escaped(std::string& out, std::string_view value) {
    for (char const octet : value) {
        if (octet == '\n') {
            out += "\\n";
            continue;
        }
        if (octet == '\\' || octet == '"') out += '\\';
        out += octet;
    }
}

using Digits = std::array<char, 32>;

template<typename Number>
std::string_view text_of(Number value, Digits& digits) {
    auto const* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

} // namespace

void MetricsText::gauge(std::string_view name, std::string_view help, Labels labels, double value) {
    Digits digits{};
    sample(name, help, "gauge", labels, text_of(value, digits));
}

void MetricsText::counter(std::string_view name, std::string_view help, Labels labels, std::uint64_t value) {
    Digits digits{};
    sample(name, help, "counter", labels, text_of(value, digits));
}

void MetricsText::histogram(std::string_view name, std::string_view help,
                            prometheus::Histogram const& histogram) {
    prometheus::MetricFamily const one{
        std::string{name}, std::string{help}, prometheus::MetricType::Histogram, {histogram.Collect()}};
    families_.push_back({std::string{name}, prometheus::TextSerializer{}.Serialize({one})});
}

void MetricsText::sample(std::string_view name, std::string_view help, std::string_view type, Labels labels,
                         std::string_view value) {
    auto& lines = family(name, help, type).lines;
    lines += name;
    char before = '{';
    for (auto const& label : labels) {
        lines += std::exchange(before, ',');
        lines += label.name;
        lines += "=\"";
        append_escaped(lines, label.value);
        lines += '"';
    }
    if (labels.size() != 0) lines += '}';
    lines += ' ';
    lines += value;
    lines += '\n';
}

MetricsText::Family& MetricsText::family(std::string_view name, std::string_view help,
                                         std::string_view type) {
    for (std::size_t i = 0; i < families_.size(); ++i) {
        auto const at = (last_ + i) % families_.size();
        if (families_[at].name != name) continue;
        last_ = at;
        return families_[at];
    }
    families_.push_back({std::string{name}, "# HELP "});
    auto& added = families_.back();
    added.lines.append(name).append(" ").append(help);
    added.lines.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
    last_ = families_.size() - 1;
    return added;
}

std::string MetricsText::take() {
    std::size_t length = 0;
    for (auto const& family : families_)
        length += family.lines.size();
    std::string text;
    text.reserve(length);
    for (auto& family : std::exchange(families_, {}))
        text += std::exchange(family.lines, {});
    last_ = 0;
    return text;
}

} // namespace pointsman
