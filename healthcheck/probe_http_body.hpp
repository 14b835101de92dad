#pragma once

#include "healthcheck/probe_http_message.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pointsman {

/// Takes a body out of its framing, whatever the pieces it comes in.
class HttpBody {
public:
    enum class Progress : std::uint8_t {
        incomplete,
        complete,
        invalid, ///< no chunks, or too many octets for what is in them
    };

    static constexpr std::size_t octet_limit = std::size_t{1} << 20; ///< of the body with its framing
    static constexpr std::size_t line_limit = 1024;                  ///< of a chunk's line

    HttpBody(BodyFraming framing, std::string_view method, unsigned status) noexcept;

    /// Takes what was received next and appends what of it is content.
    Progress take(std::string_view octets, std::string& content);
    /// The connection ended.
    Progress end() noexcept;
    [[nodiscard]] Progress progress() const noexcept { return progress_; }

private:
    enum class At : std::uint8_t { size, data, data_end, trailer };

    void take_chunks(std::string_view octets, std::string& content);
    void take_line();

    BodyFraming::Kind kind_;
    std::uint64_t left_; ///< octets until the end of the body, or of the chunk
    std::string line_;
    std::size_t taken_ = 0;
    At at_ = At::size;
    Progress progress_ = Progress::incomplete;
};

} // namespace pointsman
