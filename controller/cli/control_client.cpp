#include "controller/cli/control_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdio>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace pointsman {
namespace {

using Stream = beast::basic_stream<asio::local::stream_protocol>;

constexpr std::chrono::seconds patience{30};
constexpr std::chrono::seconds silence{1}; ///< until a word on stderr says what is waited for

asio::local::stream_protocol::endpoint endpoint_of(std::string const& path) {
    try {
        return {path};
    } catch (boost::system::system_error const&) {
        throw Unreachable{
            "the path of the daemon's socket is longer than a socket's can be (107 characters): " +
            path.substr(0, 40) + "...; name another one by -c FILE or --control PATH"};
    }
}

void connect(Stream& stream, std::string const& path) {
    boost::system::error_code error;
    stream.socket().connect(endpoint_of(path), error);
    if (error == boost::system::errc::permission_denied)
        throw Unreachable{"may not talk to the daemon at " + path + "; run as root or as its group"};
    if (error)
        throw Unreachable{"no daemon answers at " + path + " (" + error.message() +
                          "); is it running? -c FILE or --control PATH names its socket"};
}

http::request<http::string_body> request_of(std::string const& method, std::string const& target,
                                            std::string const& body) {
    http::request<http::string_body> request{http::string_to_verb(method), target, 11, body};
    request.set(http::field::host, "pointsman");
    request.keep_alive(false);
    request.prepare_payload();
    return request;
}

/// Runs what waits in `context` to its end.
void run_patiently(asio::io_context& context, std::string const& path) {
    context.run_for(silence);
    if (context.stopped()) return;
    std::fprintf(stderr, "pointsman: the daemon at %s has not answered yet; waiting up to %d s\n",
                 path.c_str(), static_cast<int>(patience.count()));
    context.run();
}

} // namespace

ControlAnswer ask_daemon(std::string const& socket_path, std::string const& method, std::string const& target,
                         std::string const& body) {
    asio::io_context context;
    Stream stream{context};
    connect(stream, socket_path);
    auto const request = request_of(method, target, body);
    boost::system::error_code error;
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(64 * 1024 * 1024);
    stream.expires_after(patience);
    http::async_write(stream, request, [&](boost::system::error_code failed, std::size_t) {
        if ((error = failed)) return;
        http::async_read(stream, buffer, parser,
                         [&](boost::system::error_code result, std::size_t) { error = result; });
    });
    run_patiently(context, socket_path);
    if (error == beast::error::timeout)
        throw Unreachable{"the daemon at " + socket_path +
                          " did not answer within 30 s: it stands still; its log and `ps` say more"};
    if (error) throw Unreachable{"the daemon at " + socket_path + " did not answer: " + error.message()};
    return {parser.get().result_int(), std::move(parser.get().body())};
}

} // namespace pointsman
