// HTTPS and gRPC probes against real TLS and HTTP/2 on the real loop.
#include "tests/loop/tls_backend.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <nghttp2/nghttp2.h>

#include <cerrno>
#include <fstream>

namespace pointsman::test {

namespace {

namespace asio = boost::asio;
using enum OutcomeCode;

Outcome outcome(OutcomeCode code, std::string text = {}, unsigned status = 0) {
    Outcome made{code};
    made.text = std::move(text);
    made.status = status;
    return made;
}

std::string const good_head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

class HttpsProbe : public LoopTest {
protected:
    Outcome probe_backend_that(Script script, TlsOptions tls, Duration timeout = 2s) {
        ScriptedBackend backend{context, std::move(script)};
        auto probed = target(backend.port(), CheckType::https, timeout);
        probed.check.own().tls = std::move(tls);
        return outcome_of(probed);
    }

    TlsOptions trusting(std::string sni = {}) const {
        return {false, std::move(sni), true, certificate.file()};
    }

    TestCertificate const certificate;
};

/// The least of an HTTP/2 server that answers gRPC calls, by the same library.
class GrpcServer {
public:
    GrpcServer(std::string message, std::string grpc_status)
        : message_{std::move(message)}
        , status_{std::move(grpc_status)} {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream, std::uint8_t const* data,
                          std::size_t size, void* user) {
                auto& self = *static_cast<GrpcServer*>(user);
                self.asked.append(reinterpret_cast<char const*>(data), size);
                self.answer(stream);
                return 0;
            });
        nghttp2_session_server_new(&session_, callbacks, this);
        nghttp2_session_callbacks_del(callbacks);
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    }
    GrpcServer(GrpcServer const&) = delete;
    GrpcServer& operator=(GrpcServer const&) = delete;
    ~GrpcServer() { nghttp2_session_del(session_); }

    template<class Stream>
    awaitable<void> serve(Stream& stream) {
        std::array<char, 4096> buffer;
        for (;;) {
            std::uint8_t const* part = nullptr;
            while (auto const size = nghttp2_session_mem_send(session_, &part))
                co_await asio::async_write(stream, asio::buffer(part, static_cast<std::size_t>(size)),
                                           asio::use_awaitable);
            auto const size = co_await stream.async_read_some(asio::buffer(buffer), asio::use_awaitable);
            nghttp2_session_mem_recv(session_, reinterpret_cast<std::uint8_t const*>(buffer.data()), size);
        }
    }

    std::string asked;

private:
    static nghttp2_nv field(std::string const& name, std::string const& value) {
        auto const octets = [](std::string const& text) {
            return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
        };
        return {octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
    }

    void answer(std::int32_t stream) {
        static std::string const names[] = {":status", "200", "content-type", "application/grpc",
                                            "grpc-status"};
        std::array const head{field(names[0], names[1]), field(names[2], names[3])};
        nghttp2_data_provider body{};
        body.read_callback = [](nghttp2_session* session, std::int32_t id, std::uint8_t* buffer, std::size_t,
                                std::uint32_t* flags, nghttp2_data_source*, void* user) {
            auto& self = *static_cast<GrpcServer*>(user);
            *flags = NGHTTP2_DATA_FLAG_EOF | 2; // and no end of the stream: trailers follow
            std::array const trailers{field(names[4], self.status_)};
            nghttp2_submit_trailer(session, id, trailers.data(), trailers.size());
            return static_cast<ssize_t>(
                self.message_.copy(reinterpret_cast<char*>(buffer), self.message_.size()));
        };
        nghttp2_submit_response(session_, stream, head.data(), head.size(), &body);
    }

    nghttp2_session* session_ = nullptr;
    std::string message_, status_;
};

std::string grpc_message(char serving_status) {
    return std::string{"\0\0\0\0\x02\x08", 6} + serving_status;
}

awaitable<void> serve_grpc(tcp::socket socket, std::string message, std::string status) {
    GrpcServer server{std::move(message), std::move(status)};
    co_await server.serve(socket);
}

Script grpc(std::string message, std::string status = "0") {
    return [=](tcp::socket socket) { return serve_grpc(std::move(socket), message, status); };
}

class GrpcProbe : public HttpsProbe {
protected:
    Outcome probe_grpc_that(Script script, TlsOptions tls = {}, Duration timeout = 2s) {
        ScriptedBackend backend{context, std::move(script)};
        auto probed = target(backend.port(), CheckType::grpc, timeout);
        probed.check.own().tls = std::move(tls);
        probed.check.own().grpc_service = "shop.Cart";
        return outcome_of(probed);
    }
};

} // namespace

TEST_F(HttpsProbe, PassesByTheNameOrTheAddressOfATrustedCertificate) {
    auto const good = speaks_tls(certificate, tls_answers(good_head));
    EXPECT_EQ(probe_backend_that(good, trusting("www.example.org")), outcome(L7OK, "", 200));
    EXPECT_EQ(probe_backend_that(good, trusting()), outcome(L7OK, "", 200));
}

TEST_F(HttpsProbe, NamesWhatIsWrongWithACertificate) {
    auto const good = speaks_tls(certificate, tls_answers(good_head));
    EXPECT_EQ(probe_backend_that(good, trusting("other.example.org")),
              outcome(L6RSP, "certificate: hostname mismatch"));
    EXPECT_EQ(probe_backend_that(good, {}), outcome(L6RSP, "certificate: self-signed certificate"));
    TestCertificate const expired{true};
    EXPECT_EQ(
        probe_backend_that(speaks_tls(expired, tls_answers(good_head)), {false, "", true, expired.file()}),
        outcome(L6RSP, "certificate: certificate has expired"));
}

TEST_F(HttpsProbe, TakesAnyCertificateWhenNoneIsVerified) {
    TestCertificate const expired{true};
    EXPECT_EQ(probe_backend_that(speaks_tls(expired, tls_answers(good_head)), {false, "x.org", false, ""}),
              outcome(L7OK, "", 200));
}

TEST_F(HttpsProbe, JudgesTheAnswerAsHttpDoes) {
    auto const busy = speaks_tls(certificate, tls_answers("HTTP/1.1 503 No\r\n\r\n"));
    auto const failed = probe_backend_that(busy, trusting());
    EXPECT_EQ(failed.code, L7STS);
    EXPECT_EQ(failed.status, 503U);
}

TEST_F(HttpsProbe, RejectsWhatIsNoTls) {
    EXPECT_EQ(probe_backend_that(floods("SSH-2.0-OpenSSH_9.2p1\r\n", ""), trusting(), 40ms).code, L6TOUT)
        << "the script reads an HTTP request first, which never comes";
    auto const greets_with = [](std::string text) {
        return [text](tcp::socket socket) -> awaitable<void> {
            co_await asio::async_write(socket, asio::buffer(text), asio::use_awaitable);
            co_await socket.async_wait(tcp::socket::wait_read, asio::use_awaitable);
        };
    };
    auto const failed = probe_backend_that(greets_with("HTTP/1.1 400 Bad Request\r\n\r\n"), trusting(), 1h);
    EXPECT_EQ(failed.code, L6RSP);
    EXPECT_EQ(failed.text.substr(0, 25), "TLS: wrong version number");
}

TEST_F(HttpsProbe, FailsWhenTheBackendClosesOrResetsInsteadOfTls) {
    auto const closed = probe_backend_that(closes(), trusting());
    EXPECT_EQ(closed.code, L6RSP);
    EXPECT_NE(closed.text, "");
    EXPECT_EQ(probe_backend_that(resets(), trusting()).code, L6RSP);
}

TEST_F(HttpsProbe, TimesOutInTheStepThatTakesTooLong) {
    EXPECT_EQ(probe_backend_that(keeps_silent(), trusting(), 40ms), outcome(L6TOUT));
    auto const silent = speaks_tls(certificate, [](TlsStream& stream) -> awaitable<void> {
        co_await stream.next_layer().async_wait(tcp::socket::wait_error, asio::use_awaitable);
    });
    EXPECT_EQ(probe_backend_that(silent, trusting(), 200ms), outcome(L7TOUT, "no answer"));
}

TEST_F(HttpsProbe, BlamesTheBalancerForAuthoritiesItCannotRead) {
    auto const failed = probe_backend_that(speaks_tls(certificate, tls_answers(good_head)),
                                           {false, "", true, "/no/such/ca.pem"});
    EXPECT_EQ(failed.code, OWN);
    EXPECT_EQ(failed.text.substr(0, 24), "ca_file /no/such/ca.pem ");
}

TEST_F(HttpsProbe, ReadsItsAuthoritiesAgainWhenTheirFileChanges) {
    TestCertificate const other;
    auto const file = other.file() + ".used";
    std::filesystem::copy_file(other.file(), file);
    auto const good = speaks_tls(certificate, tls_answers(good_head));
    EXPECT_EQ(probe_backend_that(good, {false, "", true, file}).code, L6RSP);
    std::filesystem::remove(file);
    std::filesystem::copy_file(certificate.file(), file);
    EXPECT_EQ(probe_backend_that(good, {false, "", true, file}).code, L7OK);
}

TEST_F(GrpcProbe, PassesOnServingOnly) {
    EXPECT_EQ(probe_grpc_that(grpc(grpc_message(1))), outcome(L7OK, "", 200));
    EXPECT_EQ(probe_grpc_that(grpc(grpc_message(2))), outcome(L7STS, "NOT_SERVING", 200));
    EXPECT_EQ(probe_grpc_that(grpc("", "12")), outcome(L7STS, "UNIMPLEMENTED", 200));
}

TEST_F(GrpcProbe, GoesOverTlsToo) {
    auto const secure = speaks_tls(
        certificate,
        [](TlsStream& stream) -> awaitable<void> {
            GrpcServer server{grpc_message(1), "0"};
            co_await server.serve(stream);
        },
        "h2");
    EXPECT_EQ(probe_grpc_that(secure, {true, "", true, certificate.file()}), outcome(L7OK, "", 200));
}

TEST_F(GrpcProbe, RejectsAServerThatSpeaksOtherwise) {
    auto const failed = probe_grpc_that(answers("HTTP/1.1 400 Bad Request\r\n\r\n"));
    EXPECT_EQ(failed.code, L7RSP);
    EXPECT_EQ(failed.first_bytes.substr(0, 8), "HTTP/1.1");
    EXPECT_EQ(probe_grpc_that(closes()).code, L7RSP);
    EXPECT_EQ(probe_grpc_that(keeps_silent(), {}, 40ms), outcome(L7TOUT));
}

} // namespace pointsman::test
