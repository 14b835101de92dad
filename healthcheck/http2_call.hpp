#pragma once

#include "healthcheck/grpc_health.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct nghttp2_session;

namespace pointsman {

/// One gRPC call over an HTTP/2 connection of its own: octets in, octets out, no socket. What it keeps is
/// bounded whatever the server sends.
class Http2Call {
public:
    static constexpr std::size_t octet_limit = std::size_t{64} * 1024; ///< taken from the server, together
    static constexpr std::size_t body_limit = 4096;

    struct Request {
        std::string scheme, authority, path, body;
    };

    explicit Http2Call(Request request);
    Http2Call(Http2Call const&) = delete;
    Http2Call& operator=(Http2Call const&) = delete;
    ~Http2Call();

    /// What is to be sent now; empty: nothing.
    [[nodiscard]] std::string to_send();
    /// Takes what was received next.
    void take(std::string_view octets);

    /// The call has its answer, or the server broke the protocol: `flaw` then says how.
    [[nodiscard]] bool ended() const noexcept { return closed_ || !flaw_.empty(); }
    [[nodiscard]] std::string const& flaw() const noexcept { return flaw_; }
    [[nodiscard]] HealthAnswer const& answer() const noexcept { return answer_; }
    [[nodiscard]] std::string const& first_bytes() const noexcept { return first_bytes_; } ///< raw

private:
    struct Calls; // what the library calls back

    struct Delete {
        void operator()(nghttp2_session* session) const noexcept;
    };

    void submit();
    void on_field(std::string_view name, std::string_view value);

    Request request_;
    std::size_t sent_ = 0; ///< octets of the body
    HealthAnswer answer_;
    std::string first_bytes_;
    std::string flaw_;
    std::size_t taken_ = 0;
    bool closed_ = false;
    std::unique_ptr<nghttp2_session, Delete> session_;
};

} // namespace pointsman
