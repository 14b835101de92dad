#include "controller/app/heap.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <malloc.h>
#include <unistd.h>

namespace pointsman {
namespace {

constexpr std::chrono::seconds interval{5};
constexpr std::size_t much = 1 << 20;  ///< octets
constexpr int large_block = 256 << 10; ///< octets

/// Resident, in octets, without files and tables; 0 if the kernel does not say.
std::size_t private_memory() {
    std::ifstream file{"/proc/self/statm"};
    std::size_t size = 0;
    std::size_t resident = 0;
    std::size_t shared = 0;
    file >> size >> resident >> shared;
    return file ? (resident - shared) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

void set_up_allocator() {
    // Otherwise glibc raises both with the largest block that was freed, and keeps as much for later ones.
    ::mallopt(M_MMAP_THRESHOLD, large_block);
    ::mallopt(M_TRIM_THRESHOLD, large_block);
    // Otherwise small blocks that are freed lie about until somebody needs a large one: where there were tens
    // of thousands, a verdict that came next spent 2 to 5 ms on putting them together.
    ::mallopt(M_MXFAST, 0);
}

} // namespace

Heap::Heap(boost::asio::io_context& context) : due_{context} {
    set_up_allocator();
}

void Heap::keep_tidy() {
    tidy();
    due_.expires_after(interval);
    due_.async_wait([this](boost::system::error_code error) {
        if (!error) keep_tidy();
    });
}

void Heap::stop() {
    due_.cancel();
}

void Heap::tidy() {
    bool const has_grown = private_memory() > in_use_ + much;
    if (has_grown || again_) {
        ::malloc_trim(0);
        in_use_ = private_memory();
    }
    again_ = has_grown;
    in_use_ = std::min(in_use_, private_memory());
}

} // namespace pointsman
