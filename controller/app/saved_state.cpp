#include "controller/app/saved_state.hpp"

#include "controller/model/names.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

namespace json = boost::json;

namespace pointsman {
namespace {

constexpr std::string_view schema = "pointsman.state/1";

std::int64_t microseconds(WallTime time) {
    return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}

WallTime wall_time(std::int64_t microseconds) {
    return WallTime{std::chrono::microseconds{microseconds}};
}

json::object order_json(SavedOrder const& order) {
    json::object out{{"state", name_of(order.state)}, {"reason", order.reason}};
    if (order.deadline) out["deadline_us"] = microseconds(*order.deadline);
    if (order.then) out["then"] = name_of(*order.then);
    return out;
}

void add_wishes(json::object& out, Wishes const& wishes) {
    if (wishes.state != AdminState::ready) out["asks"] = name_of(wishes.state);
    if (wishes.weight_percent) out["weight_percent"] = *wishes.weight_percent;
    if (wishes.unwell) out["unwell"] = true;
}

json::array checks_json(CheckStates const& checks) {
    json::array out;
    for (auto const& [name, health] : checks) {
        json::object check{{"name", name},
                           {"measured", name_of(health.state)},
                           {"passed_in_row", health.passed_in_row},
                           {"failed_in_row", health.failed_in_row},
                           {"suspect", health.suspect},
                           {"refused", health.refused},
                           {"hurried", health.hurried},
                           {"history", health.history}};
        add_wishes(check, health.wishes);
        out.push_back(std::move(check));
    }
    return out;
}

json::object past_json(Past const& past) {
    json::object out{{"penalty", past.penalty}, {"damped", past.damped}, {"ejections", past.ejections}};
    if (past.ejected_for) out["ejected_for_ns"] = past.ejected_for->count();
    if (past.rising) out["rising_ns"] = past.rising->count();
    if (past.held_for) out["held_for_ns"] = past.held_for->count();
    if (past.needed) out["needed"] = true;
    return out;
}

json::object backend_json(SavedBackend const& backend) {
    json::object out{{"name", backend.name},
                     {"address", backend.address.text()},
                     {"port", backend.port},
                     {"id", static_cast<std::uint32_t>(backend.id)},
                     {"incarnation", backend.incarnation},
                     {"eligible", backend.eligible},
                     {"keeps_sessions", backend.keeps_sessions},
                     {"weight", backend.weight},
                     {"ramp", backend.ramp},
                     {"weight_percent", backend.weight_percent},
                     {"backup", backend.backup},
                     {"checks", checks_json(backend.checks)},
                     {"transitions", backend.transitions}};
    if (backend.story) {
        out["since_us"] = microseconds(backend.story->since);
        out["because"] = backend.story->because;
    }
    if (backend.ruled) out["ruled"] = name_of(*backend.ruled);
    if (backend.past) out["past"] = past_json(*backend.past);
    if (backend.order) out["order"] = order_json(*backend.order);
    if (auto const& order = backend.weight_order)
        out["weight_order"] = json::object{
            {"weight", order->weight}, {"reason", order->reason}, {"configured", order->configured}};
    return out;
}

json::object service_json(SavedService const& service) {
    json::array backends;
    for (auto const& backend : service.backends)
        backends.push_back(backend_json(backend));
    return {{"name", service.name},
            {"address", service.address.text()},
            {"port_first", service.port_first},
            {"port_last", service.port_last},
            {"protocol", name_of(service.protocol)},
            {"id", static_cast<std::uint16_t>(service.id)},
            {"panic", service.panic},
            {"announce", service.announce},
            {"backends", std::move(backends)}};
}

// Reading. Boost.JSON's at() and as_…() throw on what is missing or of another type; so do these, and decode
// tells it.

[[noreturn]] void refuse(std::string_view key, std::string_view value) {
    throw std::invalid_argument{std::string{key} + " is " + std::string{value}};
}

template<typename Number>
Number number(json::object const& in, std::string_view key) {
    return in.at(key).to_number<Number>();
}

std::string text(json::object const& in, std::string_view key) {
    return std::string{in.at(key).as_string()};
}

Address address(json::object const& in) {
    auto const written = text(in, "address");
    auto const found = Address::parse(written);
    if (!found) refuse("address", written);
    return *found;
}

template<typename Value, typename Name>
Value one_of(json::object const& in, std::string_view key, std::initializer_list<Value> values, Name name) {
    auto const word = text(in, key);
    for (auto const value : values)
        if (name(value) == word) return value;
    refuse(key, word);
}

AdminState admin_state(json::object const& in, std::string_view key) {
    return one_of(in, key, {AdminState::ready, AdminState::drain, AdminState::maint},
                  [](AdminState state) { return name_of(state); });
}

SavedOrder read_order(json::object const& in) {
    SavedOrder order{admin_state(in, "state"), text(in, "reason"), std::nullopt, std::nullopt};
    if (in.contains("deadline_us")) order.deadline = wall_time(number<std::int64_t>(in, "deadline_us"));
    if (in.contains("then")) order.then = admin_state(in, "then");
    return order;
}

WeightOrder read_weight_order(json::object const& in) {
    return {number<unsigned>(in, "weight"), text(in, "reason"), number<unsigned>(in, "configured")};
}

MeasuredState measured_state(json::object const& in, std::string_view key) {
    return one_of(in, key,
                  {MeasuredState::unknown, MeasuredState::up, MeasuredState::down, MeasuredState::draining,
                   MeasuredState::resting},
                  [](MeasuredState state) { return name_of(state); });
}

unsigned percentage(json::object const& in) {
    return number<std::uint16_t>(in, "weight_percent");
}

Past read_past(json::object const& in) {
    Past past{.penalty = number<double>(in, "penalty"), .damped = in.at("damped").as_bool()};
    past.ejections = number<unsigned>(in, "ejections");
    if (in.contains("ejected_for_ns"))
        past.ejected_for = Duration{number<std::int64_t>(in, "ejected_for_ns")};
    if (in.contains("rising_ns")) past.rising = Duration{number<std::int64_t>(in, "rising_ns")};
    if (in.contains("held_for_ns")) past.held_for = Duration{number<std::int64_t>(in, "held_for_ns")};
    past.needed = in.contains("needed") && in.at("needed").as_bool();
    return past;
}

HealthState read_health(json::object const& in) {
    HealthState health;
    health.state = measured_state(in, "measured");
    health.passed_in_row = number<unsigned>(in, "passed_in_row");
    health.failed_in_row = number<unsigned>(in, "failed_in_row");
    health.suspect = in.at("suspect").as_bool();
    health.refused = in.at("refused").as_bool();
    health.hurried = in.at("hurried").as_bool();
    health.history = number<std::uint32_t>(in, "history");
    if (in.contains("asks")) health.wishes.state = admin_state(in, "asks");
    if (in.contains("weight_percent")) health.wishes.weight_percent = percentage(in);
    health.wishes.unwell = in.contains("unwell") && in.at("unwell").as_bool();
    return health;
}

SavedBackend read_backend(json::object const& in) {
    SavedBackend backend;
    backend.name = text(in, "name");
    backend.address = address(in);
    backend.port = number<std::uint16_t>(in, "port");
    backend.id = BackendId{number<std::uint16_t>(in, "id")};
    backend.incarnation = number<std::uint32_t>(in, "incarnation");
    backend.eligible = in.at("eligible").as_bool();
    backend.keeps_sessions = in.at("keeps_sessions").as_bool();
    backend.weight = number<unsigned>(in, "weight");
    backend.ramp = number<unsigned>(in, "ramp");
    if (in.contains("weight_percent")) backend.weight_percent = percentage(in);
    backend.backup = in.at("backup").as_bool();
    for (auto const& check : in.at("checks").as_array())
        backend.checks.emplace(text(check.as_object(), "name"), read_health(check.as_object()));
    backend.transitions = number<std::uint64_t>(in, "transitions");
    if (in.contains("ruled")) backend.ruled = measured_state(in, "ruled");
    if (in.contains("past")) backend.past = read_past(in.at("past").as_object());
    if (in.contains("because"))
        backend.story = StateStory{wall_time(number<std::int64_t>(in, "since_us")), text(in, "because")};
    if (in.contains("order")) backend.order = read_order(in.at("order").as_object());
    if (in.contains("weight_order"))
        backend.weight_order = read_weight_order(in.at("weight_order").as_object());
    return backend;
}

SavedService read_service(json::object const& in) {
    SavedService service;
    service.name = text(in, "name");
    service.address = address(in);
    service.port_first = number<std::uint16_t>(in, "port_first");
    service.port_last = number<std::uint16_t>(in, "port_last");
    service.protocol = one_of(in, "protocol", {Protocol::tcp, Protocol::udp},
                              [](Protocol protocol) { return name_of(protocol); });
    service.id = ServiceId{number<std::uint16_t>(in, "id")};
    service.panic = in.at("panic").as_bool();
    service.announce = in.at("announce").as_bool();
    for (auto const& backend : in.at("backends").as_array())
        service.backends.push_back(read_backend(backend.as_object()));
    return service;
}

SavedState read_state(json::object const& in) {
    SavedState state;
    state.bpffs = text(in, "bpffs");
    state.saved = wall_time(number<std::int64_t>(in, "saved_us"));
    state.generation = number<std::uint64_t>(in, "generation");
    for (auto const& service : in.at("services").as_array())
        state.services.push_back(read_service(service.as_object()));
    return state;
}

} // namespace

/// Service by service: a tree of all of them takes many times their text, and so would stay the heap.
std::string encode(SavedState const& state) {
    auto text = json::serialize(json::object{{"schema", schema},
                                             {"bpffs", state.bpffs},
                                             {"saved_us", microseconds(state.saved)},
                                             {"generation", state.generation}});
    text.back() = ',';
    text += R"("services":[)";
    for (auto const& service : state.services) {
        if (&service != &state.services.front()) text += ',';
        text += json::serialize(service_json(service));
    }
    return text += "]}\n";
}

ReadState decode(std::string_view written, std::string_view bpffs) {
    boost::system::error_code error;
    auto const parsed = json::parse(json::string_view{written.data(), written.size()}, error);
    if (error) return {std::nullopt, "it is no JSON (" + error.message() + ")"};
    try {
        auto const& in = parsed.as_object();
        if (auto const found = text(in, "schema"); found != schema)
            return {std::nullopt, "its schema is " + found + " instead of " + std::string{schema}};
        auto state = read_state(in);
        if (state.bpffs != bpffs)
            return {std::nullopt, "it belongs to the tables in " + state.bpffs + ", another daemon's"};
        return {std::move(state), {}};
    } catch (std::exception const& fault) {
        return {std::nullopt, std::string{"it is damaged: "} + fault.what()};
    }
}

} // namespace pointsman
