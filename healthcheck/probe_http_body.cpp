#include "healthcheck/probe_http_body.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

namespace pointsman {

namespace {

/// RFC 9112, section 7.1: hexadecimal digits, then perhaps extensions.
std::optional<std::uint64_t> parse_chunk_size(std::string_view line) noexcept {
    std::uint64_t size = 0;
    auto const* const last = line.data() + line.size();
    auto const [end, error] = std::from_chars(line.data(), last, size, 16);
    bool const ended = end == last || *end == ';' || *end == ' ' || *end == '\t';
    if (error != std::errc{} || !ended) return std::nullopt;
    return size;
}

bool has_no_body(std::string_view method, unsigned status) noexcept {
    return method == "HEAD" || status < 200 || status == 204 || status == 304;
}

} // namespace

HttpBody::HttpBody(BodyFraming framing, std::string_view method, unsigned status) noexcept
    : kind_{framing.kind}
    , left_{framing.length} {
    bool const empty = kind_ == BodyFraming::Kind::length && left_ == 0;
    if (has_no_body(method, status) || empty)
        progress_ = Progress::complete;
    else if (kind_ == BodyFraming::Kind::invalid)
        progress_ = Progress::invalid;
}

HttpBody::Progress HttpBody::take(std::string_view octets, std::string& content) {
    if (progress_ != Progress::incomplete) return progress_;
    taken_ += octets.size();
    if (kind_ == BodyFraming::Kind::chunked) {
        take_chunks(octets, content);
    } else if (kind_ == BodyFraming::Kind::length) {
        auto const part = octets.substr(0, left_);
        content.append(part);
        left_ -= part.size();
        if (left_ == 0) progress_ = Progress::complete;
    } else {
        content.append(octets);
    }
    if (progress_ == Progress::incomplete && taken_ > octet_limit) progress_ = Progress::invalid;
    return progress_;
}

HttpBody::Progress HttpBody::end() noexcept {
    if (progress_ == Progress::incomplete)
        progress_ = kind_ == BodyFraming::Kind::until_close ? Progress::complete : Progress::invalid;
    return progress_;
}

void HttpBody::take_chunks(std::string_view octets, std::string& content) {
    while (!octets.empty() && progress_ == Progress::incomplete) {
        if (at_ == At::data) {
            auto const part = octets.substr(0, left_);
            content.append(part);
            octets.remove_prefix(part.size());
            left_ -= part.size();
            if (left_ == 0) at_ = At::data_end;
            continue;
        }
        auto const line_end = octets.find('\n');
        line_.append(octets.substr(0, line_end));
        octets.remove_prefix(line_end == std::string_view::npos ? octets.size() : line_end + 1);
        if (line_.size() > line_limit)
            progress_ = Progress::invalid;
        else if (line_end != std::string_view::npos)
            take_line();
    }
}

void HttpBody::take_line() {
    if (line_.ends_with('\r')) line_.pop_back();
    if (at_ == At::size) {
        auto const size = parse_chunk_size(line_);
        left_ = size.value_or(0);
        at_ = left_ == 0 ? At::trailer : At::data;
        if (!size) progress_ = Progress::invalid;
    } else if (at_ == At::data_end) {
        if (!line_.empty()) progress_ = Progress::invalid;
        at_ = At::size;
    } else if (line_.empty()) {
        progress_ = Progress::complete;
    }
    line_.clear();
}

} // namespace pointsman
