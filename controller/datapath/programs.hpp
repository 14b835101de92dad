#pragma once

#include "controller/datapath/mapped_array.hpp"
#include "controller/datapath/owned_fd.hpp"
#include "controller/datapath/room.hpp"
#include "controller/datapath/session_table.hpp"
#include "controller/datapath/tables.hpp"

#include <functional>
#include <memory>
#include <string>

struct pm_xdp_object;
struct pm_tc_object;

namespace pointsman {

enum class Hook : std::uint8_t { xdp, tc };

/// What the programs are compiled for when they are loaded.
struct ProgramOptions {
    DatapathOptions datapath;
    std::string pin_directory; ///< where the maps are pinned: a PinDirectory's path, empty of maps
    bool xdp = false;          ///< load the XDP program
    bool tc = false;           ///< load the tc program
};

/// What the programs hash flows with.
[[nodiscard]] std::array<__u64, 2> hash_key_of(std::array<std::uint8_t, 16> const& seed) noexcept;

/// The loaded programs and their maps: pinned, mapped into our memory. Both programs share the maps.
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

    [[nodiscard]] pm_control& control() const noexcept { return control_.all().front(); }
    [[nodiscard]] TableHalf tables(unsigned half) const noexcept;
    [[nodiscard]] SessionHalf sessions(unsigned half) const noexcept { return sessions_.half(half); }
    [[nodiscard]] std::span<pm_counters const> counters() const noexcept { return counters_.all(); }
    /// Entry cpu * room().backends + backend.
    [[nodiscard]] std::span<pm_backend_counters> backend_counters() const noexcept {
        return backend_counters_.all();
    }

private:
    template<typename Object>
    struct Destroy {
        void operator()(Object* object) const noexcept;
    };

    void load_xdp(ProgramOptions const& options);
    void load_tc(ProgramOptions const& options);
    void map_all(void* bpf_object);

    Room room_;
    std::uint64_t ticks_per_second_;
    std::unique_ptr<pm_xdp_object, Destroy<pm_xdp_object>> xdp_;
    std::unique_ptr<pm_tc_object, Destroy<pm_tc_object>> tc_;
    int event_ring_fd_ = -1;
    MappedArray<pm_control> control_;
    MappedArray<pm_service_slot> slots_;
    MappedArray<pm_service> services_;
    MappedArray<pm_maglev_chunk> maglev_;
    MappedArray<pm_backend> backends_;
    MappedArray<pm_addr> nat_addresses_;
    MappedArray<pm_link> links_;
    MappedArray<pm_session_set> sessions_;
    MappedArray<pm_counters> counters_;
    MappedArray<pm_backend_counters> backend_counters_;
};

/// Where libbpf's messages go; set once before the first Programs. The level is libbpf_print_level.
void set_libbpf_log(std::function<void(int level, std::string line)> sink);

} // namespace pointsman
