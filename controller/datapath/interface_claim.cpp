#include "controller/datapath/interface_claim.hpp"

#include "controller/datapath/bpf_fs.hpp"
#include "controller/datapath/error.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace pointsman {
namespace {

struct Name {
    sockaddr_un address{};
    socklen_t length = 0;
};

Name name_of(std::string const& interface) {
    Name name;
    auto const text = "pointsman/interface/" + interface;
    name.address.sun_family = AF_UNIX;
    std::memcpy(name.address.sun_path + 1, text.data(), text.size()); // the first octet 0: abstract
    name.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    return name;
}

OwnedFd new_socket() {
    return OwnedFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

/// Who listens under a name; uid of nobody when it is gone meanwhile.
ucred listener(Name const& name) {
    OwnedFd const socket = new_socket();
    ucred peer{0, static_cast<uid_t>(-1), 0};
    socklen_t length = sizeof(peer);
    auto const* const address = reinterpret_cast<sockaddr const*>(&name.address);
    if (::connect(socket.get(), address, name.length) == 0)
        ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length);
    return peer;
}

} // namespace

/// The name is open to every user of the network namespace; one that is not us cannot keep us from starting.
InterfaceClaim::InterfaceClaim(std::string const& interface) : socket_{new_socket()} {
    auto const name = name_of(interface);
    auto const* const address = reinterpret_cast<sockaddr const*>(&name.address);
    if (::bind(socket_.get(), address, name.length) == 0 && ::listen(socket_.get(), SOMAXCONN) == 0) return;
    if (errno != EADDRINUSE) return;
    auto const owner = listener(name);
    if (owner.uid == ::geteuid())
        throw DatapathError{"datapath.interfaces: " + interface + " is served by another daemon, " +
                                describe_process(owner.pid),
                            "stop it, or list another interface"};
}

void InterfaceClaim::hang_up() const noexcept {
    while (OwnedFd{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)}) {
    }
}

} // namespace pointsman
