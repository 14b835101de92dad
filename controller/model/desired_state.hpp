#pragma once

#include "controller/model/address.hpp"
#include "controller/model/expectation.hpp"
#include "controller/model/shared.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pointsman {

using Duration = std::chrono::nanoseconds;

enum class Protocol : std::uint8_t { tcp = 6, udp = 17 };
enum class Forward : std::uint8_t { nat, dsr, ipip, gue };
enum class Source : std::uint8_t { pool, client };

/// What an established flow meets when its backend is down, in maintenance or gone.
enum class OnDown : std::uint8_t { reset, rehash, keep, drop };

/// Longest TCP segment that a SYN may announce, in octets; one of the names, or 536 to 65495.
enum class MssClamp : std::uint16_t { off = 0, automatic = 0xffff };

enum class Attach : std::uint8_t { automatic, native, generic, tc };
enum class LogLevel : std::uint8_t { error, warning, info, debug };
enum class LogFormat : std::uint8_t { text, json };
/// Which way probes take: `automatic` is decided for each check by takes_service_way().
enum class Via : std::uint8_t { automatic, direct, service };
enum class CheckType : std::uint8_t { none, tcp, http, https, udp, grpc, exec, agent };

/// What a backend is taken for until its first probe ends: `last` as it was measured when it was last probed.
enum class Init : std::uint8_t { down, up, last };

/// What becomes of passive evidence: it asks for a probe, it may also eject by itself, or it is ignored.
/// replace: it asks, and clients' handshakes that succeed stand for tcp probes.
enum class Passive : std::uint8_t { probe, eject, replace, off };

/// So many failed probes among the newest ones; 1 <= failures <= of <= 32.
struct Window {
    unsigned failures = 1;
    unsigned of = 1;

    friend constexpr bool operator==(Window const&, Window const&) = default;
};

/// When a backend is probed and how many results move it.
struct HealthPolicy {
    Duration interval = std::chrono::seconds{1};            ///< while up and unsuspected
    Duration fast_interval = std::chrono::milliseconds{25}; ///< in transition and after passive evidence
    Duration down_interval = std::chrono::seconds{1};       ///< while down
    Duration timeout = std::chrono::milliseconds{500};      ///< of one probe, in total
    unsigned rise = 2;                                      ///< passed probes in a row until up, >= 1
    unsigned fall = 3;                                      ///< failed probes in a row until down, >= 1
    std::optional<Window> window{};                         ///< takes the place of `fall`
    Init init = Init::down;
    Passive passive = Passive::probe;
    Duration damping{}; ///< half-life of the penalty for going down; 0: no damping

    friend bool operator==(HealthPolicy const&, HealthPolicy const&) = default;
};

/// Inclusive range of HTTP status codes.
struct StatusRange {
    unsigned first = 200;
    unsigned last = 399;

    friend bool operator==(StatusRange const&, StatusRange const&) = default;
};

struct HttpField {
    std::string name;
    std::string value;

    friend bool operator==(HttpField const&, HttpField const&) = default;
};

/// How a probe speaks TLS, whatever address it goes to.
struct TlsOptions {
    bool required = false; ///< grpc: without it, it speaks in the clear; https always uses TLS
    std::string sni;       ///< server name asked for, and verified; empty: none is asked for
    bool verify = true;    ///< chain, validity, and the name or else the address
    std::string ca_file;   ///< PEM; empty: the host's own authorities

    friend bool operator==(TlsOptions const&, TlsOptions const&) = default;
};

/// One check of a backend. Which fields count depends on the type.
struct Check {
    std::string name; ///< as configured; see name_of
    CheckType type = CheckType::tcp;
    HealthPolicy policy;
    std::optional<std::uint16_t> port; ///< default: the backend's own
    Via via = Via::automatic;
    std::string send;               ///< tcp, udp, agent: raw octets
    Expectation expect;             ///< tcp, udp: of the answer; http, https: of its body
    std::string method = "GET";     ///< http, https
    std::string path = "/";         ///< http, https
    std::string host;               ///< http, https: Host header; empty: the backend's address
    std::vector<HttpField> headers; ///< http, https: further ones
    std::vector<StatusRange> expect_status{StatusRange{}};
    std::vector<StatusRange> drain_status; ///< http, https: pass, and ask to drain the backend
    TlsOptions tls;                        ///< https, grpc
    std::string grpc_service;              ///< grpc; empty: the server as a whole
    std::vector<std::string> command;      ///< exec: program and arguments

    friend bool operator==(Check const&, Check const&) = default;
};

/// Whether its probes show no more than that the backend takes connections: what a client's handshake shows.
[[nodiscard]] inline bool only_connects(Check const& check) noexcept {
    return check.type == CheckType::tcp && check.send.empty() && !check.expect.is_set();
}

struct Backend {
    std::string name;
    Address address;
    std::uint16_t port = 0; ///< 0: the one that the client sent to, of a service with several
    unsigned weight = 100;  ///< 0-65535; 0 takes no new flows
    bool backup = false;    ///< takes flows only while no other backend is eligible
    Shared<Check> check;    ///< effective: [health], [service.check] and [service.backend.check] merged
    std::vector<Check> more_checks{}; ///< likewise; a backend is healthy while all of its checks pass

    friend bool operator==(Backend const&, Backend const&) = default;
};

struct Service {
    std::string name;
    Address address;
    std::uint16_t port_first = 0;
    std::uint16_t port_last = 0; ///< equal to port_first unless a range was given
    Protocol protocol = Protocol::tcp;
    Forward forward = Forward::nat;
    Source source = Source::pool;
    std::uint16_t gue_port = 6080; ///< gue: UDP port of the backends
    MssClamp mss_clamp = MssClamp::off;
    OnDown on_down = OnDown::reset;
    bool second_chance = true;     ///< tcp: a connection that its backend does not take goes to the next one
    unsigned panic_threshold = 50; ///< percent; 0: never
    unsigned panic_margin = 10;    ///< percent above the threshold that end a panic
    Duration slow_start{};         ///< from coming up to the full weight; 0: at once
    unsigned healthy_low = 1;      ///< fewer healthy backends withdraw the address
    unsigned healthy_high = 1;     ///< so many announce it again; >= healthy_low
    Duration idle_timeout = std::chrono::minutes{15};
    Duration half_open_timeout = std::chrono::seconds{30}; ///< idle_timeout until both sides were heard
    Duration closing_timeout = std::chrono::minutes{2};    ///< idle_timeout after the first FIN
    std::vector<Backend> backends;

    friend bool operator==(Service const&, Service const&) = default;
};

struct DaemonOptions {
    std::string control = "/run/pointsman/control.sock";
    std::string http; ///< "ADDRESS:PORT"; empty: off
    std::string state_dir = "/var/lib/pointsman";
    std::string bpffs = "/sys/fs/bpf/pointsman";
    bool detach_on_exit = true; ///< false: the datapath goes on forwarding after SIGTERM

    friend bool operator==(DaemonOptions const&, DaemonOptions const&) = default;
};

struct LogOptions {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::text;
    std::string audit = "/var/log/pointsman/audit.jsonl";

    friend bool operator==(LogOptions const&, LogOptions const&) = default;
};

/// Ports of all services together; each takes a slot of a fixed table.
inline constexpr std::size_t max_service_ports = 8192;
/// datapath.nat_addresses; two such lists fit the kernel's table, so that a reload can change from one to the
/// other.
inline constexpr std::size_t max_nat_addresses = 31;

struct DatapathOptions {
    std::vector<std::string> interfaces;
    Attach attach = Attach::automatic;
    std::uint32_t sessions = 262144;
    std::uint32_t services = 256;       ///< room for services; fixed at start
    std::uint32_t backends = 4096;      ///< room for backends of all services; fixed at start
    std::vector<Address> nat_addresses; ///< empty: the address the kernel would use towards each backend
    std::vector<Prefix> tunnel_sources; ///< ipip: outer sources, by the flow; one a family at most
    std::uint16_t nat_port_first = 1024;
    std::uint16_t nat_port_last = 32767;
    std::array<std::uint8_t, 16> hash_seed{};

    friend bool operator==(DatapathOptions const&, DatapathOptions const&) = default;
};

/// All that the operator asked for: one parsed, valid configuration file.
struct DesiredState {
    DaemonOptions daemon;
    LogOptions log;
    DatapathOptions datapath;
    std::vector<Service> services;

    friend bool operator==(DesiredState const&, DesiredState const&) = default;
};

} // namespace pointsman
