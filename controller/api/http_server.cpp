#include "controller/api/http_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace pointsman {
namespace {

constexpr std::size_t body_limit = 64 * 1024;
constexpr std::size_t local_body_limit = 16 * 1024 * 1024; ///< a whole configuration file, for a plan
constexpr std::size_t header_limit = 8 * 1024;
constexpr std::size_t connection_limit = 256;
constexpr std::chrono::seconds patience{10}; ///< for each request and for each answer
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

template<typename Socket>
Peer peer_of(Socket& socket, bool local) {
    Peer peer{local, 0, 0};
    ucred credentials{};
    socklen_t length = sizeof(credentials);
    if (local && ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
        peer.uid = credentials.uid;
        peer.pid = credentials.pid;
    }
    return peer;
}

http::response<http::string_body> to_beast(ApiResponse answer, unsigned version, bool keep_alive, bool head) {
    http::response<http::string_body> response;
    response.result(answer.status);
    response.version(version);
    response.set(http::field::server, "pointsman/" POINTSMAN_VERSION);
    response.set(http::field::content_type, answer.content_type);
    if (!answer.allow.empty()) response.set(http::field::allow, answer.allow);
    response.keep_alive(keep_alive);
    response.content_length(answer.body.size());
    if (!head) response.body() = std::move(answer.body);
    return response;
}

/// The answer to a request that is no HTTP or beyond a limit; nullopt for one that did not arrive.
std::optional<ApiResponse> refusal_of(boost::system::error_code error, bool local) {
    auto const answer = [](unsigned status, std::string const& text) {
        return ApiResponse{status, "application/json", R"({"error":")" + text + "\"}\n"};
    };
    if (error == http::error::body_limit)
        return answer(413, "the body is longer than " +
                               std::to_string(local ? local_body_limit : body_limit) + " octets");
    if (error == http::error::header_limit)
        return answer(431,
                      "request line and headers are longer than " + std::to_string(header_limit) + " octets");
    bool const is_cut_short = error == http::error::end_of_stream || error == http::error::partial_message;
    if (is_cut_short || error.category() != make_error_code(http::error::bad_method).category())
        return std::nullopt;
    return answer(400, "this is no HTTP/1.1 request: " + error.message());
}

/// Takes what is still under way: closing a socket with unread octets would reset the connection, and the
/// answer with it. At most as long and as much as a request may take.
template<typename Protocol>
asio::awaitable<void> drain(beast::basic_stream<Protocol>& stream) {
    boost::system::error_code ignored;
    stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    stream.expires_after(patience);
    std::vector<char> discarded(body_limit);
    for (std::size_t taken = 0; taken < local_body_limit;) {
        auto [error, octets] = co_await stream.async_read_some(asio::buffer(discarded), as_result);
        if (error) co_return;
        taken += octets;
    }
}

template<typename Protocol>
asio::awaitable<void> refuse(beast::basic_stream<Protocol>& stream, ApiResponse answer) {
    auto response = to_beast(answer, 11, false, false);
    http::response_serializer<http::string_body> serializer{response};
    stream.expires_after(patience);
    auto [error, sent] = co_await http::async_write(stream, serializer, as_result);
    if (!error) co_await drain<Protocol>(stream);
}

template<typename Protocol>
asio::awaitable<void> serve(typename Protocol::socket socket, bool local, ApiHandler const& handler) {
    auto const peer = peer_of(socket, local);
    beast::basic_stream<Protocol> stream{std::move(socket)};
    beast::flat_buffer buffer;
    for (;;) {
        http::request_parser<http::string_body> parser;
        parser.body_limit(local ? local_body_limit : body_limit);
        parser.header_limit(header_limit);
        stream.expires_after(patience);
        auto [read_error, octets] = co_await http::async_read(stream, buffer, parser, as_result);
        if (read_error) {
            auto refusal = refusal_of(read_error, local);
            if (refusal) co_await refuse<Protocol>(stream, std::move(*refusal));
            co_return;
        }
        auto request = parser.release();
        // A named object: g++ 12 destroys an aggregate temporary inside a co_await expression twice.
        ApiRequest asked{request.method_string(), request.target(), std::move(request.body()), peer};
        auto answer = co_await handler(std::move(asked));
        auto const keep_alive = request.keep_alive();
        auto response =
            to_beast(std::move(answer), request.version(), keep_alive, request.method() == http::verb::head);
        http::response_serializer<http::string_body> serializer{response};
        stream.expires_after(patience);
        auto [write_error, sent] = request.method() == http::verb::head
                                       ? co_await http::async_write_header(stream, serializer, as_result)
                                       : co_await http::async_write(stream, serializer, as_result);
        if (write_error || !keep_alive) co_return;
    }
}

/// "name (pid N)" of the process that listens on a Unix socket; nothing when nobody does.
std::optional<std::string> who_answers(std::string const& path) {
    asio::io_context context;
    asio::local::stream_protocol::socket socket{context};
    boost::system::error_code error;
    socket.connect(asio::local::stream_protocol::endpoint{path}, error);
    if (error) return std::nullopt;
    auto const pid = std::to_string(peer_of(socket, true).pid);
    std::string name;
    std::getline(std::ifstream{"/proc/" + pid + "/comm"}, name);
    return name + " (pid " + pid + ")";
}

asio::ip::tcp::endpoint parse_endpoint(std::string const& text) {
    auto const colon = text.rfind(':');
    auto address = text.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    return {asio::ip::make_address(address), static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

} // namespace

HttpServer::HttpServer(asio::io_context& context, ApiHandler handler)
    : context_{context}
    , handler_{std::move(handler)}
    , local_{context}
    , tcp_{context}
    , all_ended_{context} {
    all_ended_.expires_at(asio::steady_timer::time_point::max());
}

HttpServer::~HttpServer() {
    remove_socket_file();
}

void HttpServer::remove_socket_file() {
    if (!local_path_.empty()) ::unlink(local_path_.c_str());
    local_path_.clear();
}

void HttpServer::listen_local(std::string const& path) {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path{path}.parent_path(), ignored);
    if (std::filesystem::is_socket(path, ignored)) {
        if (auto const daemon = who_answers(path))
            throw std::runtime_error{"daemon.control: another daemon answers on " + path + ": " + *daemon +
                                     "; stop it, or set another daemon.control"};
        ::unlink(path.c_str());
    }
    if (std::filesystem::exists(path, ignored))
        throw std::runtime_error{"daemon.control: " + path +
                                 " exists and is not a socket; remove it, or set another daemon.control"};
    boost::system::error_code error;
    local_.open();
    auto const old_mask = ::umask(0117);
    local_.bind(asio::local::stream_protocol::endpoint{path}, error);
    ::umask(old_mask);
    if (!error) local_.listen(asio::socket_base::max_listen_connections, error);
    if (error)
        throw std::runtime_error{"daemon.control: cannot listen on " + path + ": " + error.message() +
                                 "; make its directory writable, or set another daemon.control"};
    local_path_ = path;
    start<asio::local::stream_protocol>(local_, true);
}

void HttpServer::listen_tcp(std::string const& endpoint) {
    try {
        auto const parsed = parse_endpoint(endpoint);
        tcp_.open(parsed.protocol());
        tcp_.set_option(asio::socket_base::reuse_address{true});
        tcp_.bind(parsed);
        tcp_.listen();
    } catch (boost::system::system_error const& error) {
        throw std::runtime_error{"daemon.http: cannot listen on " + endpoint + ": " + error.code().message() +
                                 "; free the port, or set another daemon.http"};
    }
    start<asio::ip::tcp>(tcp_, false);
}

template<typename Protocol>
asio::awaitable<void> HttpServer::accept(typename Protocol::acceptor& acceptor, bool local) {
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(as_result);
        if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
        if (error) {
            asio::steady_timer pause{context_,
                                     std::chrono::milliseconds{100}}; // out of descriptors: not a busy loop
            co_await pause.async_wait(as_result);
            continue;
        }
        if (tasks_.size() < connection_limit) start_connection<Protocol>(std::move(socket), local);
    }
}

template<typename Protocol>
void HttpServer::start(typename Protocol::acceptor& acceptor, bool local) {
    auto const task = tasks_.emplace(tasks_.end());
    asio::co_spawn(
        context_, accept<Protocol>(acceptor, local),
        asio::bind_cancellation_slot(task->slot(), [this, task](std::exception_ptr const&) { ended(task); }));
}

/// What fails in a connection ends that connection only.
template<typename Protocol>
void HttpServer::start_connection(typename Protocol::socket socket, bool local) {
    auto const task = tasks_.emplace(tasks_.end());
    asio::co_spawn(
        context_, serve<Protocol>(std::move(socket), local, handler_),
        asio::bind_cancellation_slot(task->slot(), [this, task](std::exception_ptr const&) { ended(task); }));
}

void HttpServer::ended(std::list<asio::cancellation_signal>::iterator task) {
    tasks_.erase(task);
    if (tasks_.empty()) all_ended_.cancel();
}

asio::awaitable<void> HttpServer::stop() {
    boost::system::error_code ignored;
    local_.close(ignored);
    tcp_.close(ignored);
    remove_socket_file();
    for (auto& task : tasks_)
        task.emit(asio::cancellation_type::terminal);
    while (!tasks_.empty())
        co_await all_ended_.async_wait(as_result);
}

} // namespace pointsman
