#include "controller/api/audit_trail.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace pointsman {
namespace {

std::string read_boot_id() {
    std::string id;
    std::getline(std::ifstream{"/proc/sys/kernel/random/boot_id"} >> std::ws, id);
    return id;
}

/// The last `limit` octets of a file.
std::string read_tail(std::string const& path, std::uint64_t limit) {
    std::ifstream file{path, std::ios::binary | std::ios::ate};
    if (!file) return {};
    auto const size = static_cast<std::uint64_t>(file.tellg());
    auto const length = std::min(size, limit);
    file.seekg(static_cast<std::streamoff>(size - length));
    std::string tail(length, '\0');
    file.read(tail.data(), static_cast<std::streamsize>(length));
    return tail;
}

/// seq of the last whole record; a half-written last line (a killed daemon, a full disk) does not count.
std::uint64_t last_seq(std::string const& path) {
    auto tail = read_tail(path, 1 << 20);
    while (!tail.empty()) {
        auto const end = tail.find_last_of('\n');
        if (end == std::string::npos) return 0;
        tail.resize(end);
        auto const start = tail.find_last_of('\n');
        auto const line = start == std::string::npos ? tail : tail.substr(start + 1);
        boost::system::error_code error;
        auto const record = boost::json::parse(line, error);
        if (error || !record.is_object()) continue;
        auto const* seq = record.as_object().if_contains("seq");
        auto const number = seq ? seq->to_number<std::uint64_t>(error) : 0;
        if (seq && !error) return number;
    }
    return 0;
}

} // namespace

AuditTrail::AuditTrail(std::string path, std::string node)
    : path_{std::move(path)}
    , node_{std::move(node)}
    , boot_id_{read_boot_id()} {
    seq_ = last_seq(path_);
    open();
}

AuditTrail::~AuditTrail() {
    if (fd_ >= 0) ::close(fd_);
}

void AuditTrail::open() {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path{path_}.parent_path(), ignored);
    auto const fd = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) throw std::system_error{errno, std::generic_category(), path_};
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
    struct stat info {};
    ::fstat(fd_, &info);
    device_ = info.st_dev;
    inode_ = info.st_ino;
    char last = '\n';
    if (info.st_size > 0 && ::pread(fd_, &last, 1, info.st_size - 1) == 1 && last != '\n')
        (void)!::write(fd_, "\n", 1); // closes a half-written line, so that the next record stands alone
}

void AuditTrail::reopen_if_moved() {
    struct stat info {};
    if (::stat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) return;
    try {
        open();
    } catch (std::system_error const&) {
        // The old descriptor still takes records; the next one tries again.
    }
}

bool AuditTrail::append(std::string_view kind, boost::json::object const& fields, Moment const& when) {
    boost::json::object record{{"schema", "pointsman.audit/1"}, {"seq", seq_ + 1},
                               {"ts", rfc3339(when.wall)},      {"mono_ns", when.mono_ns},
                               {"boot_id", boot_id_},           {"node", node_},
                               {"version", POINTSMAN_VERSION},  {"kind", kind}};
    for (auto const& field : fields)
        record.insert(field);
    auto const line = boost::json::serialize(record) + "\n";
    auto const before = ::lseek(fd_, 0, SEEK_END);
    auto const written = ::write(fd_, line.data(), line.size());
    if (written == static_cast<ssize_t>(line.size())) {
        ++seq_;
        failure_ = 0;
        return true;
    }
    failure_ = written < 0 ? errno : ENOSPC;
    if (written > 0) (void)!::ftruncate(fd_, before); // a full disk took half of it
    return false;
}

std::uint64_t AuditTrail::write(std::string_view kind, boost::json::object const& fields, Moment when) {
    reopen_if_moved();
    if (lost_unreported_ > 0 && append("lost", {{"records", lost_unreported_}}, when)) lost_unreported_ = 0;
    if (lost_unreported_ == 0 && append(kind, fields, when)) return seq_;
    ++lost_;
    ++lost_unreported_;
    return 0;
}

} // namespace pointsman
