#include "controller/api/audit_trail.hpp"

#include "controller/api/text_escape.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace pointsman {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// 2026-11-20T05:22:29.123456Z
Moment const moment{std::chrono::system_clock::time_point{1795152149123456us}, 42};

std::string boot_id() {
    std::string id;
    std::getline(std::ifstream{"/proc/sys/kernel/random/boot_id"} >> std::ws, id);
    return id;
}

/// What every record starts with, up to the fields of its own.
std::string head(std::uint64_t seq, std::string const& kind) {
    return R"({"schema":"pointsman.audit/1","seq":)" + std::to_string(seq) +
           R"(,"ts":"2026-11-20T05:22:29.123456Z","mono_ns":42,"boot_id":")" + boot_id() +
           R"(","node":"lb1","version":")" POINTSMAN_VERSION R"(","kind":")" + kind + "\"";
}

class AuditTrailFile : public testing::Test {
protected:
    AuditTrailFile() {
        std::string name = testing::TempDir() + "audit-XXXXXX";
        directory = ::mkdtemp(name.data());
        path = directory / "audit.jsonl";
    }
    ~AuditTrailFile() override { std::filesystem::remove_all(directory); }

    static std::string contents_of(std::filesystem::path const& file) {
        std::stringstream text;
        text << std::ifstream{file}.rdbuf();
        return text.str();
    }
    void append(std::string const& text) const { std::ofstream{path, std::ios::app} << text; }

    std::uint64_t write(AuditTrail& trail, std::string_view kind = "health", json::object fields = {}) const {
        return trail.write(kind, std::move(fields), moment);
    }
    /// Opens the trail, writes one record and closes it. @return its seq.
    std::uint64_t write_one() const {
        AuditTrail trail{path, "lb1"};
        return write(trail);
    }

    std::filesystem::path directory;
    std::filesystem::path path;
};

/// Files of this process may not grow beyond a size, as on a full disk.
class FullDisk {
public:
    explicit FullDisk(std::uintmax_t octets) : old_handler_{std::signal(SIGXFSZ, SIG_IGN)} {
        ::getrlimit(RLIMIT_FSIZE, &old_limit_);
        rlimit const limit{octets, old_limit_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    FullDisk(FullDisk const&) = delete;
    ~FullDisk() {
        ::setrlimit(RLIMIT_FSIZE, &old_limit_);
        std::signal(SIGXFSZ, old_handler_);
    }

private:
    rlimit old_limit_{};
    void (*old_handler_)(int);
};

TEST_F(AuditTrailFile, ARecordIsOneLineWithThePromisedFieldsFirst) {
    AuditTrail trail{path, "lb1"};
    EXPECT_EQ(write(trail, "start"), 1U);
    EXPECT_EQ(write(trail, "health", {{"service", "web"}, {"was", "up"}, {"now", "down"}}), 2U);
    EXPECT_EQ(contents_of(path), head(1, "start") + "}\n" + head(2, "health") +
                                     R"(,"service":"web","was":"up","now":"down"})" + "\n");
}

TEST_F(AuditTrailFile, AFieldCannotReplaceAPromisedOne) {
    AuditTrail trail{path, "lb1"};
    write(trail, "health", {{"seq", 99}, {"kind", "start"}});
    EXPECT_EQ(contents_of(path), head(1, "health") + "}\n");
}

TEST_F(AuditTrailFile, WhatABackendSentStaysOnOneLine) {
    std::string every_octet;
    for (int octet = 0; octet < 256; ++octet)
        every_octet += static_cast<char>(octet);
    AuditTrail trail{path, "lb1"};
    write(trail, "health", {{"first_bytes", escape_octets(every_octet)}, {"raw", "a\n\"b\r\0\x1b"}});
    auto const text = contents_of(path);
    EXPECT_EQ(std::ranges::count(text, '\n'), 1);
    auto const record = json::parse(text).as_object();
    EXPECT_EQ(record.at("first_bytes").as_string(), escape_octets(every_octet));
    EXPECT_EQ(record.at("raw").as_string(), "a\n\"b\r");
}

TEST_F(AuditTrailFile, TheSequenceGoesOnAfterARestart) {
    EXPECT_EQ(write_one(), 1U);
    EXPECT_EQ(write_one(), 2U);
    EXPECT_EQ(contents_of(path), head(1, "health") + "}\n" + head(2, "health") + "}\n");
}

TEST_F(AuditTrailFile, AHalfWrittenLineDoesNotCountAndEndsWhereItIs) {
    write_one();
    append(R"({"schema":"pointsman.audit/1","seq":2,"ts)");
    EXPECT_EQ(write_one(), 2U);
    EXPECT_EQ(contents_of(path), head(1, "health") + "}\n" + R"({"schema":"pointsman.audit/1","seq":2,"ts)" +
                                     "\n" + head(2, "health") + "}\n");
}

TEST_F(AuditTrailFile, TheSequenceGoesOnAfterLinesThatAreNoRecords) {
    write_one();
    write_one();
    append("garbage\n\n[1]\n{}\n{\"seq\":\"7\"}\n");
    EXPECT_EQ(write_one(), 3U);
}

TEST_F(AuditTrailFile, ASequenceNumberThatIsNoneIsPassedOver) {
    write_one();
    append("{\"seq\":-1}\n{\"seq\":1.5}\n");
    std::uint64_t seq = 0;
    EXPECT_NO_THROW(seq = write_one());
    EXPECT_EQ(seq, 2U);
}

TEST_F(AuditTrailFile, AFileOfGarbageAloneStartsTheSequence) {
    append(std::string(3 << 20, 'x'));
    EXPECT_EQ(write_one(), 1U);
    append("\n" + std::string(100, '\n'));
    EXPECT_EQ(write_one(), 2U);
}

TEST_F(AuditTrailFile, AFileThatWasRenamedIsMadeAnewAndTheSequenceGoesOn) {
    AuditTrail trail{path, "lb1"};
    write(trail);
    std::filesystem::rename(path, directory / "audit.jsonl.1");
    EXPECT_EQ(write(trail), 2U);
    EXPECT_EQ(write(trail), 3U);
    EXPECT_EQ(contents_of(directory / "audit.jsonl.1"), head(1, "health") + "}\n");
    EXPECT_EQ(contents_of(path), head(2, "health") + "}\n" + head(3, "health") + "}\n");
}

TEST_F(AuditTrailFile, WhenItsDirectoryIsGoneTheFileIsMadeAnewWithIt) {
    path = directory / "log" / "audit.jsonl";
    AuditTrail trail{path, "lb1"};
    write(trail);
    std::filesystem::remove_all(directory / "log");
    EXPECT_EQ(write(trail), 2U);
    EXPECT_EQ(contents_of(path), head(2, "health") + "}\n");
}

TEST_F(AuditTrailFile, AFullDiskCountsWhatIsLostAndALostRecordSaysSoAfterwards) {
    AuditTrail trail{path, "lb1"};
    write(trail);
    auto const before = contents_of(path);
    {
        FullDisk const full{before.size() + 20}; // half a line fits
        EXPECT_EQ(write(trail), 0U);
        EXPECT_EQ(write(trail), 0U);
    }
    EXPECT_EQ(trail.lost(), 2U);
    EXPECT_EQ(contents_of(path), before);
    EXPECT_EQ(write(trail, "publish"), 3U);
    EXPECT_EQ(contents_of(path), before + head(2, "lost") + ",\"records\":2}\n" + head(3, "publish") + "}\n");
    EXPECT_EQ(write(trail), 4U);
    EXPECT_EQ(trail.lost(), 2U);
}

TEST_F(AuditTrailFile, ARoomForTheLostRecordAloneLosesTheNextOneToo) {
    AuditTrail trail{path, "lb1"};
    write(trail);
    auto const before = contents_of(path);
    auto const lost = head(2, "lost") + ",\"records\":1}\n";
    {
        FullDisk const full{before.size()};
        EXPECT_EQ(write(trail), 0U);
    }
    {
        FullDisk const nearly_full{before.size() + lost.size()};
        EXPECT_EQ(write(trail), 0U);
    }
    EXPECT_EQ(write(trail), 4U);
    EXPECT_EQ(contents_of(path),
              before + lost + head(3, "lost") + ",\"records\":1}\n" + head(4, "health") + "}\n");
    EXPECT_EQ(trail.lost(), 2U);
}

TEST_F(AuditTrailFile, APathThatCannotBeOpenedIsNamed) {
    std::filesystem::create_directory(path);
    try {
        AuditTrail const trail{path, "lb1"};
        FAIL() << "opened a directory";
    } catch (std::system_error const& error) {
        EXPECT_EQ(std::string{error.what()}, path.string() + ": Is a directory");
    }
}

TEST_F(AuditTrailFile, OthersMayNotReadIt) {
    write_one();
    EXPECT_EQ(std::filesystem::status(path).permissions() & std::filesystem::perms::others_all,
              std::filesystem::perms::none);
}

TEST(AuditText, EscapesEverythingButPrintableAscii) {
    EXPECT_EQ(escape_octets("HTTP/1.1 200 OK"), "HTTP/1.1 200 OK");
    EXPECT_EQ(escape_octets({"\0\t\r\n\x1b[31m\x7f\xff\\", 12}), R"(\x00\x09\x0d\x0a\x1b[31m\x7f\xff\\)");
}

TEST(AuditText, WritesTimesInUtcWithMicroseconds) {
    EXPECT_EQ(rfc3339(std::chrono::system_clock::time_point{}), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(rfc3339(moment.wall), "2026-11-20T05:22:29.123456Z");
    EXPECT_EQ(rfc3339(std::chrono::system_clock::time_point{1999ns}), "1970-01-01T00:00:00.000001Z");
}

} // namespace
} // namespace pointsman
