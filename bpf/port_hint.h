/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who opened the last flow of a NAT port. A busy balancer goes round its ports within a TIME_WAIT, and every
 * second one the backend would not take again yet (client_clock.h). To learn which from the sessions costs
 * two cache misses a port, a hint nearly none. Only a hint: several ports share a place, the sessions decide.
 */
#ifndef PM_PORT_HINT_H
#define PM_PORT_HINT_H

#include "client_clock.h"
#include "session.h"

/* The place of a session's NAT port: its backend and NAT address choose where the row of ports begins. */
static __always_inline __u32 *port_hint(const struct pm_session *session)
{
	const __u32 start = (session->backend * 0x9e3779b9u) ^ (session->nat_address * 0x85ebca6bu);
	const __u32 index = (start >> 8) + bpf_ntohs(session->nat_port);
	struct pm_port_hints *line = array_at(&pm_port_hints, index / 16 % PM_PORT_HINT_LINES);

	return line ? &line->hint[index % 16] : NULL;
}

/* What the hint is when this session has the port. */
static __always_inline __u32 port_hint_of(const struct session_copy *session)
{
	const __u32 client = (session->client.word[3] ^ session->client.word[2]) * 0x9e3779b9u;

	return (session->state & ~0u << PM_SESSION_CLOCK_SHIFT) | client >> PM_SESSION_CLOCK_SHIFT;
}

static __always_inline void port_hint_keep(const struct session_copy *session)
{
	__u32 *hint = port_hint(&session->session);

	if (hint)
		WRITE_ONCE(*hint, port_hint_of(session));
}

/* Would the backend take a new flow from this port, if the last one there is over? Yes, if nobody knows. */
static __always_inline int port_hint_allows(const struct session_copy *session)
{
	const __u32 *hint = port_hint(&session->session);
	const __u32 next = port_hint_of(session);
	__u32 last;

	if (!hint)
		return 1;
	last = READ_ONCE(*hint);
	if (!(last >> PM_SESSION_CLOCK_SHIFT) || !(next >> PM_SESSION_CLOCK_SHIFT))
		return 1;
	return clock_goes_on(last, next, !(__u16)(last ^ next));
}

#endif
