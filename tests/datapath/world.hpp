#pragma once

#include "controller/plan/plan.hpp"
#include "tests/datapath/frame.hpp"

#include <string>

namespace pointsman::test {

// The network of the tests. Client packets come from `router` to the loopback interface, which stands for the
// one towards the clients; backends are behind another interface.
inline constexpr Mac router_mac{2, 0, 0, 0, 0, 0xfe};
inline constexpr Mac client_side_mac{2, 0, 0, 0, 0, 1};
inline constexpr Mac backend_side_mac{2, 0, 0, 0, 0, 2};
inline constexpr std::uint32_t backend_side_ifindex = 2;

inline constexpr Address web_address = Address::v4(0xc0'00'02'0a); ///< 192.0.2.10
inline constexpr std::uint16_t web_port = 80;
inline constexpr Address nat_address = Address::v4(0x0a'00'00'01);    ///< 10.0.0.1
inline constexpr Address client_address = Address::v4(0xc6'33'64'07); ///< 198.51.100.7

/// 2001:db8::(last) for the service and its clients, fd00::(last) behind the balancer.
[[nodiscard]] constexpr Address v6_address(std::uint8_t first, std::uint8_t last) {
    return Address::from_octets(
        first == 0x20
            ? std::array<std::uint8_t, 16>{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}
            : std::array<std::uint8_t, 16>{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last});
}
inline constexpr Address web_address_v6 = v6_address(0x20, 10);   ///< 2001:db8::a
inline constexpr Address nat_address_v6 = v6_address(0xfd, 1);    ///< fd00::1
inline constexpr Address client_address_v6 = v6_address(0x20, 7); ///< 2001:db8::7

/// 10.0.0.(10 + number) or fd00::(10 + number), port 8080 + number, MAC ending in the number; numbers start
/// at 1.
[[nodiscard]] Address backend_address(unsigned number, bool v6 = false);
[[nodiscard]] std::uint16_t backend_port(unsigned number);
[[nodiscard]] Mac backend_mac(unsigned number);

/// All that a plan depends on.
struct World {
    DesiredState desired;
    std::map<BackendKey, MeasuredState> measured;
    std::map<BackendKey, AdminState> admin;
    NetworkView network;

    [[nodiscard]] Plan plan(Generation const& current) const {
        return plan_next({desired, measured, admin, network}, current);
    }

    /// Adds a backend that is up and whose next hop is known to the service; its name is "b" and its number.
    void add_backend(Service& service, unsigned number, bool v6 = false);
    /// Adds a service of another name and port that is otherwise as the present one, with this backend alone.
    void add_beside(std::string_view present, std::string name, std::uint16_t port, unsigned backend);
    void remove_backend(std::string_view service, unsigned number);
    void measure(unsigned number, MeasuredState state, std::string const& service = "web");
    void administer(unsigned number, AdminState state, std::string const& service = "web");
    [[nodiscard]] Service& service(std::string_view name);
};

/// A world without services.
[[nodiscard]] World empty_world();

/// One service at web_address without panic mode: "web" at port 80 with backends 1 to `backends`, all up.
[[nodiscard]] World web_world(Protocol protocol = Protocol::tcp, unsigned backends = 3,
                              OnDown on_down = OnDown::reset);

} // namespace pointsman::test
