// SPDX-License-Identifier: Apache-2.0
/*
 * Before libfaketime in LD_PRELOAD: timers of descriptors stay the kernel's. libfaketime moves absolute times
 * of every clock, of the monotonic one too, and a time before the start of that is none (EINVAL): the process
 * never wakes. A wall clock that is set moves no monotonic timer.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

int timerfd_settime(int fd, int flags, const struct itimerspec* new_value, struct itimerspec* old_value) {
    return (int)syscall(SYS_timerfd_settime, fd, flags, new_value, old_value);
}
