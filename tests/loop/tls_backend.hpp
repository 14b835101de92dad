#pragma once

#include "tests/loop/loop_test.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <filesystem>

namespace pointsman::test {

using TlsStream = boost::asio::ssl::stream<tcp::socket>;

/// A self-signed certificate for www.example.org and 127.0.0.1, or one that expired, in files of their own.
class TestCertificate {
public:
    explicit TestCertificate(bool expired = false);
    TestCertificate(TestCertificate const&) = delete;
    TestCertificate& operator=(TestCertificate const&) = delete;
    ~TestCertificate();

    [[nodiscard]] std::string file() const { return folder_ / "cert.pem"; }
    [[nodiscard]] std::string key_file() const { return folder_ / "key.pem"; }

private:
    std::filesystem::path folder_;
};

/// Speaks TLS on an accepted connection and then does `next`. `alpn` is the one protocol it offers, empty:
/// none.
[[nodiscard]] Script speaks_tls(TestCertificate const& certificate,
                                std::function<awaitable<void>(TlsStream&)> next, std::string alpn = {});

/// Reads the request, sends `answer` and ends by TLS's rules.
[[nodiscard]] std::function<awaitable<void>(TlsStream&)> tls_answers(std::string answer);

} // namespace pointsman::test
