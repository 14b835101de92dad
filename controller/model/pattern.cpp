#include "controller/model/pattern.hpp"

// Steps of one search, of some 10 ns each. The library's own limit allows for seconds. No other file may
// include the library: its templates depend on this.
#define BOOST_REGEX_MAX_STATE_COUNT 500000
#include <boost/regex.hpp>

#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace pointsman {

namespace {

/// Hides that octets can be reached in any order: for such a text the library raises its limit by its length
/// times the square of the expression's.
struct Octet {
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = char const*;
    using reference = char const&;

    char const* at = nullptr;

    reference operator*() const noexcept { return *at; }
    Octet& operator++() noexcept { return ++at, *this; }
    Octet& operator--() noexcept { return --at, *this; }
    Octet operator++(int) noexcept { return {at++}; }
    Octet operator--(int) noexcept { return {at--}; }
    friend bool operator==(Octet const&, Octet const&) = default;
};

} // namespace

struct Pattern::Program {
    boost::regex expression;
};

Pattern::Pattern(std::string text, std::shared_ptr<Program const> program)
    : text_{std::move(text)}
    , program_{std::move(program)} {}

Pattern Pattern::compile(std::string text, std::string& flaw) {
    try {
        auto program = std::make_shared<Program const>(Program{boost::regex{text, boost::regex::perl}});
        return {std::move(text), std::move(program)};
    } catch (boost::regex_error const& error) {
        flaw = boost::regex_traits<char>{}.error_string(error.code());
        return {};
    }
}

Pattern::Result Pattern::search(std::string_view octets) const noexcept {
    if (empty()) return Result::found;
    try {
        Octet const begin{octets.data()};
        Octet const end{octets.data() + octets.size()};
        bool const found = boost::regex_search(begin, end, program_->expression, boost::match_any);
        return found ? Result::found : Result::missing;
    } catch (std::runtime_error const&) {
        return Result::too_hard;
    }
}

} // namespace pointsman
