#include "controller/model/backend_list.hpp"

#include <algorithm>

namespace pointsman {

BackendList::BackendList(std::initializer_list<GenerationBackend> backends)
    : BackendList{std::vector<GenerationBackend>{backends}} {}

BackendList::BackendList(std::vector<GenerationBackend> backends) {
    for (auto first = backends.begin(); first != backends.end();) {
        auto const last = std::find_if(first, backends.end(), [first](GenerationBackend const& each) {
            return each.service != first->service;
        });
        Block block;
        for (; first != last; ++first)
            block.push_back(std::make_shared<GenerationBackend const>(std::move(*first)));
        push_back(std::make_shared<Block const>(std::move(block)));
    }
}

void BackendList::push_back(GenerationBackend backend) {
    auto const is_next = !blocks_.empty() && blocks_.back()->back()->service == backend.service;
    auto shared = std::make_shared<GenerationBackend const>(std::move(backend));
    if (!is_next) {
        push_back(std::make_shared<Block const>(Block{std::move(shared)}));
        return;
    }
    auto longer = *blocks_.back();
    longer.push_back(std::move(shared));
    blocks_.back() = std::make_shared<Block const>(std::move(longer));
    ++end_;
}

void BackendList::push_back(SharedBlock block) {
    if (block->empty()) return;
    auto const service = static_cast<std::size_t>(block->front()->service);
    if (places_.size() <= service) places_.resize(service + 1, 0);
    places_[service] = static_cast<std::uint32_t>(blocks_.size()) + 1;
    starts_.push_back(end_);
    end_ += block->size();
    blocks_.push_back(std::move(block));
}

BackendList::SharedBlock const& BackendList::block_of(ServiceId service) const noexcept {
    static SharedBlock const none = std::make_shared<Block const>();
    auto const index = static_cast<std::size_t>(service);
    auto const place = index < places_.size() ? places_[index] : 0;
    return place == 0 ? none : blocks_[place - 1];
}

std::size_t BackendList::start_of(ServiceId service) const noexcept {
    auto const index = static_cast<std::size_t>(service);
    auto const place = index < places_.size() ? places_[index] : 0;
    return place == 0 ? end_ : starts_[place - 1];
}

GenerationBackend& BackendList::edit(std::size_t at) {
    auto const index = block_with(at);
    auto copy = std::make_shared<Block>(*blocks_[index]);
    auto& place = (*copy)[at - starts_[index]];
    auto backend = std::make_shared<GenerationBackend>(*place);
    place = backend;
    blocks_[index] = std::move(copy);
    return *backend;
}

GenerationBackend const& BackendList::operator[](std::size_t at) const {
    return *shared(at);
}

SharedBackend const& BackendList::shared(std::size_t at) const {
    auto const index = block_with(at);
    return (*blocks_[index])[at - starts_[index]];
}

std::size_t BackendList::block_with(std::size_t at) const {
    auto const after = std::upper_bound(starts_.begin(), starts_.end(), at);
    return static_cast<std::size_t>(after - starts_.begin()) - 1;
}

bool operator==(BackendList const& one, BackendList const& other) {
    if (one.size() != other.size()) return false;
    if (one.blocks_ == other.blocks_) return true;
    return std::equal(one.begin(), one.end(), other.begin());
}

} // namespace pointsman
