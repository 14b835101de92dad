#pragma once

#include "controller/api/clock.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace pointsman {

/// The audit file: one JSON object a line, appended and never rewritten. `seq` is gap-free over restarts. A
/// file that was moved away is made anew at the next record (log rotation).
class AuditTrail {
public:
    /// Continues after the last record of an existing file.
    /// @throws std::system_error naming the path when the file cannot be opened for appending.
    AuditTrail(std::string path, std::string node);
    AuditTrail(AuditTrail const&) = delete;
    AuditTrail& operator=(AuditTrail const&) = delete;
    ~AuditTrail();

    /// Appends one record: schema, seq, ts, mono_ns, boot_id, node, version and kind come first, then
    /// `fields`. When the disk refuses, the record is counted and the next one that fits is preceded by a
    /// `lost` record.
    /// @return the record's seq, 0 when it was lost.
    std::uint64_t write(std::string_view kind, boost::json::object const& fields,
                        Moment when = Moment::now());

    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
    /// errno of the last record that was lost, 0 as soon as one is taken.
    [[nodiscard]] int failure() const noexcept { return failure_; }
    [[nodiscard]] std::string const& path() const noexcept { return path_; }

private:
    void open();
    void reopen_if_moved();
    bool append(std::string_view kind, boost::json::object const& fields, Moment const& when);

    std::string path_;
    std::string node_;
    std::string boot_id_;
    int fd_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    std::uint64_t seq_ = 0;
    std::uint64_t lost_ = 0; ///< since the start
    std::uint64_t lost_unreported_ = 0;
    int failure_ = 0;
};

} // namespace pointsman
