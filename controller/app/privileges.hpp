#pragma once

namespace pointsman {

/// Keeps what a running daemon needs (attach again, resolve neighbours) and gives up every other capability
/// for good. Without effect for a process that has none.
/// @return false when the kernel refused.
bool drop_privileges() noexcept;

/// Tells systemd that the service is up (sd_notify's READY=1), if it asked to be told.
void notify_ready() noexcept;

} // namespace pointsman
