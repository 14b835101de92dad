#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <string>

namespace pointsman {

/// One look at the daemon.
struct Look {
    boost::json::object status; ///< pointsman.status/1
    std::chrono::steady_clock::time_point at;
};

/// Pure. What `top` shows of two looks: rates between them, states and sessions of the later one, cut to the
/// terminal's size. Lines end with "\r\n", since the terminal is in raw mode.
[[nodiscard]] std::string top_view(Look const& before, Look const& now, std::size_t rows,
                                   std::size_t columns);

/// "999", "1.2k", "34M": at most four characters and a unit.
[[nodiscard]] std::string short_number(double value);

} // namespace pointsman
