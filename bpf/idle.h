/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* For how long a flow may be silent. Compiled into the programs and the daemon, so that both count the same
 * flows.
 */
#ifndef PM_IDLE_H
#define PM_IDLE_H

#include "abi.h"

/*
 * A packet tells the session of its own direction at once that the flow is alive, the partner once in so many
 * jiffies; hence nothing is idle before that much more time has passed.
 */
#define PM_PARTNER_TICKS_SHIFT 10
#define PM_PARTNER_TICKS       (1u << PM_PARTNER_TICKS_SHIFT)

/*
 * Jiffies since a session was last seen. Another CPU may have seen a later packet of it between this one's
 * look at the clock and at the session: that is no silence of 2^32 jiffies less one.
 */
static __attribute__((always_inline)) inline __u32 pm_silence(__u32 now, __u32 last_seen)
{
	const __u32 silence = now - last_seen;

	return silence > -PM_PARTNER_TICKS ? 0 : silence;
}

/* Jiffies of silence after which a flow is over. Nothing is allowed by a service that is gone (NULL). */
static __attribute__((always_inline)) inline __u32 pm_idle_limit(__u32 state,
								 const struct pm_service *service)
{
	__u32 limit;

	if (!service)
		return 0;
	limit = service->idle_ticks;
	if (!(state & PM_SESSION_ESTABLISHED) && limit > service->half_open_ticks)
		limit = service->half_open_ticks;
	if ((state & (PM_SESSION_FIN_CLIENT | PM_SESSION_FIN_BACKEND)) && limit > service->closing_ticks)
		limit = service->closing_ticks;
	return limit;
}

static __attribute__((always_inline)) inline int pm_is_idle(__u32 silent, __u32 state,
							    const struct pm_service *service)
{
	return silent > PM_PARTNER_TICKS && silent - PM_PARTNER_TICKS > pm_idle_limit(state, service);
}

#endif
