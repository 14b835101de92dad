// The control socket's server, spoken to over a real Unix socket. The clients write and read raw HTTP, so
// that the texts are what stands on the wire.
#include "controller/api/http_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

namespace pointsman {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Unix = asio::local::stream_protocol;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// Answers with what it was asked; /missing, /throw and /never as their names say.
asio::awaitable<ApiResponse> echo(ApiRequest request) {
    if (request.target == "/throw") throw std::runtime_error{"a bug of the handler"};
    if (request.target == "/never") {
        asio::steady_timer forever{co_await asio::this_coro::executor, asio::steady_timer::time_point::max()};
        co_await forever.async_wait(asio::use_awaitable);
    }
    ApiResponse answer;
    answer.status = request.target == "/missing" ? 404 : 200;
    answer.content_type = "text/plain";
    answer.body = request.method + " " + request.target + " " + request.body;
    co_return answer;
}

class HttpServerTest : public testing::Test {
protected:
    HttpServerTest() {
        std::string name = testing::TempDir() + "http-XXXXXX";
        directory = ::mkdtemp(name.data());
        path = directory + "/control.sock";
    }
    ~HttpServerTest() override {
        stop();
        std::filesystem::remove_all(directory);
    }

    void stop() {
        bool stopped = false;
        asio::co_spawn(context, server->stop(), [&](std::exception_ptr const&) { stopped = true; });
        EXPECT_TRUE(run_until([&] { return stopped; }));
    }

    bool run_until(std::function<bool()> const& reached) {
        auto const deadline = std::chrono::steady_clock::now() + 5s;
        context.restart();
        while (!reached() && std::chrono::steady_clock::now() < deadline)
            context.run_one_for(100ms);
        return reached();
    }

    asio::awaitable<std::string> converse(std::string sent) {
        Unix::socket client{context};
        co_await client.async_connect(Unix::endpoint{path}, asio::use_awaitable);
        co_await asio::async_write(client, asio::buffer(sent), as_result);
        std::string received;
        co_await asio::async_read(client, asio::dynamic_buffer(received), as_result);
        co_return received;
    }

    /// Everything that the server sends for these octets until it closes the connection.
    std::string answer_to(std::string sent) {
        std::optional<std::string> answer;
        asio::co_spawn(context, converse(std::move(sent)),
                       [&](std::exception_ptr const& failure, std::string received) {
                           answer = failure ? "failed" : std::move(received);
                       });
        EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
        return answer.value_or("the connection stays open");
    }

    /// A client that sent these octets and waits for more.
    Unix::socket connect(std::string const& sent = {}) {
        Unix::socket client{context};
        client.connect(Unix::endpoint{path});
        asio::write(client, asio::buffer(sent));
        return client;
    }

    asio::io_context context{1};
    std::string directory;
    std::string path;
    std::unique_ptr<HttpServer> server = std::make_unique<HttpServer>(context, echo);
};

std::string const head = "Server: pointsman/" POINTSMAN_VERSION "\r\nContent-Type: text/plain\r\n";

TEST_F(HttpServerTest, AnswersARequestAndClosesWhenAskedTo) {
    server->listen_local(path);
    EXPECT_EQ(answer_to("GET /v1/status?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
              "HTTP/1.1 200 OK\r\n" + head +
                  "Connection: close\r\nContent-Length: 19\r\n\r\nGET /v1/status?x=1 ");
}

TEST_F(HttpServerTest, HandsTheBodyOver) {
    server->listen_local(path);
    EXPECT_EQ(answer_to("POST /p HTTP/1.1\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"),
              "HTTP/1.1 200 OK\r\n" + head + "Connection: close\r\nContent-Length: 12\r\n\r\nPOST /p body");
}

TEST_F(HttpServerTest, AnswersSeveralRequestsOnOneConnection) {
    server->listen_local(path);
    EXPECT_EQ(answer_to("GET /1 HTTP/1.1\r\n\r\nGET /missing HTTP/1.1\r\nConnection: close\r\n\r\n"),
              "HTTP/1.1 200 OK\r\n" + head + "Content-Length: 7\r\n\r\nGET /1 HTTP/1.1 404 Not Found\r\n" +
                  head + "Connection: close\r\nContent-Length: 13\r\n\r\nGET /missing ");
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
    server->listen_local(path);
    EXPECT_EQ(answer_to("HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n"),
              "HTTP/1.1 200 OK\r\n" + head + "Connection: close\r\nContent-Length: 8\r\n\r\n");
}

std::string refusal_of(std::string const& status, std::string const& text) {
    auto const body = R"({"error":")" + text + "\"}\n";
    return "HTTP/1.1 " + status +
           "\r\nServer: pointsman/" POINTSMAN_VERSION
           "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

constexpr std::size_t largest_body = 16 * 1024 * 1024; ///< through the control socket

TEST_F(HttpServerTest, ABodyOrAHeaderBeyondTheLimitIsRefusedByName) {
    server->listen_local(path);
    auto const too_long = refusal_of("413 Payload Too Large", "the body is longer than 16777216 octets");
    auto const declared =
        "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(largest_body + 1) + "\r\n\r\n";
    EXPECT_EQ(answer_to(declared), too_long);
    EXPECT_EQ(answer_to(declared + std::string(largest_body + 1, 'x')), too_long)
        << "the answer must not be lost by what the client still sends";
    EXPECT_EQ(answer_to("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1000001\r\n" +
                        std::string(largest_body + 1, 'x')),
              too_long);
    EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n"),
              refusal_of("431 Request Header Fields Too Large",
                         "request line and headers are longer than 8192 octets"));
}

TEST_F(HttpServerTest, ABodyAtTheLimitIsTaken) {
    server->listen_local(path);
    auto const largest =
        answer_to("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: " + std::to_string(largest_body) +
                  "\r\n\r\n" + std::string(largest_body, 'x'));
    EXPECT_TRUE(largest.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(largest.ends_with("POST / " + std::string(largest_body, 'x')));
}

TEST_F(HttpServerTest, WhatIsNoHttpIsToldSoAndEndsTheConnection) {
    server->listen_local(path);
    EXPECT_EQ(answer_to(std::string{"\x16\x03\x01\0\0garbage\r\n\r\n", 16}),
              refusal_of("400 Bad Request", "this is no HTTP/1.1 request: bad method"));
    EXPECT_EQ(answer_to("GET / HTTP/9.9\r\n\r\n"),
              refusal_of("400 Bad Request", "this is no HTTP/1.1 request: bad version"));
}

TEST_F(HttpServerTest, AFailingHandlerEndsItsConnectionAndNoOther) {
    server->listen_local(path);
    EXPECT_EQ(answer_to("GET /throw HTTP/1.1\r\n\r\n"), "");
    EXPECT_NE(answer_to("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "");
}

TEST_F(HttpServerTest, AClientThatSaysNothingHoldsUpNobody) {
    server->listen_local(path);
    auto const silent = connect();
    auto const slow = connect("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf");
    EXPECT_NE(answer_to("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "");
}

TEST_F(HttpServerTest, KnowsWhoAsksThroughTheUnixSocket) {
    Peer peer;
    server = std::make_unique<HttpServer>(context, [&peer](ApiRequest request) {
        peer = request.peer;
        return echo(std::move(request));
    });
    server->listen_local(path);
    answer_to("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(peer.local);
    EXPECT_EQ(peer.uid, ::getuid());
    EXPECT_EQ(peer.pid, ::getpid());
}

TEST_F(HttpServerTest, TheSocketFileIsForItsUserAndGroupOnly) {
    server->listen_local(path);
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0660U);
}

TEST_F(HttpServerTest, MakesTheDirectoryOfItsSocket) {
    path = directory + "/run/pointsman/control.sock";
    server->listen_local(path);
    EXPECT_NE(answer_to("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "");
}

TEST_F(HttpServerTest, ASocketFileThatNobodyAnswersIsReplaced) {
    { Unix::acceptor const dead{context, Unix::endpoint{path}}; }
    ASSERT_TRUE(std::filesystem::is_socket(path));
    server->listen_local(path);
    EXPECT_NE(answer_to("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "");
}

/// What listening on `path` is refused with.
std::string refusal(asio::io_context& context, std::string const& path) {
    HttpServer second{context, echo};
    try {
        second.listen_local(path);
    } catch (std::runtime_error const& error) {
        return error.what();
    }
    return "not refused";
}

TEST_F(HttpServerTest, ASocketThatADaemonAnswersIsRefusedAndLeftAlone) {
    server->listen_local(path);
    EXPECT_EQ(refusal(context, path), "daemon.control: another daemon answers on " + path +
                                          ": unit_tests (pid " + std::to_string(::getpid()) +
                                          "); stop it, or set another daemon.control");
    EXPECT_NE(answer_to("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "");
}

TEST_F(HttpServerTest, AFileThatIsNoSocketIsRefusedAndLeftAlone) {
    std::ofstream{path} << "precious";
    EXPECT_EQ(refusal(context, path), "daemon.control: " + path +
                                          " exists and is not a socket; remove it, or set another "
                                          "daemon.control");
    EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

TEST_F(HttpServerTest, StoppingEndsEveryConnectionWhateverItWaitsFor) {
    server->listen_local(path);
    auto silent = connect();
    auto slow = connect("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf");
    auto waiting = connect("GET /never HTTP/1.1\r\n\r\n");
    EXPECT_NE(answer_to("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), ""); // the others are accepted by now
    stop();
    for (auto* const client : {&silent, &slow, &waiting}) {
        char octet = 0;
        boost::system::error_code error;
        EXPECT_EQ(client->read_some(asio::buffer(&octet, 1), error), 0U);
        EXPECT_TRUE(error == asio::error::eof || error == asio::error::connection_reset) << error.message();
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(HttpServerTest, StoppingBeforeListeningEndsAtOnce) {
    stop();
}

TEST_F(HttpServerTest, ListensOnATcpPortThatIsFreeAndNamesOneThatIsNot) {
    asio::ip::tcp::acceptor const taken{context, {asio::ip::address_v4::loopback(), 0}};
    auto const endpoint = "127.0.0.1:" + std::to_string(taken.local_endpoint().port());
    try {
        server->listen_tcp(endpoint);
        FAIL() << "listens on a port that is taken";
    } catch (std::runtime_error const& error) {
        EXPECT_EQ(std::string{error.what()},
                  "daemon.http: cannot listen on " + endpoint +
                      ": Address already in use; free the port, or set another daemon.http");
    }
    HttpServer second{context, echo};
    EXPECT_NO_THROW(second.listen_tcp("[::1]:0"));
    asio::co_spawn(context, second.stop(), asio::detached);
    context.run_for(1s);
}

} // namespace
} // namespace pointsman
