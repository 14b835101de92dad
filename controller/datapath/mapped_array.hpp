#pragma once

#include "controller/datapath/error.hpp"

#include <cerrno>
#include <cstring>
#include <span>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace pointsman {

/// The entries of a memory-mapped BPF array, shared with the kernel.
template<typename Value>
class MappedArray {
    static_assert(sizeof(Value) % 8 == 0, "the kernel spaces values by 8 bytes");

public:
    MappedArray() = default;

    /// @throws DatapathError when the kernel refuses the mapping.
    MappedArray(int map_fd, std::size_t entries) : entries_{entries} {
        void* const address = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
        if (address == MAP_FAILED)
            throw DatapathError{std::string{"cannot map a BPF array: "} + std::strerror(errno),
                                errno == ENOMEM
                                    ? "give this process more memory (LimitAS=), or lower datapath.sessions"
                                    : "the kernel must be 6.1 or newer"};
        values_ = static_cast<Value*>(address);
    }
    MappedArray(MappedArray&& other) noexcept
        : values_{std::exchange(other.values_, nullptr)}
        , entries_{std::exchange(other.entries_, 0)} {}
    MappedArray& operator=(MappedArray&& other) noexcept {
        std::swap(values_, other.values_);
        std::swap(entries_, other.entries_);
        return *this;
    }
    ~MappedArray() {
        if (values_) ::munmap(values_, bytes());
    }

    [[nodiscard]] std::span<Value> all() const noexcept { return {values_, entries_}; }

    /// One of two equal halves.
    [[nodiscard]] std::span<Value> half(unsigned index) const noexcept {
        return all().subspan(index * (entries_ / 2), entries_ / 2);
    }

private:
    [[nodiscard]] std::size_t bytes() const noexcept {
        auto const page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        return (entries_ * sizeof(Value) + page - 1) / page * page;
    }

    Value* values_ = nullptr;
    std::size_t entries_ = 0;
};

} // namespace pointsman
