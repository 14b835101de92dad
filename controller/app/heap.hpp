#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>

namespace pointsman {

/// Keeps the process's heap from staying as large as a start, a reload or a large answer once made it.
class Heap {
public:
    /// Sets the allocator up.
    explicit Heap(boost::asio::io_context& context);

    /// Gives unused memory back, now and every few seconds until stop().
    void keep_tidy();
    void stop();

private:
    void tidy();

    boost::asio::steady_timer due_;
    std::size_t in_use_ = 0; ///< octets, when least was resident since the heap was last tidied
    bool again_ = false;     ///< the last time may have met another thread in the middle of its work
};

} // namespace pointsman
