#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <prometheus/histogram.h>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

/// Metrics in Prometheus' text format, by families in the order in which they are named first. Written as
/// text at once: 10,000 backends have 170,000 samples, and prometheus-cpp's values for them take 100 MB and
/// 130 ms.
class MetricsText {
public:
    struct Label {
        std::string_view name;
        std::string_view value;
    };
    using Labels = std::initializer_list<Label>;

    void gauge(std::string_view name, std::string_view help, Labels labels, double value);
    void counter(std::string_view name, std::string_view help, Labels labels, std::uint64_t value);
    void histogram(std::string_view name, std::string_view help, prometheus::Histogram const& histogram);

    /// All of it; nothing is left here.
    [[nodiscard]] std::string take();

private:
    struct Family {
        std::string name;
        std::string lines; ///< HELP and TYPE first
    };

    void sample(std::string_view name, std::string_view help, std::string_view type, Labels labels,
                std::string_view value);
    Family& family(std::string_view name, std::string_view help, std::string_view type);

    std::vector<Family> families_;
    std::size_t last_ = 0; ///< the one named last: the next one is often the same or follows
};

} // namespace pointsman
