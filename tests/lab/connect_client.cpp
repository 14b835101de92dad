// What a client of a service sees, one JSON line a connection. Bounded in time and count.
//
//   connect_client connect ADDRESS PORT [--parallel 16] [--rate 2000] [--seconds 10] [--count 1000000]
//                                       [--timeout-ms 3000] [--path /] [--ports 1]
//       opens new connections, one request each, at most `rate` a second (0: as fast as they end), to so many
//       ports from PORT on in turn:
//       {"start_ns": …, "duration_ns": …, "result": "ok", "backend": "b1"}
//   connect_client hold ADDRESS PORT [--parallel 16] [--interval-ms 50] [--seconds 60] [--timeout-ms 3000]
//   [--path /]
//       holds connections open and asks on each every interval (0: only at the start and at the end); prints
//       `holding` once all are open, and at the end, for each: {"backend", "requests", "opened_ns",
//       "broke_ns", "result", "worst_ns"}
//
// SIGTERM and SIGINT end either mode early, with its report.
#include "connect_loop.hpp"
#include "hold_loop.hpp"

#include <exception>
#include <map>
#include <span>
#include <stdexcept>

namespace lab {
namespace {

Options options_of(std::span<char*> arguments) {
    if (arguments.size() < 3)
        throw std::invalid_argument("usage: connect_client connect|hold ADDRESS PORT [--option value]...");
    Options options;
    options.mode = arguments[0];
    options.address = arguments[1];
    options.port = static_cast<std::uint16_t>(std::stoul(arguments[2]));
    std::map<std::string, std::int64_t*> const numbers = {{"--parallel", &options.parallel},
                                                          {"--rate", &options.rate},
                                                          {"--seconds", &options.seconds},
                                                          {"--count", &options.count},
                                                          {"--timeout-ms", &options.timeout_ms},
                                                          {"--interval-ms", &options.interval_ms},
                                                          {"--ports", &options.ports}};
    for (std::size_t i = 3; i + 1 < arguments.size(); i += 2) {
        std::string const name = arguments[i];
        if (name == "--path") {
            options.path = arguments[i + 1];
        } else {
            *numbers.at(name) = std::stoll(arguments[i + 1]);
        }
    }
    return options;
}

} // namespace
} // namespace lab

int main(int argc, char** argv) {
    try {
        auto const on_signal = [](int) { lab::stop_asked = 1; };
        std::signal(SIGTERM, on_signal);
        std::signal(SIGINT, on_signal);
        auto const options = lab::options_of(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
        if (options.mode == "hold") {
            lab::HoldLoop(options).run();
        } else {
            lab::ConnectLoop(options).run();
        }
        return 0;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "connect_client: %s\n", error.what());
        return 2;
    }
}
