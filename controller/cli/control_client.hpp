#pragma once

#include <optional>
#include <stdexcept>
#include <string>

namespace pointsman {

struct ControlAnswer {
    unsigned status = 0;
    std::string body;
};

/// No daemon answers; what() says where and what to do.
class Unreachable : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// One request over the control socket. Waits 30 s at the most.
/// @throws Unreachable
[[nodiscard]] ControlAnswer ask_daemon(std::string const& socket_path, std::string const& method,
                                       std::string const& target, std::string const& body = {});

} // namespace pointsman
