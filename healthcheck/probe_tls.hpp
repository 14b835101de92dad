#pragma once

#include "healthcheck/probe.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include <map>
#include <string>
#include <utility>

namespace pointsman {

/// The TLS contexts of all probes of one loop: one for each way to verify, read again when its file changes.
/// Sessions are not resumed: a resumed one shows no certificate, and one that expired would go unnoticed.
class TlsContexts : public boost::asio::execution_context::service {
public:
    using key_type = TlsContexts;
    static boost::asio::execution_context::id id;

    explicit TlsContexts(boost::asio::execution_context& owner) : service{owner} {}

    /// Null when the authorities cannot be read; `flaw` says why. Valid until the next call.
    [[nodiscard]] boost::asio::ssl::context* find(TlsOptions const& options, std::string& flaw);

private:
    /// Tells versions of a file apart.
    struct Stamp {
        unsigned long device = 0;
        unsigned long inode = 0;
        long size = 0;
        long seconds = 0;
        long nanoseconds = 0;

        friend bool operator==(Stamp const&, Stamp const&) = default;
    };
    struct Entry {
        Stamp stamp;
        boost::asio::ssl::context context;
    };

    void shutdown() override { entries_.clear(); }
    [[nodiscard]] static Stamp stamp_of(std::string const& file) noexcept;

    std::map<std::pair<bool, std::string>, Entry> entries_; ///< by verify and ca_file
};

/// Has a connection ask for the name of `target` and verify it or, without one, the address.
void expect_peer(SSL* connection, ProbeTarget const& target);

/// Why a handshake failed, in words.
[[nodiscard]] std::string tls_flaw(SSL* connection, boost::system::error_code error);

} // namespace pointsman
