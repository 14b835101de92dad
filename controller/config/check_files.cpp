#include "controller/config/check_files.hpp"

#include "controller/config/problems.hpp"

#include <cerrno>
#include <set>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pointsman {
namespace {

/// One run over one configuration; a file that several backends name in one place is reported once.
class FileCheck {
public:
    FileCheck(SourceMap const& places, Problems& problems) : places_{places}, problems_{problems} {}

    void run(DesiredState const& state) {
        for (std::size_t i = 0; i < state.services.size(); ++i)
            for (std::size_t j = 0; j < state.services[i].backends.size(); ++j) {
                auto const service = "service[" + std::to_string(i) + "]";
                auto const backend = service + ".backend[" + std::to_string(j) + "]";
                check(*state.services[i].backends[j].check, service, backend);
                for (auto const& more : state.services[i].backends[j].more_checks)
                    check(more, service, backend);
            }
    }

private:
    void check(Check const& check, std::string const& service, std::string const& backend) {
        bool const tls =
            check.type == CheckType::https || (check.type == CheckType::grpc && check.tls.required);
        if (tls && check.tls.verify && !check.tls.ca_file.empty())
            need(check.tls.ca_file, R_OK, ".ca_file", service, backend, "name a file of PEM certificates");
        if (check.type == CheckType::exec && !check.command.empty())
            need(check.command.front(), X_OK, ".command", service, backend,
                 "name a program that the daemon's user may execute");
    }

    void need(std::string const& file, int mode, std::string_view key, std::string const& service,
              std::string const& backend, std::string hint) {
        if (::access(file.c_str(), mode) == 0) return;
        auto const message = std::generic_category().message(errno);
        auto const place = place_of(key, service, backend);
        if (reported_.emplace(place.line, file).second)
            problems_.error(place, "`" + file + "`: " + message, std::move(hint));
    }

    /// Where the key is, in a check of the backend or else of its service.
    [[nodiscard]] Place place_of(std::string_view key, std::string const& service,
                                 std::string const& backend) const {
        for (auto const& owner : {backend + ".check", service + ".check"})
            for (auto at = places_.keys.lower_bound(owner);
                 at != places_.keys.end() && at->first.starts_with(owner); ++at)
                if (at->first.ends_with(key)) return at->second.value;
        return places_.value_at(backend);
    }

    SourceMap const& places_;
    Problems& problems_;
    std::set<std::pair<unsigned, std::string>> reported_; ///< line and file
};

} // namespace

std::vector<Diagnostic> check_files(DesiredState const& state, SourceMap const& places) {
    Problems problems{places.file};
    FileCheck{places, problems}.run(state);
    return problems.sorted();
}

} // namespace pointsman
