#include "healthcheck/probe_tls.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/verify_mode.hpp>

#include <openssl/x509v3.h>
#include <optional>
#include <sys/stat.h>

namespace pointsman {

namespace asio = boost::asio;
using boost::system::error_code;

asio::execution_context::id TlsContexts::id;

namespace {

error_code load_authorities(asio::ssl::context& context, std::string const& file) {
    error_code error;
    if (file.empty())
        context.set_default_verify_paths(error);
    else
        context.load_verify_file(file, error);
    return error;
}

} // namespace

TlsContexts::Stamp TlsContexts::stamp_of(std::string const& file) noexcept {
    struct stat status {};
    if (file.empty() || ::stat(file.c_str(), &status) != 0) return {};
    return {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

asio::ssl::context* TlsContexts::find(TlsOptions const& options, std::string& flaw) {
    auto const file = options.verify ? options.ca_file : std::string{};
    auto const wanted = std::pair{options.verify, file};
    auto const stamp = stamp_of(file);
    auto known = entries_.find(wanted);
    if (known != entries_.end() && known->second.stamp == stamp) return &known->second.context;

    Entry entry{stamp, asio::ssl::context{asio::ssl::context::tls_client}};
    error_code ignored;
    entry.context.set_verify_mode(options.verify ? asio::ssl::verify_peer : asio::ssl::verify_none, ignored);
    if (auto const error = options.verify ? load_authorities(entry.context, file) : error_code{}) {
        flaw = "ca_file " + file + " holds no certificates that can be read: " + error.message();
        return nullptr;
    }
    return &entries_.insert_or_assign(wanted, std::move(entry)).first->second.context;
}

void expect_peer(SSL* connection, ProbeTarget const& target) {
    auto const& tls = target.check->tls;
    constexpr unsigned char http2[] = {2, 'h', '2'};
    if (target.check->type == CheckType::grpc) SSL_set_alpn_protos(connection, http2, sizeof http2);
    if (!tls.sni.empty()) {
        // SSL_set_tlsext_host_name is a macro with an old-style cast.
        SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(tls.sni.c_str()));
        SSL_set1_host(connection, tls.sni.c_str());
    } else {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), target.address.text().c_str());
    }
}

std::string tls_flaw(SSL* connection, error_code error) {
    auto const verified = SSL_get_verify_result(connection);
    bool const judged = SSL_get_verify_mode(connection) != SSL_VERIFY_NONE && verified != X509_V_OK;
    if (judged) return std::string{"certificate: "} + X509_verify_cert_error_string(verified);
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated)
        return "closed in the middle of the TLS handshake";
    return "TLS: " + error.message();
}

} // namespace pointsman
