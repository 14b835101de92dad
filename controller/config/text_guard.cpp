#include "controller/config/text_guard.hpp"

#include "controller/config/unicode.hpp"

#include <algorithm>
#include <cstddef>

namespace pointsman {
namespace {

constexpr unsigned deepest_nesting = 32;     // brackets open at once
constexpr unsigned most_dots_on_a_line = 32; // a dotted key nests once per dot

/// Follows just enough of TOML's lexis to tell brackets and dots from the contents of strings and comments.
class NestingScanner {
public:
    /// False once the text up to `rest[0]` nests too deep. Called for each octet in turn.
    [[nodiscard]] bool accept(std::string_view rest) {
        if (skip_ > 0) {
            --skip_;
            return true;
        }
        if (in_ == In::plain) return accept_plain(rest);
        if (in_ == In::comment) {
            if (rest[0] == '\n') end_line();
            return true;
        }
        accept_string(rest);
        return true;
    }

private:
    enum class In { plain, comment, string, long_string };

    void end_line() {
        in_ = In::plain;
        dots_ = 0;
    }

    bool accept_plain(std::string_view rest) {
        switch (rest[0]) {
        case '\n': end_line(); break;
        case '#': in_ = In::comment; break;
        case '"':
        case '\'': open_string(rest); break;
        case '[':
        case '{': ++depth_; break;
        case ']':
        case '}': depth_ -= depth_ > 0 ? 1 : 0; break;
        case '.': ++dots_; break;
        default: break;
        }
        return depth_ <= deepest_nesting && dots_ <= most_dots_on_a_line;
    }

    void open_string(std::string_view rest) {
        quote_ = rest[0];
        in_ = starts_with_three_quotes(rest) ? In::long_string : In::string;
        if (in_ == In::long_string) skip_ = 2;
    }

    void accept_string(std::string_view rest) {
        if (rest[0] == '\\' && quote_ == '"') {
            skip_ = 1;
        } else if (in_ == In::string) {
            if (rest[0] == quote_) in_ = In::plain;
            if (rest[0] == '\n') end_line();
        } else if (starts_with_three_quotes(rest)) {
            in_ = In::plain;
            std::size_t const quotes = std::min(rest.find_first_not_of(quote_), rest.size());
            skip_ = std::min<std::size_t>(quotes, 5) - 1; // up to two quotes may belong to the string's end
        }
    }

    [[nodiscard]] bool starts_with_three_quotes(std::string_view rest) const {
        return rest.size() >= 3 && rest[0] == quote_ && rest[1] == quote_ && rest[2] == quote_;
    }

    In in_ = In::plain;
    char quote_ = '"';
    std::size_t skip_ = 0;
    unsigned depth_ = 0;
    unsigned dots_ = 0;
};

} // namespace

bool check_text(std::string_view text, Problems& problems) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    NestingScanner scanner;
    Place place;
    while (!text.empty()) {
        auto const point = first_code_point(text);
        if (point.length == 0) {
            problems.error(place, "the file is not UTF-8 text", "save it as UTF-8");
            return false;
        }
        if (point.value == 0) {
            problems.error(place, "the file contains a NUL character", "is this really a text file?");
            return false;
        }
        for (std::size_t i = 0; i < point.length; ++i) {
            if (scanner.accept(text.substr(i))) continue;
            problems.error(place, "too deeply nested", "no key needs more than three levels");
            return false;
        }
        text.remove_prefix(point.length);
        place = point.value == '\n' ? Place{place.line + 1, 1, 1} : Place{place.line, place.column + 1, 1};
    }
    return true;
}

} // namespace pointsman
