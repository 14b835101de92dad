#include "tests/loop/tls_backend.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace pointsman::test {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

namespace {

template<auto Free>
struct Freed {
    template<class T>
    void operator()(T* thing) const {
        Free(thing);
    }
};

void name_it(X509* certificate) {
    auto* const name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<unsigned char const*>("lab"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> const names{
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:www.example.org,IP:127.0.0.1")};
    X509_add_ext(certificate, names.get(), -1);
}

void write_pem(std::string const& path, auto const& write) {
    std::unique_ptr<std::FILE, Freed<std::fclose>> const file{std::fopen(path.c_str(), "w")};
    write(file.get());
}

awaitable<void> serve(tcp::socket socket, std::shared_ptr<ssl::context> context,
                      std::function<awaitable<void>(TlsStream&)> next) {
    TlsStream stream{std::move(socket), *context};
    co_await stream.async_handshake(ssl::stream_base::server, asio::use_awaitable);
    co_await next(stream);
}

int choose_alpn(SSL*, unsigned char const** out, unsigned char* size, unsigned char const* offered,
                unsigned offered_size, void* wanted) {
    auto const& protocol = *static_cast<std::string const*>(wanted);
    std::string_view const list{reinterpret_cast<char const*>(offered), offered_size};
    auto const at = list.find(protocol);
    if (at == std::string_view::npos) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = offered + at;
    *size = static_cast<unsigned char>(protocol.size());
    return SSL_TLSEXT_ERR_OK;
}

awaitable<void> answer(TlsStream& stream, std::string text) {
    std::string request;
    co_await asio::async_read_until(stream, asio::dynamic_buffer(request), "\r\n\r\n", asio::use_awaitable);
    co_await asio::async_write(stream, asio::buffer(text), asio::use_awaitable);
    co_await stream.async_shutdown(asio::use_awaitable);
}

} // namespace

TestCertificate::TestCertificate(bool expired) {
    static int made = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("pm-cert-" + std::to_string(::getpid()) + "-" + std::to_string(made++));
    std::filesystem::create_directory(folder_);
    std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>> const key{EVP_EC_gen("P-256")};
    std::unique_ptr<X509, Freed<X509_free>> const certificate{X509_new()};
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), made);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), expired ? -3600 : 3600);
    X509_set_pubkey(certificate.get(), key.get());
    name_it(certificate.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    write_pem(file(), [&](std::FILE* out) { PEM_write_X509(out, certificate.get()); });
    write_pem(key_file(), [&](std::FILE* out) {
        PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
}

TestCertificate::~TestCertificate() {
    std::filesystem::remove_all(folder_);
}

Script speaks_tls(TestCertificate const& certificate, std::function<awaitable<void>(TlsStream&)> next,
                  std::string alpn) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    context->use_certificate_chain_file(certificate.file());
    context->use_private_key_file(certificate.key_file(), ssl::context::pem);
    auto const protocol = std::make_shared<std::string>(std::move(alpn));
    if (!protocol->empty()) SSL_CTX_set_alpn_select_cb(context->native_handle(), choose_alpn, protocol.get());
    return [context, protocol, next](tcp::socket socket) { return serve(std::move(socket), context, next); };
}

std::function<awaitable<void>(TlsStream&)> tls_answers(std::string text) {
    return [text](TlsStream& stream) { return answer(stream, text); };
}

} // namespace pointsman::test
