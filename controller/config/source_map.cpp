#include "controller/config/source_map.hpp"

namespace pointsman {

Place SourceMap::value_at(std::string_view path) const {
    while (true) {
        if (auto const found = keys.find(path); found != keys.end()) return found->second.value;
        auto const end = path.find_last_of(".[");
        if (end == std::string_view::npos) return {};
        path = path.substr(0, end);
    }
}

} // namespace pointsman
