#pragma once

#include "controller/model/generation_backend.hpp"

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <span>
#include <vector>

namespace pointsman {

using SharedBackend = std::shared_ptr<GenerationBackend const>;

/// Backends that stand side by side, read as values.
class BackendSpan {
public:
    class Iterator {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = GenerationBackend;
        using difference_type = std::ptrdiff_t;
        using pointer = GenerationBackend const*;
        using reference = GenerationBackend const&;

        Iterator() = default;
        explicit Iterator(SharedBackend const* at) : at_{at} {}

        reference operator*() const { return **at_; }
        pointer operator->() const { return at_->get(); }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        Iterator operator++(int) { return Iterator{at_++}; }
        friend bool operator==(Iterator const&, Iterator const&) = default;

    private:
        SharedBackend const* at_ = nullptr;
    };

    BackendSpan(std::span<SharedBackend const> backends) : backends_{backends} {}
    BackendSpan(std::vector<SharedBackend> const& backends) : backends_{backends} {}

    [[nodiscard]] std::size_t size() const noexcept { return backends_.size(); }
    [[nodiscard]] bool empty() const noexcept { return backends_.empty(); }
    [[nodiscard]] GenerationBackend const& operator[](std::size_t at) const { return *backends_[at]; }
    [[nodiscard]] GenerationBackend const& front() const { return *backends_.front(); }
    [[nodiscard]] Iterator begin() const noexcept { return Iterator{backends_.data()}; }
    [[nodiscard]] Iterator end() const noexcept { return Iterator{backends_.data() + backends_.size()}; }

private:
    std::span<SharedBackend const> backends_;
};

/// The backends of a generation, those of one service side by side. Each service's are one immutable block,
/// and each of them is one immutable value, shared by pointer between the generations in which they are the
/// same: to copy the list of 100 services of 64 backends is to copy 100 pointers, and equal pointers tell
/// that nothing changed there.
class BackendList {
public:
    using Block = std::vector<SharedBackend>;
    using SharedBlock = std::shared_ptr<Block const>;

    class Iterator {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = GenerationBackend;
        using difference_type = std::ptrdiff_t;
        using pointer = GenerationBackend const*;
        using reference = GenerationBackend const&;

        Iterator() = default;
        explicit Iterator(SharedBlock const* block) : block_{block} {}

        reference operator*() const { return *(**block_)[at_]; }
        pointer operator->() const { return &**this; }
        Iterator& operator++() {
            if (++at_ == (*block_)->size()) {
                ++block_;
                at_ = 0;
            }
            return *this;
        }
        Iterator operator++(int) {
            auto const before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(Iterator const&, Iterator const&) = default;

    private:
        SharedBlock const* block_ = nullptr;
        std::size_t at_ = 0;
    };
    using value_type = GenerationBackend;
    using const_iterator = Iterator;

    BackendList() = default;
    BackendList(std::initializer_list<GenerationBackend> backends);
    /// Those of one service must stand side by side.
    explicit BackendList(std::vector<GenerationBackend> backends);

    void push_back(GenerationBackend backend);
    /// All the backends of the next service; an empty block adds nothing.
    void push_back(SharedBlock block);

    /// To change one of them: a copy, in a copy of its block, so that no other generation sees it.
    [[nodiscard]] GenerationBackend& edit(std::size_t at);

    [[nodiscard]] std::size_t size() const noexcept { return end_; }
    [[nodiscard]] bool empty() const noexcept { return blocks_.empty(); }
    [[nodiscard]] GenerationBackend const& operator[](std::size_t at) const;
    [[nodiscard]] GenerationBackend const& front() const { return *blocks_.front()->front(); }
    [[nodiscard]] SharedBackend const& shared(std::size_t at) const;
    [[nodiscard]] Iterator begin() const noexcept { return Iterator{blocks_.data()}; }
    [[nodiscard]] Iterator end() const noexcept { return Iterator{blocks_.data() + blocks_.size()}; }

    /// None of them is empty.
    [[nodiscard]] std::span<SharedBlock const> blocks() const noexcept { return blocks_; }
    /// All of one service; an empty one for a service that has none.
    [[nodiscard]] SharedBlock const& block_of(ServiceId service) const noexcept;
    [[nodiscard]] BackendSpan of(ServiceId service) const noexcept { return *block_of(service); }
    /// Index of a service's first backend.
    [[nodiscard]] std::size_t start_of(ServiceId service) const noexcept;
    /// Whether the block with this index is the other list's too.
    [[nodiscard]] bool shares(std::size_t block, BackendList const& other) const noexcept {
        return block < blocks_.size() && block < other.blocks_.size() &&
               blocks_[block] == other.blocks_[block];
    }
    /// Calls `each` for all that the other list does not share, at the same place of the same block.
    template<typename Each>
    void for_each_apart_from(BackendList const& other, Each each) const {
        for (std::size_t block = 0; block < blocks_.size(); ++block) {
            if (shares(block, other)) continue;
            auto const* theirs = block < other.blocks_.size() ? other.blocks_[block].get() : nullptr;
            auto const& ours = *blocks_[block];
            for (std::size_t i = 0; i < ours.size(); ++i)
                if (!theirs || i >= theirs->size() || (*theirs)[i] != ours[i]) each(*ours[i]);
        }
    }

    /// Of values: blocks that are not shared may be equal too.
    friend bool operator==(BackendList const& one, BackendList const& other);

private:
    [[nodiscard]] std::size_t block_with(std::size_t at) const;

    std::vector<SharedBlock> blocks_;
    std::vector<std::size_t> starts_;   ///< by block: index of its first backend
    std::vector<std::uint32_t> places_; ///< by service id: 1 + index of its block; 0: it has none
    std::size_t end_ = 0;
};

} // namespace pointsman
