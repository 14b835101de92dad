#include "controller/cli/doctor_findings.hpp"
#include "controller/cli/terminal.hpp"

#include <boost/json/array.hpp>

namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::size_t page_width = 100;

std::string_view name_of(Finding::Severity severity) {
    switch (severity) {
    case Finding::Severity::ok: return "ok";
    case Finding::Severity::warning: return "warning";
    case Finding::Severity::error: return "error";
    }
    return "error";
}

json::object finding_json(Finding const& finding) {
    json::object out{
        {"check", finding.check}, {"severity", name_of(finding.severity)}, {"what", finding.what}};
    if (finding.severity == Finding::Severity::ok) return out;
    out["why"] = finding.why;
    out["fix"] = finding.fix;
    out["applies"] = !finding.apply.empty();
    return out;
}

} // namespace

json::object findings_json(std::vector<Finding> const& findings) {
    json::array list;
    for (auto const& finding : findings)
        list.push_back(finding_json(finding));
    json::object out{{"schema", "pointsman.doctor/1"}, {"ok", !has_errors(findings)}};
    out["findings"] = std::move(list);
    return out;
}

std::string findings_text(std::vector<Finding> const& findings) {
    std::string out;
    for (auto const& finding : findings) {
        std::string const severity{name_of(finding.severity)};
        out += severity + std::string(9 - severity.size(), ' ') + finding.check + ": " + finding.what + "\n";
        if (finding.severity == Finding::Severity::ok) continue;
        out += wrap(finding.why, page_width, 9);
        out +=
            std::string(9, ' ') + (finding.apply.empty() ? "do: " : "do (or --apply): ") + finding.fix + "\n";
    }
    return out;
}

} // namespace pointsman
