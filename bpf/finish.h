/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The one way out: counts every packet by its verdict, so that received = the sum of all verdicts, always. */
#ifndef PM_FINISH_H
#define PM_FINISH_H

#include "behind.h"
#include "flow_learn.h"
#include "steer.h"

static __always_inline int finish(PM_CONTEXT *ctx, const struct packet *packet, __u32 verdict)
{
	struct pm_counters *counts = counters(packet->link);

	OPAQUE(verdict); /* or what is checked here were another register */
	if (!counts || verdict >= PM_VERDICTS)
		return CONTEXT_DROP;
	counts->received++;
	counts->verdict[verdict]++;
	counts->ticks = packet->now;
	if (verdict >= PM_DROP_MALFORMED)
		return CONTEXT_DROP;
	if (verdict >= PM_FORWARD_TO_BACKEND)
		return context_send(ctx, packet->out_ifindex, packet->out_flags);
	return verdict == PM_PASS_FRAGMENT_HELD ? CONTEXT_DROP : CONTEXT_PASS;
}

/* What both hooks run. `has_behind`, fixed when compiled: tc is behind this program (behind.h). */
static __always_inline int balance(PM_CONTEXT *ctx, const int has_behind)
{
	const __u32 active = READ_ONCE(pm_control.active);
	const __u32 now = bpf_jiffies64();
	const int has_cache = PM_HAS_FLOW_CACHE && !has_behind;
	__u32 slot = PM_NO_SLOT;
	struct scratch *scratch;
	struct packet *packet;
	int verdict;

	if (has_cache) {
		struct packet plain = {.active = active, .now = now};

		verdict = recall(ctx, &plain, &slot);
		if (likely(verdict != PM_CONTINUE))
			return finish(ctx, &plain, verdict);
	}
	scratch = array_at(&pm_scratch, 0);
	if (!scratch)
		return CONTEXT_PASS;
	packet = &scratch->packet;
	packet->active = active;
	packet->now = now;
	packet->unchanged = 0;
	packet->out_flags = 0;
	packet->fragment = WHOLE;
	packet->tcp_flags = 0;
	packet->v6 = 0;
	verdict = parse(ctx, packet);
	if (has_behind && verdict < 0 && leave_to_tc(ctx, packet, verdict == PM_CONTINUE))
		return CONTEXT_PASS;
	if (likely(verdict == PM_CONTINUE))
		verdict = steer(ctx, scratch);
	else if (verdict == PM_CONTINUE_ASIDE)
		verdict = steer_aside(ctx, packet);
	if (has_cache && slot != PM_NO_SLOT)
		learn(ctx, slot, verdict);
	return finish(ctx, packet, verdict);
}

#endif
