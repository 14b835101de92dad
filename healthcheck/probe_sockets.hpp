#pragma once

#include "healthcheck/probe.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace pointsman {

/// TCP sockets that serve one probe after another, and the events on all of them. A probe that passed gives
/// its socket back; the connection is reset then (connect to AF_UNSPEC), and the next probe connects the same
/// socket anew: no descriptor is made, closed or registered for it. One thread.
class ProbeSockets {
public:
    /// Who waits on a socket.
    class User {
    public:
        virtual void on_events(std::uint32_t events) = 0; ///< EPOLL*; may give the socket back

    protected:
        ~User() = default;
    };

    struct Socket {
        int fd = -1;
        bool is_v4 = true;
        User* user = nullptr;
    };

    explicit ProbeSockets(boost::asio::any_io_executor const& executor);
    ProbeSockets(ProbeSockets const&) = delete;
    ProbeSockets& operator=(ProbeSockets const&) = delete;
    ~ProbeSockets(); ///< only while no socket is in use: asserted

    /// A socket that is on its way to the target, or null and why. `user` hears of it from the loop only,
    /// never during this call.
    [[nodiscard]] Socket* connect(ProbeTarget const& target, User& user, boost::system::error_code& error);

    /// Ends the connection by RST. Its user hears nothing more. `again`: nothing went wrong with the socket.
    void give_back(Socket& socket, bool again);

    /// Closes the sockets that are not in use; without any the loop has nothing to wait for here.
    void close_resting();

private:
    /// While events are handed out, however that ends.
    class Dispatching;

    static constexpr std::size_t most_resting = 256; ///< of each family
    /// With so many in use their events are not waited for one by one but looked at together, a pause after
    /// the last look: a wake-up costs more than a probe's own work.
    static constexpr std::size_t many_in_use = 24;
    static constexpr std::chrono::milliseconds pause{1};

    [[nodiscard]] Socket* take(bool is_v4, boost::system::error_code& error);
    void rest(Socket& socket);
    void forget(Socket& socket);
    void listen();
    void dispatch();
    [[nodiscard]] bool dispatch_some();

    boost::asio::posix::stream_descriptor epoll_;
    std::unordered_map<Socket const*, std::unique_ptr<Socket>> sockets_;
    std::array<std::vector<Socket*>, 2> resting_; ///< by is_v4; the newest is used first
    /// Given back while events are handed out: those still to come may be about their last connection.
    std::vector<Socket*> given_back_;
    std::vector<std::unique_ptr<Socket>> closed_;
    boost::asio::steady_timer next_look_;
    std::size_t in_use_ = 0;
    bool dispatching_ = false;
    bool ended_any_ = false; ///< connections, since the last look
    bool found_any_ = false; ///< events, at the last look
    bool listening_ = false;
    std::shared_ptr<ProbeSockets*>
        self_; ///< null from the destructor on; shared with the completion of a wait
};

} // namespace pointsman
