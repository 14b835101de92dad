#pragma once

#include <memory>
#include <utility>

namespace pointsman {

/// A value that its copies share until one of them is changed: for what thousands of things have alike. Equal
/// when the values are.
template<typename Value>
class Shared {
public:
    Shared() : Shared{Value{}} {}
    Shared(Value value) : value_{std::make_shared<Value>(std::move(value))} {}
    Shared(Shared const&) = default; // and no move: a value is always there
    Shared& operator=(Shared const&) = default;
    ~Shared() = default;

    [[nodiscard]] Value const& operator*() const noexcept { return *value_; }
    [[nodiscard]] Value const* operator->() const noexcept { return value_.get(); }

    /// For changes: shared with nobody from now on.
    [[nodiscard]] Value& own() {
        if (value_.use_count() != 1) value_ = std::make_shared<Value>(*value_);
        return *value_;
    }

    /// Holds the other's value, if it is an equal one.
    void join(Shared const& other) {
        if (*this == other) value_ = other.value_;
    }

    friend bool operator==(Shared const& a, Shared const& b) {
        return a.value_ == b.value_ || *a.value_ == *b.value_;
    }

private:
    std::shared_ptr<Value> value_; ///< never null
};

} // namespace pointsman
