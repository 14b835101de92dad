/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The SYNs that clients sent last. When a backend refuses one, the program sends it to the next backend
 * itself. Nothing is searched and nothing waits: a place holds what came last, and who finds another flow's
 * there leaves it to the client to repeat.
 */
#ifndef PM_SYN_H
#define PM_SYN_H

#include "packet.h"

#define SYN_BEING_WRITTEN 1ull

static __always_inline struct pm_syn *syn_place(__u64 hash)
{
	return array_at(&pm_syns, hash & (PM_SYNS - 1));
}

/* Returns the hash under which it is found: 0 when there is less of it than was parsed. */
static __always_inline __u64 syn_fill(PM_CONTEXT *ctx, const struct packet *packet, struct pm_syn *syn)
{
	const __u32 headers = packet->l4_offset - packet->l3_offset + packet->l4_header_length;
	const __u32 options_length = packet->l4_header_length - sizeof(struct tcphdr);
	void *data_end = context_data_end(ctx);
	const struct tcphdr *tcp = l4_header(ctx, packet);
	const struct iphdr *ip = l3_header(ctx, packet);
	const struct ipv6hdr *ip6 = (void *)ip;
	const __be32 *option = (void *)(tcp + 1);

	if ((void *)(tcp + 1) > data_end || (void *)(ip + 1) > data_end)
		return 0;
	syn->sequence = tcp->seq;
	syn->offset_flags = ((const __be32 *)tcp)[3];
	syn->ip = *(const __be32 *)ip;
	syn->ttl = packet->v6 ? ip6->hop_limit : ip->ttl;
	syn->is_whole = packet->l3_length == headers;
#pragma nounroll
	for (__u32 i = 0; i < 10; i++) {
		if (i * 4 >= options_length || (void *)(option + i + 1) > data_end)
			break;
		syn->option[i] = option[i];
	}
	return packet->hash;
}

/* Keeps a SYN as it came from the client. */
static __always_inline void syn_keep(PM_CONTEXT *ctx, const struct packet *packet)
{
	struct pm_syn *syn = syn_place(packet->hash);

	if (!syn || __sync_lock_test_and_set(&syn->hash, SYN_BEING_WRITTEN) == SYN_BEING_WRITTEN)
		return; /* another CPU keeps one there: it will say whose it is */
	context_make_linear(ctx, packet->l4_offset + packet->l4_header_length);
	__sync_lock_test_and_set(&syn->hash, syn_fill(ctx, packet, syn));
}

/* Copies the SYN that was kept of a flow. 0 when a later one took its place. */
static __always_inline int syn_read(__u64 hash, struct pm_syn *copy)
{
	struct pm_syn *syn = syn_place(hash);

	if (!syn || READ_ONCE(syn->hash) != hash)
		return 0;
	barrier();
	*copy = *syn;
	barrier();
	return READ_ONCE(syn->hash) == hash;
}

#endif
