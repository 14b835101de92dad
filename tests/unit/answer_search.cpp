// What an answer must contain, in whatever pieces it comes.
#include "healthcheck/answer_search.hpp"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

using enum AnswerSearch::Verdict;

Expectation text(std::string octets, std::size_t limit = Expectation::default_limit) {
    return {.text = std::move(octets), .limit = limit};
}

Expectation pattern(std::string expression, std::size_t limit = Expectation::default_limit) {
    std::string flaw;
    Expectation expected{.pattern = Pattern::compile(std::move(expression), flaw), .limit = limit};
    EXPECT_EQ(flaw, "");
    return expected;
}

TEST(AnswerSearch, FindsATextThatComesOctetByOctet) {
    auto const expected = text("+PONG");
    AnswerSearch search{expected};
    for (char const c : std::string{"-LOADING +PON"})
        EXPECT_EQ(search.take({&c, 1}), open);
    EXPECT_EQ(search.take("G"), found);
}

TEST(AnswerSearch, FindsOctetsThatAreNoText) {
    auto const expected = text(std::string{"\0\xff\n", 3});
    AnswerSearch search{expected};
    EXPECT_EQ(search.take(std::string_view{"a\0", 2}), open);
    EXPECT_EQ(search.take("\xff\n"), found);
}

TEST(AnswerSearch, IsContentWithAnythingWhenNothingIsExpected) {
    Expectation const anything;
    EXPECT_EQ(AnswerSearch{anything}.take(""), found);
}

TEST(AnswerSearch, LooksNoFurtherThanItsLimit) {
    auto const expected = text("late", 8);
    AnswerSearch search{expected};
    EXPECT_EQ(search.take("12345"), open);
    EXPECT_EQ(search.take("67late"), missing);
    EXPECT_EQ(search.octets(), "1234567l");
}

TEST(AnswerSearch, MissesWhatHasNotComeByTheEnd) {
    auto const expected = text("ready");
    AnswerSearch search{expected};
    EXPECT_EQ(search.take("read"), open);
    EXPECT_EQ(search.end(), missing);
}

TEST(AnswerSearch, TriesAPatternOnAnAnswerThatHasNotEnded) {
    auto const expected = pattern("^220 [a-z.]+ ESMTP");
    AnswerSearch search{expected};
    EXPECT_EQ(search.take("220 mail.example"), open);
    EXPECT_EQ(search.take(".org ESMTP\r\n"), found);
}

TEST(AnswerSearch, TriesAPatternAFewTimesAndThenOnceMoreAtTheEnd) {
    auto const expected = pattern("ready");
    AnswerSearch search{expected};
    for (unsigned i = 0; i < AnswerSearch::try_limit; ++i)
        EXPECT_EQ(search.take("."), open);
    EXPECT_EQ(search.take("ready"), open);
    EXPECT_EQ(search.end(), found);
}

TEST(AnswerSearch, GivesUpAPatternThatTakesTooLong) {
    auto const expected = pattern("(a*)*b");
    EXPECT_EQ(AnswerSearch{expected}.take(std::string(4000, 'a')), too_hard);
    EXPECT_EQ(reason_of(too_hard), "the pattern takes too long on this answer");
}

TEST(Pattern, SaysWhatIsWrongWithIt) {
    std::string flaw;
    EXPECT_TRUE(Pattern::compile("a(b", flaw).empty());
    EXPECT_NE(flaw.find("parenthesis"), std::string::npos) << flaw;
}

TEST(Pattern, IsEqualToOneOfTheSameText) {
    EXPECT_EQ(pattern("a+").pattern, pattern("a+").pattern);
    EXPECT_NE(pattern("a+").pattern, pattern("a*").pattern);
    EXPECT_NE(pattern("a+").pattern, Pattern{});
}

} // namespace
} // namespace pointsman
