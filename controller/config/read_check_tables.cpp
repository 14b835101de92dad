#include "controller/config/read_check_tables.hpp"

#include "controller/config/read_check.hpp"

#include <algorithm>
#include <map>

namespace pointsman {
namespace {

/// Checks are probed apart, and each costs a connection.
constexpr std::size_t most_checks = 16;

/// One table or an array of them; empty when there is none or it is of the wrong shape, which is reported.
std::vector<toml::table const*> check_tables(toml::table const& parent, TableSpec const& spec,
                                             Problems& problems) {
    std::vector<toml::table const*> tables;
    auto const* node = parent.get("check");
    if (node == nullptr) return tables;
    if (node->is_table()) return {node->as_table()};
    auto const* array = node->as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
        problems.error(place_of(node->source()),
                       "`" + std::string{spec.path} + "` must be a table or an array of tables, found " +
                           std::string{type_of(*node)},
                       "write " + std::string{spec.header} + " or [" + std::string{spec.header} + "]");
        return tables;
    }
    for (toml::node const& element : *array)
        tables.push_back(element.as_table());
    if (tables.size() > most_checks) {
        problems.error(place_of(tables[most_checks]->source()),
                       "more than " + std::to_string(most_checks) + " checks of one backend",
                       "join some, for instance in a program for a check of type \"exec\"");
        tables.resize(most_checks);
    }
    return tables;
}

void read_over(toml::table const& table, TableSpec const& spec, std::string const& owner, Check& out,
               Problems& problems) {
    TableReader const in{table, spec, owner, problems};
    in.check_keys();
    read_check(in, out);
}

/// The name by which a table says which check it means; empty: none.
std::string name_in(toml::table const& table) {
    auto const* name = table.get_as<std::string>("name");
    return name == nullptr ? "" : name->get();
}

void report_equal_names(std::vector<Check> const& checks, std::vector<toml::table const*> const& tables,
                        Problems& problems) {
    std::map<std::string_view, std::size_t> first_with;
    for (std::size_t i = 0; i < checks.size() && i < tables.size(); ++i) {
        auto const [first, inserted] = first_with.try_emplace(name_of(checks[i]), i);
        if (!inserted)
            problems.error(place_of(tables[i]->source()),
                           "two checks are called `" + std::string{first->first} + "`",
                           "give each a `name`; the first one is at line " +
                               std::to_string(place_of(tables[first->second]->source()).line));
    }
}

/// A check that is always up beside others says nothing.
void report_idle_none(std::vector<Check> const& checks, std::vector<toml::table const*> const& tables,
                      Problems& problems) {
    for (std::size_t i = 0; i < checks.size() && i < tables.size() && checks.size() > 1; ++i)
        if (checks[i].type == CheckType::none)
            problems.error(place_of(tables[i]->source()), "a check of type \"none\" beside others",
                           "remove it: a backend is healthy while all of its checks pass");
}

/// Null when it is not clear which check the table means, which is reported.
Check* check_meant_by(toml::table const& table, std::vector<Check>& checks, Problems& problems) {
    auto const name = name_in(table);
    if (name.empty() && checks.size() == 1) return &checks.front();
    auto const found = std::find_if(checks.begin(), checks.end(),
                                    [&name](Check const& each) { return name_of(each) == name; });
    if (found != checks.end()) return &*found;
    if (!name.empty()) {
        Check more;
        more.name = name;
        more.policy = checks.front().policy;
        return &checks.emplace_back(std::move(more));
    }
    std::string names;
    for (auto const& check : checks)
        names.append(names.empty() ? "" : ", ").append(name_of(check));
    problems.error(place_of(table.source()), "which check does this override?",
                   "add `name`: one of " + names + ", or a new one for a further check");
    return nullptr;
}

} // namespace

std::vector<Check> read_service_checks(toml::table const& service, std::string const& owner,
                                       Check const& inherited, Problems& problems) {
    auto const& spec = table_spec("service.check");
    auto const tables = check_tables(service, spec, problems);
    std::vector<Check> checks;
    for (auto const* table : tables)
        read_over(*table, spec, owner, checks.emplace_back(inherited), problems);
    report_equal_names(checks, tables, problems);
    report_idle_none(checks, tables, problems);
    if (checks.empty()) checks.push_back(inherited);
    return checks;
}

std::vector<Check> read_backend_checks(toml::table const& backend, std::string const& owner,
                                       std::vector<Check> inherited, Problems& problems) {
    auto const& spec = table_spec("service.backend.check");
    auto checks = std::move(inherited);
    for (auto const* table : check_tables(backend, spec, problems))
        if (auto* const check = check_meant_by(*table, checks, problems))
            read_over(*table, spec, owner, *check, problems);
    return checks;
}

} // namespace pointsman
