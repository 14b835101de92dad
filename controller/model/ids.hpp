#pragma once

#include <cstdint>

namespace pointsman {

/// Index of a backend in the kernel's backend array. 0 is none. Stable for as long as the backend is
/// configured.
enum class BackendId : std::uint16_t { none = 0 };

/// Index of a service in the kernel's service array. 0 is none. Stable for as long as the service is
/// configured.
enum class ServiceId : std::uint16_t { none = 0 };

} // namespace pointsman
