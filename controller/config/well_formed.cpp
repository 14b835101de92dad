#include "controller/config/well_formed.hpp"

#include "controller/config/check_values.hpp"
#include "controller/config/values.hpp"

#include <algorithm>

namespace pointsman {

bool is_well_formed(KeySpec const& key, std::string_view value) {
    switch (key.kind) {
    case KeyKind::duration: return parse_duration(value).has_value();
    case KeyKind::choice: return std::ranges::count(words_of(key.choices), value) > 0;
    case KeyKind::name: return is_name(value);
    case KeyKind::path: return is_path(value);
    case KeyKind::socket_path: return is_socket_path(value);
    case KeyKind::endpoint: return is_endpoint(value);
    case KeyKind::interface_list: return is_interface_name(value);
    case KeyKind::address:
    case KeyKind::address_list: return Address::parse(value).has_value();
    case KeyKind::prefix_list: return parse_prefix(value).has_value();
    case KeyKind::port_range:
    case KeyKind::port_or_range: return parse_port_range(value).has_value();
    case KeyKind::hash_seed: return parse_hash_seed(value).has_value();
    case KeyKind::window: return parse_window(value).has_value();
    case KeyKind::http_path: return is_http_path(value);
    case KeyKind::http_host: return is_http_host(value);
    case KeyKind::status_list: return parse_status_list(value).has_value();
    case KeyKind::text: return !value.empty() && value.size() <= longest_check_text;
    case KeyKind::hex: return parse_octets(value).has_value();
    case KeyKind::regex: return !value.empty() && value.size() <= longest_check_regex;
    case KeyKind::tls_verify: return value == "full" || value == "none";
    case KeyKind::segment_size: return value == "auto" || value == "off";
    case KeyKind::http_headers: return is_header_value(value);
    case KeyKind::command: return !value.empty() && value.find('\0') == std::string_view::npos;
    case KeyKind::boolean:
    case KeyKind::integer: break;
    }
    return false;
}

} // namespace pointsman
