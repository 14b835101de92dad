#include "healthcheck/http2_call.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <new>
#include <utility>

namespace pointsman {

namespace {

constexpr std::size_t message_limit = 128;

std::string_view view(std::uint8_t const* octets, std::size_t size) noexcept {
    return {reinterpret_cast<char const*>(octets), size};
}

/// The library copies both texts and changes neither.
nghttp2_nv field(std::string_view name, std::string_view value) noexcept {
    auto const octets = [](std::string_view text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::optional<unsigned> number(std::string_view text) noexcept {
    unsigned value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

} // namespace

struct Http2Call::Calls {
    static Http2Call& call(void* user) noexcept { return *static_cast<Http2Call*>(user); }

    static int on_header(nghttp2_session*, nghttp2_frame const*, std::uint8_t const* name,
                         std::size_t name_size, std::uint8_t const* value, std::size_t value_size,
                         std::uint8_t, void* user) {
        call(user).on_field(view(name, name_size), view(value, value_size));
        return 0;
    }

    static int on_data(nghttp2_session*, std::uint8_t, std::int32_t, std::uint8_t const* data,
                       std::size_t size, void* user) {
        auto& self = call(user);
        auto const room = body_limit - self.answer_.body.size();
        if (size > room) self.flaw_ = "the answer is too long";
        self.answer_.body.append(view(data, std::min(size, room)));
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t, std::uint32_t, void* user) {
        call(user).closed_ = true;
        return 0;
    }

    static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source*, void* user) {
        auto& self = call(user);
        auto const part = std::string_view{self.request_.body}.substr(self.sent_, size);
        std::memcpy(buffer, part.data(), part.size());
        self.sent_ += part.size();
        if (self.sent_ == self.request_.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(part.size());
    }
};

void Http2Call::Delete::operator()(nghttp2_session* session) const noexcept {
    nghttp2_session_del(session);
}

Http2Call::~Http2Call() = default;

Http2Call::Http2Call(Request request) : request_{std::move(request)} {
    nghttp2_session_callbacks* made = nullptr;
    if (nghttp2_session_callbacks_new(&made) != 0) throw std::bad_alloc{};
    std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)> const callbacks{
        made, &nghttp2_session_callbacks_del};
    nghttp2_session_callbacks_set_on_header_callback(made, &Calls::on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &Calls::on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, &Calls::on_close);
    nghttp2_session* session = nullptr;
    if (nghttp2_session_client_new(&session, made, this) != 0) throw std::bad_alloc{};
    session_.reset(session);
    submit();
}

void Http2Call::submit() {
    constexpr std::array settings{nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    std::array const fields{field(":method", "POST"),
                            field(":scheme", request_.scheme),
                            field(":path", request_.path),
                            field(":authority", request_.authority),
                            field("te", "trailers"),
                            field("content-type", "application/grpc"),
                            field("user-agent", "pointsman/" POINTSMAN_VERSION)};
    nghttp2_data_provider body{};
    body.read_callback = &Calls::read_body;
    auto const failed =
        nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0 ||
        nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(), &body, nullptr) < 0;
    if (failed) throw std::bad_alloc{};
}

std::string Http2Call::to_send() {
    std::string octets;
    std::uint8_t const* part = nullptr;
    for (ssize_t size = 1; size > 0;) {
        size = nghttp2_session_mem_send(session_.get(), &part);
        if (size > 0) octets.append(view(part, static_cast<std::size_t>(size)));
    }
    return octets;
}

void Http2Call::take(std::string_view octets) {
    first_bytes_.append(octets.substr(0, first_bytes_limit - first_bytes_.size()));
    taken_ += octets.size();
    auto const used = nghttp2_session_mem_recv(
        session_.get(), reinterpret_cast<std::uint8_t const*>(octets.data()), octets.size());
    if (closed_ || !flaw_.empty()) return;
    if (used < 0)
        flaw_ = std::string{"no HTTP/2: "} + nghttp2_strerror(static_cast<int>(used));
    else if (taken_ > octet_limit)
        flaw_ = "the answer is too long";
    else if (nghttp2_session_want_read(session_.get()) == 0)
        flaw_ = "the server broke HTTP/2's rules";
}

void Http2Call::on_field(std::string_view name, std::string_view value) {
    if (name == ":status") answer_.http_status = number(value).value_or(0);
    if (name == "grpc-status") answer_.grpc_status = number(value);
    if (name == "grpc-message") answer_.grpc_message = value.substr(0, message_limit);
}

} // namespace pointsman
