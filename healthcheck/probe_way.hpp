#pragma once

#include "healthcheck/probe.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>

namespace pointsman {

/// A socket that is about to connect on its service's way.
struct ProbeEntry {
    std::uint64_t cookie = 0;   ///< SO_COOKIE
    std::uint16_t own_port = 0; ///< host order
    bool stream = true;
    int fd = -1; ///< not connected yet: options may be set
};

/// Whoever can send a probe's packets as a service's are sent.
class ProbeWay {
public:
    virtual ~ProbeWay() = default;
    /// Before the socket connects. An error is the balancer's own lack.
    [[nodiscard]] virtual boost::system::error_code enter(ProbeTarget const& target,
                                                          ProbeEntry const& entry) noexcept = 0;
    /// After the socket was closed, so that its last packets went there too.
    virtual void leave(ProbeTarget const& target, ProbeEntry const& entry) noexcept = 0;
};

/// The one way of a loop's probes.
class ProbeWays : public boost::asio::execution_context::service {
public:
    using key_type = ProbeWays;
    static boost::asio::execution_context::id id;

    explicit ProbeWays(boost::asio::execution_context& owner) : service{owner} {}

    /// @param way outlives the loop's probes; null: there is none.
    void set(ProbeWay* way) noexcept { way_ = way; }
    [[nodiscard]] ProbeWay* get() const noexcept { return way_; }

private:
    void shutdown() override { way_ = nullptr; }

    ProbeWay* way_ = nullptr;
};

/// A probe's time on its service's way: ends with this object, which therefore outlives the socket. A probe
/// that goes directly has nothing of it.
class ProbePass {
public:
    ProbePass(boost::asio::any_io_executor const& executor, ProbeTarget const& target);
    ProbePass(ProbePass const&) = delete;
    ProbePass& operator=(ProbePass const&) = delete;
    ~ProbePass();

    /// For a new socket, before it connects.
    [[nodiscard]] boost::system::error_code enter(int fd, bool stream) noexcept;

private:
    ProbeWay* way_ = nullptr;
    ProbeTarget const& target_;
    ProbeEntry entry_;
    bool entered_ = false;
};

} // namespace pointsman
