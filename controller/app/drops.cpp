#include "controller/app/drops.hpp"

#include "controller/app/manual.hpp"
#include "controller/datapath/verdicts.hpp"

#include <boost/json/array.hpp>

namespace json = boost::json;

namespace pointsman {
namespace {

std::string_view kind_of(std::string_view verdict) {
    return verdict.substr(0, verdict.find('_'));
}

json::object verdict_json(VerdictName const& verdict, std::uint64_t packets) {
    return {{"verdict", verdict.name}, {"kind", kind_of(verdict.name)}, {"packets", packets}};
}

void add_manual(json::object& entry) {
    auto const manual = explain_verdict(entry.at("verdict").as_string());
    if (!manual) return;
    entry["meaning"] = manual->meaning;
    entry["remedy"] = json::array(manual->remedy.begin(), manual->remedy.end());
}

} // namespace

json::object verdicts_json(pm_counters const& counters) {
    json::array verdicts;
    std::uint64_t forwarded = 0;
    std::uint64_t passed = 0;
    std::uint64_t dropped = 0;
    for (auto const& verdict : verdict_names()) {
        auto const packets = counters.verdict[verdict.number];
        auto const kind = kind_of(verdict.name);
        (kind == "forward" ? forwarded : kind == "pass" ? passed : dropped) += packets;
        verdicts.push_back(verdict_json(verdict, packets));
    }
    auto const accounted = static_cast<std::int64_t>(forwarded + passed + dropped);
    return {{"received", counters.received},
            {"forwarded", forwarded},
            {"passed", passed},
            {"dropped", dropped},
            {"unaccounted", static_cast<std::int64_t>(counters.received) - accounted},
            {"verdicts", std::move(verdicts)}};
}

json::object drops_json(std::vector<InterfaceCounts> const& interfaces) {
    json::object out{{"schema", "pointsman.drops/1"}};
    for (auto& field : verdicts_json(total_of(interfaces)))
        out[field.key()] = std::move(field.value());
    for (auto& entry : out["verdicts"].as_array())
        add_manual(entry.as_object());
    json::array parts;
    for (auto const& interface : interfaces) {
        json::object part{{"name", interface.name}};
        for (auto& field : verdicts_json(interface.counters))
            part[field.key()] = std::move(field.value());
        parts.push_back(std::move(part));
    }
    out["interfaces"] = std::move(parts);
    return out;
}

} // namespace pointsman
