/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A later fragment that comes before the first one of its packet: which flow it is of, only that one says. A
 * program cannot wait for it; the daemon can, for as many as it grants.
 */
#ifndef PM_HOLD_H
#define PM_HOLD_H

#include "abi_held.h"
#include "fragment.h"

/* Written and read by both sides, see struct pm_hold. */
PM_ARRAY(pm_hold, struct pm_hold);

/* Written by the programs of both hooks, read by the daemon. Apart from pm_events, lest a flood of fragments
 * takes the place of what connections tell. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PM_HELD_RING_BYTES);
} pm_held SEC(".maps");

/* CPUs that look at the same moment may take one each beyond what is granted, which does no harm. */
static __always_inline int hold_is_granted(void)
{
	struct pm_hold *hold = array_at(&pm_hold, 0);

	if (!hold || READ_ONCE(hold->taken) >= READ_ONCE(hold->granted))
		return 0;
	__sync_fetch_and_add(&hold->taken, 1);
	return 1;
}

/* Whether the daemon keeps the fragment. If not, it is to be decided now. */
__noinline int hold_fragment(PM_CONTEXT *ctx, const struct packet *packet)
{
	struct pm_held_fragment *held;
	__u32 length;

	if (!packet || !fragment_slot(packet) || is_bad_source(packet))
		return 0;
	length = packet->length;
	OPAQUE(length);
	if (length < ETH_HLEN || length > PM_HELD_FRAME || !hold_is_granted())
		return 0;
	held = bpf_ringbuf_reserve(&pm_held, sizeof(*held), 0);
	if (!held)
		return 0;
	held->key = fragment_key(packet);
	held->time_ns = bpf_ktime_get_ns();
	held->ifindex = context_ifindex(ctx);
	held->length = length;
	held->tag = context_tag_beside(ctx);
	held->reserved = 0;
	if (context_load(ctx, held->frame, length)) {
		bpf_ringbuf_discard(held, BPF_RB_NO_WAKEUP);
		return 0;
	}
	bpf_ringbuf_submit(held, BPF_RB_FORCE_WAKEUP);
	return 1;
}

#endif
