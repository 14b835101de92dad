#include "controller/model/shared.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace pointsman {
namespace {

TEST(Shared, CopiesHaveOneValueUntilOneOfThemIsChanged) {
    Shared<std::string> one{"a"};
    auto other = one;
    EXPECT_EQ(&*one, &*other);
    other.own() += "b";
    EXPECT_EQ(*one, "a");
    EXPECT_EQ(*other, "ab");
}

TEST(Shared, WhatNobodySharesIsChangedInItsPlace) {
    Shared<std::string> one{"a"};
    auto const* const before = &*one;
    one.own() = "b";
    EXPECT_EQ(&*one, before);
}

TEST(Shared, IsEqualByValueAndJoinsNobodyElse) {
    Shared<std::string> const one{"a"};
    Shared<std::string> alike{"a"};
    Shared<std::string> different{"b"};
    EXPECT_EQ(one, alike);
    EXPECT_NE(one, different);
    alike.join(one);
    different.join(one);
    EXPECT_EQ(&*alike, &*one);
    EXPECT_EQ(*different, "b");
}

TEST(Shared, AValueStaysWhereItIsWhenItsHolderIsMovedFrom) {
    struct Holder {
        Shared<std::string> value;
    };
    Holder one{{"a"}};
    auto const other = std::move(one);
    EXPECT_EQ(*one.value, "a"); // NOLINT(bugprone-use-after-move): there is no move
    EXPECT_EQ(*other.value, "a");
}

} // namespace
} // namespace pointsman
