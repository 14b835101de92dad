#include "controller/cli/control_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <sys/socket.h>
#include <sys/time.h>

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace pointsman {
namespace {

constexpr timeval patience{30, 0};

} // namespace

ControlAnswer ask_daemon(std::string const& socket_path, std::string const& method, std::string const& target,
                         std::string const& body) {
    asio::io_context context;
    asio::local::stream_protocol::socket socket{context};
    boost::system::error_code error;
    socket.connect(asio::local::stream_protocol::endpoint{socket_path}, error);
    if (error == boost::system::errc::permission_denied)
        throw Unreachable{"may not talk to the daemon at " + socket_path + "; run as root or as its group"};
    if (error)
        throw Unreachable{"no daemon answers at " + socket_path + " (" + error.message() +
                          "); is it running? -c FILE or --control PATH names its socket"};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));

    http::request<http::string_body> request{http::string_to_verb(method), target, 11, body};
    request.set(http::field::host, "pointsman");
    request.keep_alive(false);
    request.prepare_payload();
    http::write(socket, request, error);
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(64 * 1024 * 1024);
    if (!error) http::read(socket, buffer, parser, error);
    if (error) throw Unreachable{"the daemon at " + socket_path + " did not answer: " + error.message()};
    return {parser.get().result_int(), std::move(parser.get().body())};
}

} // namespace pointsman
