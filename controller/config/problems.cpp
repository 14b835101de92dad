#include "controller/config/problems.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace pointsman {

Problems::Problems(std::string file) : file_{std::move(file)} {}

void Problems::error(Place place, std::string message, std::string hint) {
    found_.push_back({Diagnostic::Severity::error, file_, place.line, place.column, place.length,
                      std::move(message), std::move(hint)});
}

void Problems::warning(Place place, std::string message, std::string hint) {
    error(place, std::move(message), std::move(hint));
    found_.back().severity = Diagnostic::Severity::warning;
}

std::vector<Diagnostic> Problems::sorted() const {
    auto diagnostics = found_;
    std::stable_sort(diagnostics.begin(), diagnostics.end(), [](Diagnostic const& a, Diagnostic const& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return diagnostics;
}

} // namespace pointsman
