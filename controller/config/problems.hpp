#pragma once

#include "controller/config/diagnostic.hpp"
#include "controller/config/source_map.hpp"

#include <string>
#include <vector>

namespace pointsman {

/// Collects what is wrong with one file, in any order, and hands it out sorted by place.
class Problems {
public:
    explicit Problems(std::string file);

    void error(Place place, std::string message, std::string hint = {});
    void warning(Place place, std::string message, std::string hint = {});

    [[nodiscard]] std::vector<Diagnostic> sorted() const;

private:
    std::string file_;
    std::vector<Diagnostic> found_;
};

} // namespace pointsman
