#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <string>
#include <sys/types.h>

namespace pointsman {

/// Who asks, as far as the socket knows. Only a Unix socket knows.
struct Peer {
    bool local = false; ///< through the control socket: may change things
    uid_t uid = 0;
    pid_t pid = 0;
};

struct ApiRequest {
    std::string method;
    std::string target; ///< path and query, as sent
    std::string body;
    Peer peer;
};

struct ApiResponse {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::string allow{}; ///< methods, of a 405
};

using ApiHandler = std::function<boost::asio::awaitable<ApiResponse>(ApiRequest)>;

/// A small HTTP/1.1 server: bounded requests (beyond the bound: 413, 431), a deadline on every wait, one
/// coroutine a connection.
class HttpServer {
public:
    HttpServer(boost::asio::io_context& context, ApiHandler handler);
    HttpServer(HttpServer const&) = delete;
    HttpServer& operator=(HttpServer const&) = delete;
    ~HttpServer(); ///< removes the socket file, if stop() did not

    /// Listens on a Unix socket, mode 0660. A socket file that nobody answers is replaced.
    /// @throws std::runtime_error, one line with the remedy, when somebody answers or the path cannot be
    /// bound.
    void listen_local(std::string const& path);

    /// Listens on "ADDRESS:PORT" ("[ADDRESS]:PORT" for IPv6).
    /// @throws std::runtime_error, one line with the remedy.
    void listen_tcp(std::string const& endpoint);

    /// Closes the listeners, removes the socket file, cancels the connections and completes when all have
    /// ended.
    [[nodiscard]] boost::asio::awaitable<void> stop();

private:
    template<typename Protocol>
    boost::asio::awaitable<void> accept(typename Protocol::acceptor& acceptor, bool local);
    template<typename Protocol>
    void start(typename Protocol::acceptor& acceptor, bool local);
    template<typename Protocol>
    void start_connection(typename Protocol::socket socket, bool local);
    void remove_socket_file();
    void ended(std::list<boost::asio::cancellation_signal>::iterator task);

    boost::asio::io_context& context_;
    ApiHandler handler_;
    boost::asio::local::stream_protocol::acceptor local_;
    boost::asio::ip::tcp::acceptor tcp_;
    std::string local_path_;
    std::list<boost::asio::cancellation_signal> tasks_; ///< one for each coroutine that runs
    boost::asio::steady_timer all_ended_;
};

} // namespace pointsman
