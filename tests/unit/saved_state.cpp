// What a daemon writes down for its successor.
#include "controller/app/saved_state.hpp"

#include "controller/app/state_keeper.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace pointsman {
namespace {

using namespace std::chrono_literals;

constexpr char const* bpffs = "/sys/fs/bpf/pointsman";
WallTime const noon{1'700'000'000s};

SavedState example() {
    SavedBackend drained;
    drained.name = "b1";
    drained.address = *Address::parse("10.77.0.2");
    drained.port = 8080;
    drained.id = BackendId{7};
    drained.incarnation = 4;
    drained.keeps_sessions = true;
    drained.weight = 50;
    drained.backup = true;
    drained.checks = {{"deep", {MeasuredState::up, 0, 2, true}}, {"tcp", {MeasuredState::up, 12, 0, false}}};
    drained.checks["deep"].wishes = {AdminState::maint, 30, true};
    drained.weight_percent = 30;
    drained.story = StateStory{noon, "operator"};
    drained.order = SavedOrder{AdminState::drain, "a \"quoted\" reason\n", noon + 90s, AdminState::ready};
    drained.weight_order = WeightOrder{50, "half of it", 100};
    drained.ramp = 4;
    drained.transitions = 3;
    drained.ruled = MeasuredState::down;
    drained.past = Past{.penalty = 1234.567,
                        .damped = true,
                        .ejected_for = -3ns,
                        .ejections = 2,
                        .rising = 5s,
                        .held_for = 7ns,
                        .needed = true};
    SavedBackend fresh;
    fresh.name = "b2";
    fresh.address = *Address::parse("fd77::2");
    fresh.port = 80;
    fresh.eligible = true;
    SavedService web{
        "web",           *Address::parse("10.77.0.100"), 8000, 8100, Protocol::udp, ServiceId{3}, true, true,
        {drained, fresh}};
    return {bpffs, noon + 1us, 1ULL << 40, {web}};
}

TEST(SavedState, IsReadBackAsItWasWritten) {
    auto const read = decode(encode(example()), bpffs);
    EXPECT_EQ(read.problem, "");
    ASSERT_TRUE(read.state);
    EXPECT_EQ(*read.state, example());
}

TEST(SavedState, CutShortAnywhereIsAProblemAndNeverAnException) {
    auto const whole = encode(example());
    for (std::size_t length = 0; length + 2 < whole.size(); ++length) {
        auto const read = decode(whole.substr(0, length), bpffs);
        EXPECT_FALSE(read.state) << length;
        EXPECT_NE(read.problem, "") << length;
    }
}

TEST(SavedState, OneWrongValueSpoilsTheFile) {
    auto const whole = encode(example());
    for (auto const& [was, now] : {std::pair{"\"port\":8080", "\"port\":80800"},
                                   {"\"measured\":\"up\"", "\"measured\":\"fine\""},
                                   {"\"10.77.0.2\"", "\"10.77.0.299\""},
                                   {"\"weight\":50", "\"weight\":\"50\""},
                                   {"\"incarnation\":4", "\"incarnations\":4"},
                                   {"\"ruled\":\"down\"", "\"ruled\":\"out\""},
                                   {"\"ejections\":2", "\"ejections\":-2"}}) {
        auto text = whole;
        auto const at = text.find(was);
        ASSERT_NE(at, text.npos) << was;
        text.replace(at, std::string_view{was}.size(), now);
        auto const read = decode(text, bpffs);
        EXPECT_FALSE(read.state) << now;
        EXPECT_TRUE(read.problem.starts_with("it is damaged: ")) << read.problem;
    }
}

TEST(SavedState, OfAnotherVersionIsNotUsed) {
    auto text = encode(example());
    text.replace(text.find("state/1"), 7, "state/2");
    EXPECT_EQ(decode(text, bpffs).problem, "its schema is pointsman.state/2 instead of pointsman.state/1");
}

TEST(SavedState, OfAnotherDaemonIsNotUsed) {
    EXPECT_EQ(decode(encode(example()), "/sys/fs/bpf/second").problem,
              "it belongs to the tables in /sys/fs/bpf/pointsman, another daemon's");
}

struct ReplaceFile : testing::Test {
    ReplaceFile() { std::filesystem::create_directories(folder); }
    ~ReplaceFile() override { std::filesystem::remove_all(folder); }

    std::string contents() const {
        std::ostringstream text;
        text << std::ifstream{path}.rdbuf();
        return text.str();
    }

    std::filesystem::path const folder =
        std::filesystem::temp_directory_path() / ("pointsman-replace-" + std::to_string(::getpid()));
    std::string const path = folder / "state.json";
};

TEST_F(ReplaceFile, WritesANewFileOverTheOldOneAndLeavesNoOther) {
    EXPECT_EQ(replace_file(path, std::string(100'000, 'a')), "");
    EXPECT_EQ(replace_file(path, "b\n"), "");
    EXPECT_EQ(contents(), "b\n");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator{folder}, {}), 1);
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(ReplaceFile, FollowsNoLinkThatSomebodyPlaced) {
    std::filesystem::create_symlink(folder / "precious", path + ".new");
    EXPECT_TRUE(replace_file(path, "x").starts_with("cannot create " + path + ".new: "));
    EXPECT_FALSE(std::filesystem::exists(folder / "precious"));
}

TEST_F(ReplaceFile, SaysWhatFailed) {
    EXPECT_EQ(replace_file("/proc/pointsman/state.json", "x"),
              "cannot create /proc/pointsman/state.json.new: No such file or directory");
}

} // namespace
} // namespace pointsman
