#include "healthcheck/probe_http_message.hpp"

#include "healthcheck/probe_socket.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <charconv>
#include <system_error>

#ifndef POINTSMAN_VERSION
#error "POINTSMAN_VERSION is set by the build"
#endif

namespace pointsman {

namespace {

constexpr std::string_view version_prefix = "HTTP/1.";
constexpr std::size_t usual_request = 256; ///< octets
constexpr std::string_view no_status_line = "no HTTP/1 status line";

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

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_text(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

bool ends_chunked(std::string_view codings) noexcept {
    constexpr std::string_view chunked = "chunked";
    return codings.size() >= chunked.size() &&
           same_text(codings.substr(codings.size() - chunked.size()), chunked);
}

BodyFraming with_length(BodyFraming before, std::string_view text) noexcept {
    using Kind = BodyFraming::Kind;
    if (before.kind == Kind::chunked) return before; // RFC 9112, section 6.3: it overrides the length
    std::uint64_t length = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    bool const number =
        error == std::errc{} && end == text.data() + text.size() && !text.empty() && is_digit(text.front());
    bool const differs = before.kind == Kind::length && before.length != length;
    if (!number || differs || before.kind == Kind::invalid) return {Kind::invalid, 0};
    return {Kind::length, length};
}

std::string host_text(ProbeTarget const& target) {
    if (!target.check->host.empty()) return target.check->host;
    std::string text = target.address.is_v4() ? target.address.text() : '[' + target.address.text() + ']';
    if (target.port != (target.check->type == CheckType::https ? 443 : 80))
        text += ':' + std::to_string(target.port);
    return text;
}

bool holds(std::vector<StatusRange> const& ranges, unsigned status) noexcept {
    return std::any_of(ranges.begin(), ranges.end(), [status](StatusRange const& range) {
        return range.first <= status && status <= range.last;
    });
}

} // namespace

std::string request_text(ProbeTarget const& target) {
    auto const& check = *target.check;
    auto const is_agent = [](HttpField const& field) { return same_text(field.name, "user-agent"); };
    std::string text;
    text.reserve(usual_request);
    text.append(check.method).append(" ").append(check.path).append(" HTTP/1.1\r\nHost: ");
    text.append(host_text(target)).append("\r\n");
    if (std::none_of(check.headers.begin(), check.headers.end(), is_agent))
        text += "User-Agent: pointsman/" POINTSMAN_VERSION "\r\n";
    for (auto const& [name, value] : check.headers)
        text.append(name).append(": ").append(value).append("\r\n");
    text += "Connection: close\r\n\r\n";
    return text;
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
    auto const before = octets_.size();
    octets_.append(octets.substr(0, octet_limit - octets_.size()));
    while (progress_ == Progress::incomplete) {
        auto const line_end = octets_.find('\n', scanned_);
        if (line_end == std::string::npos) break;
        auto line = std::string_view{octets_}.substr(line_begin_, line_end - line_begin_);
        if (line.ends_with('\r')) line.remove_suffix(1);
        line_begin_ = scanned_ = line_end + 1;
        take_line(line);
    }
    if (progress_ == Progress::complete && line_begin_ > before)
        body_octets_ = octets.size() - (line_begin_ - before);
    scanned_ = octets_.size();
    if (progress_ == Progress::incomplete) give_up_if_hopeless();
    return progress_;
}

void HttpAnswer::take_line(std::string_view line) {
    if (!in_fields_) {
        auto const status = parse_status_line(line);
        if (!status) reject(no_status_line);
        status_ = status.value_or(0);
        in_fields_ = true;
    } else if (line.empty()) {
        end_head();
    } else if (!is_field_line(line)) {
        reject("a header line has no valid form");
    } else {
        take_field(line);
    }
}

void HttpAnswer::take_field(std::string_view line) {
    auto const colon = std::min(line.find(':'), line.size());
    auto const name = line.substr(0, colon);
    auto const value = trimmed(line.substr(std::min(colon + 1, line.size())));
    if (same_text(name, "transfer-encoding"))
        framing_ = {ends_chunked(value) ? BodyFraming::Kind::chunked : BodyFraming::Kind::until_close, 0};
    if (same_text(name, "content-length")) framing_ = with_length(framing_, value);
}

void HttpAnswer::end_head() {
    if (!is_interim(status_)) {
        progress_ = Progress::complete;
    } else if (++interim_ > interim_limit) {
        reject("more than 16 interim answers");
    } else {
        in_fields_ = false;
        framing_ = {};
        head_begin_ = line_begin_;
    }
}

/// Full without an end, or begun unlike any status line: not worth waiting for the rest.
void HttpAnswer::give_up_if_hopeless() noexcept {
    auto const begun = std::string_view{octets_}.substr(line_begin_, version_prefix.size());
    if (!in_fields_ && begun != version_prefix.substr(0, begun.size())) return reject(no_status_line);
    if (octets_.size() == octet_limit) reject("the head is longer than 16384 octets");
}

void HttpAnswer::reject(std::string_view flaw) noexcept {
    progress_ = Progress::invalid;
    flaw_ = flaw;
}

std::string HttpAnswer::first_bytes() const {
    return octets_.substr(head_begin_, first_bytes_limit);
}

std::string_view why_incomplete(boost::system::error_code error, HttpAnswer const& answer) {
    if (error == boost::asio::error::eof)
        return answer.has_begun() ? "closed before the head's end" : "closed before an answer";
    if (error == deadline_passed())
        return answer.has_begun() ? "the answer's head was not complete in time" : "no answer";
    return answer.has_begun() ? "the connection broke before the head's end"
                              : "the connection broke before an answer";
}

Outcome judge_head(Outcome outcome, HttpAnswer const& answer, HttpAnswer::Progress progress,
                   Check const& check) {
    outcome.status = answer.status();
    outcome.code = OutcomeCode::L7RSP;
    outcome.text = answer.flaw();
    if (progress == HttpAnswer::Progress::complete) {
        bool const drain = holds(check.drain_status, answer.status());
        bool const passed = drain || holds(check.expect_status, answer.status());
        outcome.code = passed ? OutcomeCode::L7OK : OutcomeCode::L7STS;
        if (drain) outcome.asks = AdminState::drain;
    }
    if (!outcome.passed()) outcome.first_bytes = answer.first_bytes();
    return outcome;
}

} // namespace pointsman
