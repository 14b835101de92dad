#pragma once

#include "controller/datapath/abi.hpp"

#include <memory>
#include <vector>

struct ring_buffer;

namespace pointsman::test {

/// Reads the ring buffer of connection events.
class EventLog {
public:
    /// @throws std::runtime_error when libbpf cannot map the ring.
    explicit EventLog(int ring_fd);

    /// What was sent since the last call.
    [[nodiscard]] std::vector<pm_event> take();

private:
    static int append(void* events, void* record, std::size_t size);

    std::unique_ptr<std::vector<pm_event>> events_ = std::make_unique<std::vector<pm_event>>();
    std::unique_ptr<ring_buffer, void (*)(ring_buffer*)> ring_;
};

} // namespace pointsman::test
