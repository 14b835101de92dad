#pragma once

#include "healthcheck/outcome.hpp"
#include "healthcheck/probe.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

/// The request of an http probe, to the octet.
[[nodiscard]] std::string request_text(ProbeTarget const& target);

/// The status code of a status line without its line end; nullopt when it is none. RFC 9112 §4, and as
/// HAProxy more tolerant: several spaces, no reason phrase, not even the space before it. 100-999.
[[nodiscard]] std::optional<unsigned> parse_status_line(std::string_view line) noexcept;

/// How the end of a body is told (RFC 9112, section 6.3).
struct BodyFraming {
    enum class Kind : std::uint8_t {
        until_close,
        length,
        chunked,
        invalid, ///< a length that is no number, or two that differ
    };

    Kind kind = Kind::until_close;
    std::uint64_t length = 0; ///< octets, of `length`

    friend bool operator==(BodyFraming const&, BodyFraming const&) = default;
};

/// Follows an HTTP/1 answer up to the end of its head, whatever the pieces it comes in. Interim answers (1xx
/// but 101) are read over. Lines may end in LF alone. Holds at most `octet_limit` octets. Fields are checked
/// for their form only: the status decides.
class HttpAnswer {
public:
    enum class Progress : std::uint8_t {
        incomplete,
        complete, ///< the final head has ended; what follows is of no interest
        invalid,  ///< no HTTP/1 answer, or one beyond the limits
    };

    static constexpr std::size_t octet_limit = std::size_t{16} * 1024; ///< of all heads together
    static constexpr unsigned interim_limit = 16;

    /// Takes what was received next. Once complete or invalid it stays so.
    Progress take(std::string_view octets);

    [[nodiscard]] unsigned status() const noexcept {
        return status_;
    } ///< of the newest status line; 0: none yet
    [[nodiscard]] BodyFraming framing() const noexcept { return framing_; } ///< once complete
    /// What of the piece that completed the head belongs to the body. A view of that piece.
    [[nodiscard]] std::string_view body_of(std::string_view last_piece) const noexcept {
        return last_piece.substr(last_piece.size() - std::min(last_piece.size(), body_octets_));
    }
    [[nodiscard]] std::string first_bytes() const; ///< of the newest head, raw

private:
    void take_line(std::string_view line);
    void take_field(std::string_view line);
    void end_head();
    [[nodiscard]] bool is_hopeless() const noexcept;

    std::string octets_;
    std::size_t head_begin_ = 0; ///< offsets into octets_
    std::size_t line_begin_ = 0;
    std::size_t scanned_ = 0;     ///< no line end before this
    std::size_t body_octets_ = 0; ///< at the end of the piece that completed the head
    BodyFraming framing_;
    unsigned status_ = 0;
    unsigned interim_ = 0; ///< interim answers read over
    bool in_fields_ = false;
    Progress progress_ = Progress::incomplete;
};

/// What the end of the head decides, `outcome` being that of an exchange which got so far. A status that
/// passes may still fail by its body.
[[nodiscard]] Outcome judge_head(Outcome outcome, HttpAnswer const& answer, HttpAnswer::Progress progress,
                                 Check const& check);

} // namespace pointsman
