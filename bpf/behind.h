/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Generic XDP meets packets as the stack holds them: joined to frames longer than the MTU (GRO, GSO), which
 * XDP cannot send on, or with a checksum that is yet to be completed, which XDP is not told. Both are left,
 * uncounted, to the tc program behind it, which can tell and can send them.
 */
#ifndef PM_BEHIND_H
#define PM_BEHIND_H

#include "answer.h"

/*
 * Does the checksum's field hold nothing but the pseudo-header's sum? So it does until the kernel or a NIC
 * completes it; and in one of 65536 packets by chance, which does not matter: tc knows.
 */
static __always_inline int looks_partial(PM_CONTEXT *ctx, const struct packet *packet)
{
	const __u32 l4_length = packet->l3_length - (packet->l4_offset - packet->l3_offset);
	const int tcp = packet->flow.protocol == IPPROTO_TCP;
	__u16 *checksum = l4_header(ctx, packet) +
			  (tcp ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));

	if ((void *)(checksum + 1) > context_data_end(ctx))
		return 0;
	return *checksum == checksum_fold(answer_pseudo_sum(packet, packet->flow.protocol, (__u16)l4_length));
}

/* parse() said PM_CONTINUE or PM_CONTINUE_ASIDE. */
__noinline int leave_to_tc(PM_CONTEXT *ctx, struct packet *packet, int has_ports)
{
	if (!packet)
		return 0;
	if (!context_is_joined(ctx) && !(has_ports && looks_partial(ctx, packet)))
		return 0;
	return !context_mark(ctx);
}

#endif
