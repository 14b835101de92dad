#include "healthcheck/probe_http_message.hpp"

#include <algorithm>

#ifndef POINTSMAN_VERSION
#error "POINTSMAN_VERSION is set by the build"
#endif

namespace pointsman {

namespace {

constexpr std::string_view version_prefix = "HTTP/1.";

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_control(char c) noexcept {
    auto const octet = static_cast<unsigned char>(c);
    return (octet < 0x20 && c != '\t') || octet == 0x7f;
}

bool has_control(std::string_view text) noexcept {
    return std::ranges::any_of(text, is_control);
}

/// "name: value", or the continuation of one (obs-fold).
bool is_field_line(std::string_view line) noexcept {
    if (has_control(line)) return false;
    bool const folded = line.front() == ' ' || line.front() == '\t';
    return folded || (line.front() != ':' && line.find(':') != std::string_view::npos);
}

bool is_interim(unsigned status) noexcept {
    return status < 200 && status != 101;
}

std::string host_text(ProbeTarget const& target) {
    if (!target.check.host.empty()) return target.check.host;
    std::string text = target.address.is_v4() ? target.address.text() : '[' + target.address.text() + ']';
    if (target.port != 80) text += ':' + std::to_string(target.port);
    return text;
}

} // namespace

std::string request_text(ProbeTarget const& target) {
    return target.check.method + ' ' + target.check.path + " HTTP/1.1\r\nHost: " + host_text(target) +
           "\r\nUser-Agent: pointsman/" POINTSMAN_VERSION "\r\nConnection: close\r\n\r\n";
}

std::optional<unsigned> parse_status_line(std::string_view line) noexcept {
    if (!line.starts_with(version_prefix)) return std::nullopt;
    line.remove_prefix(version_prefix.size());
    if (line.size() < 2 || !is_digit(line[0]) || line[1] != ' ') return std::nullopt;
    line.remove_prefix(std::min(line.find_first_not_of(' ', 1), line.size()));

    if (line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit)) return std::nullopt;
    unsigned status = 0;
    for (char const digit : line.substr(0, 3))
        status = status * 10 + static_cast<unsigned>(digit - '0');
    line.remove_prefix(3);

    bool const reason_apart = line.empty() || line.front() == ' ';
    if (status < 100 || !reason_apart || has_control(line)) return std::nullopt;
    return status;
}

HttpAnswer::Progress HttpAnswer::take(std::string_view octets) {
    octets_.append(octets.substr(0, octet_limit - octets_.size()));
    while (progress_ == Progress::incomplete) {
        auto const line_end = octets_.find('\n', scanned_);
        if (line_end == std::string::npos) break;
        auto line = std::string_view{octets_}.substr(line_begin_, line_end - line_begin_);
        if (line.ends_with('\r')) line.remove_suffix(1);
        line_begin_ = scanned_ = line_end + 1;
        take_line(line);
    }
    scanned_ = octets_.size();
    if (progress_ == Progress::incomplete && is_hopeless()) progress_ = Progress::invalid;
    return progress_;
}

void HttpAnswer::take_line(std::string_view line) {
    if (!in_fields_) {
        auto const status = parse_status_line(line);
        if (!status) progress_ = Progress::invalid;
        status_ = status.value_or(0);
        in_fields_ = true;
    } else if (line.empty()) {
        end_head();
    } else if (!is_field_line(line)) {
        progress_ = Progress::invalid;
    }
}

void HttpAnswer::end_head() {
    if (!is_interim(status_)) {
        progress_ = Progress::complete;
    } else if (++interim_ > interim_limit) {
        progress_ = Progress::invalid;
    } else {
        in_fields_ = false;
        head_begin_ = line_begin_;
    }
}

/// Full without an end, or begun unlike any status line: not worth waiting for the rest.
bool HttpAnswer::is_hopeless() const noexcept {
    if (octets_.size() == octet_limit) return true;
    auto const begun = std::string_view{octets_}.substr(line_begin_, version_prefix.size());
    return !in_fields_ && begun != version_prefix.substr(0, begun.size());
}

std::string HttpAnswer::first_bytes() const {
    return octets_.substr(head_begin_, first_bytes_limit);
}

} // namespace pointsman
