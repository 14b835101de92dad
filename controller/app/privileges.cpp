#include "controller/app/privileges.hpp"

#include <cap-ng.h>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace pointsman {

bool drop_privileges() noexcept {
    capng_clear(CAPNG_SELECT_BOTH);
    auto const kept = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED);
    if (capng_updatev(CAPNG_ADD, kept, CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, -1) != 0) return false;
    if (capng_apply(CAPNG_SELECT_BOTH) != 0) return false;
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

void notify_ready() noexcept {
    auto const* const path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!path || std::strlen(path) == 0 || std::strlen(path) >= sizeof(address.sun_path)) return;
    std::memcpy(address.sun_path, path, std::strlen(path) + 1);
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0'; // abstract
    auto const socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return;
    constexpr std::string_view message = "READY=1";
    auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    (void)!::sendto(socket, message.data(), message.size(), MSG_NOSIGNAL,
                    reinterpret_cast<sockaddr const*>(&address), length);
    ::close(socket);
}

} // namespace pointsman
