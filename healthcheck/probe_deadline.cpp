#include "healthcheck/probe_deadline.hpp"

#include <boost/system/error_code.hpp>

#include <utility>

namespace pointsman {

ProbeDeadline::ProbeDeadline(boost::asio::any_io_executor const& executor,
                             std::chrono::steady_clock::time_point at, std::function<void()> on_passed)
    : timer_{executor, at}
    , on_passed_{std::make_shared<std::function<void()>>(std::move(on_passed))} {
    timer_.async_wait([shared = on_passed_](boost::system::error_code error) {
        if (auto const call = error ? nullptr : std::exchange(*shared, nullptr)) call();
    });
}

} // namespace pointsman
