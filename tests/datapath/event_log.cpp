#include "tests/datapath/event_log.hpp"

#include <bpf/libbpf.h>
#include <stdexcept>
#include <utility>

namespace pointsman::test {

EventLog::EventLog(int ring_fd)
    : ring_{ring_buffer__new(ring_fd, append, events_.get(), nullptr), ring_buffer__free} {
    if (!ring_) throw std::runtime_error{"cannot map the event ring"};
}

std::vector<pm_event> EventLog::take() {
    events_->clear();
    ring_buffer__consume(ring_.get());
    return std::exchange(*events_, {});
}

int EventLog::append(void* events, void* record, std::size_t size) {
    if (size == sizeof(pm_event))
        static_cast<std::vector<pm_event>*>(events)->push_back(*static_cast<pm_event const*>(record));
    return 0;
}

} // namespace pointsman::test
