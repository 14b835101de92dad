#pragma once

#include <cstdint>
#include <vector>

namespace pointsman {

/// Gives out the lowest numbers that nobody keeps.
class FreeIds {
public:
    void keep(std::uint32_t id) {
        if (taken_.size() <= id) taken_.resize(id + 1, false);
        taken_[id] = true;
    }

    std::uint32_t take() {
        while (next_ < taken_.size() && taken_[next_])
            ++next_;
        return next_++;
    }

private:
    std::vector<bool> taken_;
    std::uint32_t next_ = 1;
};

} // namespace pointsman
