#include "controller/api/clock.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace pointsman {

Moment Moment::now() noexcept {
    return {std::chrono::system_clock::now(), pointsman::mono_ns(std::chrono::steady_clock::now())};
}

Moment Moment::at(std::chrono::steady_clock::time_point time) noexcept {
    return {std::chrono::system_clock::now(), pointsman::mono_ns(time)};
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
    auto const since_epoch = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
    std::time_t const seconds = since_epoch / 1'000'000;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 80> out{};
    std::snprintf(out.data(), out.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", utc.tm_year + 1900,
                  utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                  static_cast<int>(since_epoch % 1'000'000));
    return out.data();
}

std::uint64_t mono_ns(std::chrono::steady_clock::time_point time) noexcept {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

std::int64_t microseconds_of(std::chrono::steady_clock::duration duration) noexcept {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

double seconds_of(std::chrono::steady_clock::duration duration) noexcept {
    return std::chrono::duration<double>(duration).count();
}

} // namespace pointsman
