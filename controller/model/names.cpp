#include "controller/model/names.hpp"

#include <utility>

namespace pointsman {

std::string_view name_of(Protocol value) noexcept {
    return value == Protocol::tcp ? "tcp" : "udp";
}

std::string_view name_of(Forward value) noexcept {
    switch (value) {
    case Forward::nat: return "nat";
    case Forward::dsr: return "dsr";
    case Forward::ipip: return "ipip";
    case Forward::gue: return "gue";
    }
    std::unreachable();
}

std::string_view name_of(Source value) noexcept {
    return value == Source::pool ? "pool" : "client";
}

std::string_view name_of(OnDown value) noexcept {
    switch (value) {
    case OnDown::reset: return "reset";
    case OnDown::rehash: return "rehash";
    case OnDown::keep: return "keep";
    case OnDown::drop: return "drop";
    }
    std::unreachable();
}

std::string_view name_of(Attach value) noexcept {
    switch (value) {
    case Attach::automatic: return "auto";
    case Attach::native: return "native";
    case Attach::generic: return "generic";
    case Attach::tc: return "tc";
    }
    std::unreachable();
}

std::string_view name_of(LogLevel value) noexcept {
    switch (value) {
    case LogLevel::error: return "error";
    case LogLevel::warning: return "warning";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
    }
    std::unreachable();
}

std::string_view name_of(LogFormat value) noexcept {
    return value == LogFormat::text ? "text" : "json";
}

std::string_view name_of(CheckType value) noexcept {
    switch (value) {
    case CheckType::none: return "none";
    case CheckType::tcp: return "tcp";
    case CheckType::http: return "http";
    case CheckType::https: return "https";
    case CheckType::udp: return "udp";
    case CheckType::grpc: return "grpc";
    case CheckType::exec: return "exec";
    case CheckType::agent: return "agent";
    }
    std::unreachable();
}

std::string_view name_of(Check const& check) noexcept {
    return check.name.empty() ? name_of(check.type) : std::string_view{check.name};
}

std::string_view name_of(Via value) noexcept {
    switch (value) {
    case Via::automatic: return "automatic";
    case Via::direct: return "direct";
    case Via::service: return "service";
    }
    std::unreachable();
}

std::string_view name_of(Passive value) noexcept {
    switch (value) {
    case Passive::probe: return "probe";
    case Passive::eject: return "eject";
    case Passive::replace: return "replace";
    case Passive::off: return "off";
    }
    std::unreachable();
}

std::string_view name_of(Init value) noexcept {
    switch (value) {
    case Init::down: return "down";
    case Init::up: return "up";
    case Init::last: return "last";
    }
    std::unreachable();
}

} // namespace pointsman
