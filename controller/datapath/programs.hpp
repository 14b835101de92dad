#pragma once

#include "controller/datapath/mapped_tables.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

struct pm_xdp_object;
struct pm_tc_object;

namespace pointsman {

enum class Hook : std::uint8_t {
    xdp,
    tc,
    behind, ///< tc behind generic XDP, for what that leaves: bpf/behind.h
};

/// What the programs are compiled for when they are loaded.
struct ProgramOptions {
    DatapathOptions datapath;
    std::string pin_directory; ///< where the maps are pinned: none of them, or all with the right shape
    bool xdp = false;          ///< load the XDP program
    bool tc = false;           ///< load the tc program
    bool behind = false;       ///< load the one behind generic XDP; the XDP program leaves frames to it
};

/// What the programs hash flows with.
[[nodiscard]] std::array<__u64, 2> hash_key_of(std::array<std::uint8_t, 16> const& seed) noexcept;

/// The loaded programs and their maps: pinned, mapped into our memory. Both programs share the maps. Maps
/// that are pinned already are taken over with what is in them.
class Programs {
public:
    /// @throws DatapathError: no privileges, a kernel that refuses the programs.
    explicit Programs(ProgramOptions const& options);
    Programs(Programs&&) noexcept;
    ~Programs();

    [[nodiscard]] int fd(Hook hook) const;
    [[nodiscard]] int event_ring_fd() const noexcept { return event_ring_fd_; }
    [[nodiscard]] Room const& room() const noexcept { return room_; }
    [[nodiscard]] std::uint64_t ticks_per_second() const noexcept { return ticks_per_second_; }

    [[nodiscard]] MappedTables const& maps() const noexcept { return *maps_; }
    [[nodiscard]] pm_control& control() const noexcept { return maps_->control(); }
    [[nodiscard]] TableHalf tables(unsigned half) const noexcept { return maps_->tables(half); }
    [[nodiscard]] SessionHalf sessions(unsigned half) const noexcept { return maps_->sessions(half); }
    [[nodiscard]] std::span<pm_counters const> counters() const noexcept { return maps_->counters(); }
    /// Entry cpu * room().backends + backend.
    [[nodiscard]] std::span<pm_backend_counters> backend_counters() const noexcept {
        return maps_->backend_counters();
    }

private:
    template<typename Object>
    struct Destroy {
        void operator()(Object* object) const noexcept;
    };

    void load_xdp(ProgramOptions const& options);
    void load_tc(ProgramOptions const& options);

    Room room_;
    std::uint64_t ticks_per_second_;
    std::unique_ptr<pm_xdp_object, Destroy<pm_xdp_object>> xdp_;
    std::unique_ptr<pm_tc_object, Destroy<pm_tc_object>> tc_;
    int event_ring_fd_ = -1;
    std::optional<MappedTables> maps_;
};

/// Where libbpf's messages go; set once before the first Programs. The level is libbpf_print_level.
void set_libbpf_log(std::function<void(int level, std::string line)> sink);

} // namespace pointsman
