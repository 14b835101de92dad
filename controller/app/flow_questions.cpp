#include "controller/app/flow_questions.hpp"

#include "controller/app/daemon.hpp"
#include "controller/app/on_thread.hpp"
#include "controller/app/responses.hpp"
#include "controller/app/why.hpp"
#include "controller/datapath/session_list.hpp"
#include "controller/model/names.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <netinet/in.h>

namespace asio = boost::asio;
namespace json = boost::json;

namespace pointsman {
namespace {

/// A session's names, as the generation that it was read under had them.
class Names {
public:
    explicit Names(Generation const& generation) : nat_addresses_{generation.nat_addresses} {
        for (auto const& service : generation.services)
            services_[static_cast<std::uint16_t>(service.id)] = {service.name, service.address,
                                                                 service.forward};
        for (auto const& backend : generation.backends)
            backends_[static_cast<std::uint32_t>(backend.id)] = backend.key.backend;
    }

    [[nodiscard]] json::object session(ListedSession const& session) const {
        auto const& [service, address, forward] = services_.at(session.service);
        return {{"client", session.client.text()},
                {"service", service},
                {"backend", backends_.at(session.backend)},
                {"protocol", session.protocol == IPPROTO_UDP ? "udp" : "tcp"},
                {"destination", Endpoint{address, session.service_port}.text()},
                {"forward", name_of(forward)},
                {"nat", nat(session)},
                {"state", session.state},
                {"age_ms", session.age.count()},
                {"idle_ms", session.idle.count()}};
    }

    [[nodiscard]] bool knows(ListedSession const& session) const {
        return services_.contains(session.service) && backends_.contains(session.backend);
    }

private:
    struct Named {
        std::string name;
        Address address;
        Forward forward = Forward::nat;
    };

    /// What the backend sees of the client; null where it sees the client itself behind a tunnel or DSR.
    [[nodiscard]] json::value nat(ListedSession const& session) const {
        if (session.nat_port == 0) return nullptr;
        auto const address = session.nat_address == 0 ? session.client.address
                             : session.nat_address < nat_addresses_.size()
                                 ? nat_addresses_[session.nat_address]
                                 : Address{};
        return json::string{Endpoint{address, session.nat_port}.text()};
    }

    std::map<std::uint16_t, Named> services_;
    std::map<std::uint32_t, std::string> backends_;
    std::vector<Address> nat_addresses_;
};

/// What a query asks for, or what is wrong with it.
struct SessionQuery {
    SessionFilter filter;
    std::optional<ApiResponse> refusal;
};

SessionQuery refuse(unsigned status, std::string const& text) {
    return {{}, failure(status, text)};
}

SessionQuery read_query(Generation const& generation, Url const& url) {
    SessionQuery query{{std::nullopt, std::nullopt, default_sessions}, std::nullopt};
    if (auto const limit = url.get("limit"); !limit.empty()) {
        auto const [end, error] =
            std::from_chars(limit.data(), limit.data() + limit.size(), query.filter.limit);
        if (error != std::errc{} || end != limit.data() + limit.size())
            return refuse(400, "limit must be a whole number");
        query.filter.limit = std::min(query.filter.limit, max_sessions);
    }
    if (auto const name = url.get("service"); !name.empty()) {
        auto const* service = generation.find(name);
        if (!service) return refuse(404, "there is no service " + name);
        query.filter.service = static_cast<std::uint16_t>(service->id);
    }
    if (auto const name = url.get("backend"); !name.empty()) {
        auto const slash = name.find('/');
        auto const* backend =
            slash == std::string::npos
                ? nullptr
                : generation.find(BackendKey{name.substr(0, slash), name.substr(slash + 1)});
        if (!backend) return refuse(404, "there is no backend " + name);
        query.filter.backend = static_cast<std::uint32_t>(backend->id);
    }
    return query;
}

} // namespace

asio::awaitable<ApiResponse> answer_sessions(Daemon& daemon, Url url) {
    auto query = read_query(daemon.generation(), url);
    if (query.refusal) co_return std::move(*query.refusal);
    Names const names{daemon.generation()};
    auto const snapshot = daemon.datapath().session_snapshot();
    auto const clock = session_clock_now(daemon.datapath().programs().ticks_per_second());
    SessionList list;
    auto const read = [&] { list = list_sessions(snapshot, query.filter, clock); };
    co_await on_thread(daemon.reader(), read);
    json::array sessions;
    for (auto const& session : list.sessions)
        if (names.knows(session)) sessions.push_back(names.session(session));
    json::object out{{"schema", "pointsman.sessions/1"}, {"total", list.total}, {"listed", sessions.size()}};
    out["sessions"] = std::move(sessions);
    co_return json_response(out);
}

ApiResponse answer_why(Daemon& daemon, Url const& url) {
    auto const from = Endpoint::parse(url.get("from"));
    auto const to = Endpoint::parse(url.get("to"));
    auto const protocol = url.get("protocol");
    if (!from || !to) return failure(400, "from and to must be ADDRESS:PORT, an IPv6 address in brackets");
    if (from->address.is_v4() != to->address.is_v4())
        return failure(400, "from and to must be of one address family");
    if (!protocol.empty() && protocol != "tcp" && protocol != "udp")
        return failure(400, "protocol must be tcp or udp");
    FlowQuestion const question{*from, *to, protocol == "udp" ? Protocol::udp : Protocol::tcp};
    auto const decision = decide_flow(question, daemon.datapath().flow_tables());
    return json_response(why_json(question, decision, daemon.generation()));
}

} // namespace pointsman
