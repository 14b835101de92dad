#include "controller/config/schema.hpp"

#include "controller/config/values.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace pointsman {
namespace {

struct KindText {
    std::string_view noun, form;
};

constexpr KindText text_of_kind(KeyKind kind) noexcept {
    switch (kind) {
    case KeyKind::boolean: return {"true or false", "true or false, without quotes"};
    case KeyKind::integer: return {"an integer", "a whole number, without quotes"};
    case KeyKind::duration:
        return {"a duration", R"(a number and a unit: "100us", "250ms", "2s", "15m" or "1h")"};
    case KeyKind::choice: return {"a word", "one of its words, in quotes"};
    case KeyKind::name: return {"a name", R"(1 to 63 of A-Z a-z 0-9 _ . -, in quotes)"};
    case KeyKind::path: return {"an absolute path", R"(a path that begins with "/", in quotes)"};
    case KeyKind::socket_path:
        return {"a path for a Unix socket",
                R"(a path that begins with "/", 107 characters at most, in quotes)"};
    case KeyKind::endpoint: return {"an address and port", R"("127.0.0.1:9470" or "[::1]:9470")"};
    case KeyKind::interface_list: return {"a list of interface names", R"(["eth0"] or ["eth0", "eth1"])"};
    case KeyKind::address: return {"an IP address", R"(an address such as "10.77.0.2")"};
    case KeyKind::address_list: return {"a list of IP addresses", R"(["10.77.0.5"])"};
    case KeyKind::prefix_list:
        return {"a list of address prefixes", R"(["10.9.0.0/16"] or ["10.9.0.0/16", "fd00:9::/64"])"};
    case KeyKind::port_range: return {"a port range", R"("FIRST-LAST" within 1-65535)"};
    case KeyKind::port_or_range: return {"a port or a port range", R"(80 or "8000-8100", within 1-65535)"};
    case KeyKind::hash_seed: return {"a hash seed", "32 hexadecimal digits in quotes"};
    case KeyKind::window:
        return {"a window of probes", R"("FAILED/OF" such as "3/5", of at most 32, in quotes)"};
    case KeyKind::http_path: return {"an HTTP path", R"(a path such as "/healthz", without blanks)"};
    case KeyKind::http_host: return {"a host name", R"(a name such as "www.example.org", without blanks)"};
    case KeyKind::status_list: return {"a list of HTTP status codes", R"("200-399" or "200,204,300-302")"};
    case KeyKind::text: return {"a text", R"(1-4096 octets in quotes, escaped as in "PING\r\n")"};
    case KeyKind::hex:
        return {"a row of octets", R"(1-4096 octets as hexadecimal digits, as in "50 49 4e 47 0d 0a")"};
    case KeyKind::regex:
        return {"a regular expression", R"(1-1024 characters, as in '^\+PONG', Perl's syntax)"};
    case KeyKind::http_headers: return {"a table of HTTP headers", R"({"X-Probe" = "pointsman"})"};
    case KeyKind::command: return {"a command", R"(["/usr/local/bin/probe", "--quick"], no shell)"};
    case KeyKind::tls_verify:
        return {R"(true, false, "full" or "none")", R"("full" or true, "none" or false)"};
    case KeyKind::segment_size:
        return {R"(a number of octets, "auto" or "off")", R"(536-65495, "auto" or "off")"};
    }
    std::unreachable();
}

std::string joined_choices(KeySpec const& key) {
    std::string out;
    for (std::string_view const word : words_of(key.choices)) {
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out;
}

} // namespace

TableSpec const& table_spec(std::string_view path) noexcept {
    for (TableSpec const& table : all_tables())
        if (table.path == path) return table;
    std::abort();
}

KeySpec const* find_key(TableSpec const& table, std::string_view name) noexcept {
    for (KeySpec const* key : keys_of(table))
        if (key->name == name) return key;
    return nullptr;
}

std::vector<KeySpec const*> keys_of(TableSpec const& table) {
    std::vector<KeySpec const*> keys;
    for (std::string_view const group : words_of(table.groups))
        for (KeySpec const& key : all_keys())
            if (key.group == group) keys.push_back(&key);
    return keys;
}

std::vector<std::string_view> subtables_of(std::string_view path) {
    std::vector<std::string_view> names;
    for (TableSpec const& table : all_tables()) {
        auto const dot = table.path.rfind('.');
        bool const at_top = dot == std::string_view::npos;
        if ((at_top ? std::string_view{} : table.path.substr(0, dot)) == path)
            names.push_back(at_top ? table.path : table.path.substr(dot + 1));
    }
    return names;
}

std::string range_text(KeySpec const& key) {
    switch (key.kind) {
    case KeyKind::integer: return std::to_string(key.smallest) + "-" + std::to_string(key.largest);
    case KeyKind::duration: return text_of(Duration{key.smallest}) + "-" + text_of(Duration{key.largest});
    case KeyKind::choice: return joined_choices(key);
    default: return std::string{form_of(key.kind)};
    }
}

std::string default_text(KeySpec const& key) {
    if (key.required) return "required";
    return std::string{key.fallback.empty() ? key.absent : key.fallback};
}

std::string_view noun_of(KeyKind kind) noexcept {
    return text_of_kind(kind).noun;
}
std::string_view form_of(KeyKind kind) noexcept {
    return text_of_kind(kind).form;
}

bool is_list(KeyKind kind) noexcept {
    return kind == KeyKind::interface_list || kind == KeyKind::address_list || kind == KeyKind::prefix_list;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        auto const end = std::min(text.find(' '), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

} // namespace pointsman
