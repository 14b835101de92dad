/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Turning a packet into an answer to its sender: the headers that a RST and an ICMP message have in common.
 */
#ifndef PM_ANSWER_H
#define PM_ANSWER_H

#include "rewrite.h"

#define ANSWER_TTL 64

static __always_inline __u32 sum_words(const void *start, int words)
{
	const __u16 *word = start;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < 20; i++)
		sum += i < words ? word[i] : 0;
	return sum;
}

/* `traffic_class`: DSCP and ECN. */
static __always_inline void write_ipv4(struct iphdr *ip, const struct pm_addr *source,
				       const struct pm_addr *destination, __u8 protocol, __u16 l4_length,
				       __u8 traffic_class)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = traffic_class;
	ip->tot_len = bpf_htons(sizeof(*ip) + l4_length);
	ip->frag_off = bpf_htons(0x4000); /* don't fragment */
	ip->ttl = ANSWER_TTL;
	ip->protocol = protocol;
	ip->saddr = source->word[3];
	ip->daddr = destination->word[3];
	ip->check = ~checksum_fold(bpf_htons(0x4500 | traffic_class) + ip->tot_len + ip->frag_off +
				   bpf_htons(64 << 8 | protocol) + sum_words(&source->word[3], 2) +
				   sum_words(&destination->word[3], 2));
}

static __always_inline void write_ipv6(struct ipv6hdr *ip, const struct pm_addr *source,
				       const struct pm_addr *destination, __u8 protocol, __u16 l4_length,
				       __u8 traffic_class)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->priority = traffic_class >> 4;
	ip->flow_lbl[0] = traffic_class << 4;
	ip->payload_len = bpf_htons(l4_length);
	ip->nexthdr = protocol;
	ip->hop_limit = ANSWER_TTL;
	__builtin_memcpy(&ip->saddr, source, sizeof(*source));
	__builtin_memcpy(&ip->daddr, destination, sizeof(*destination));
}

static __always_inline __u32 l3_header_length(const struct packet *packet)
{
	return packet->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

/* The sum of the pseudo-header of an answer to this packet's sender. */
static __always_inline __u32 answer_pseudo_sum(const struct packet *packet, __u8 protocol, __u16 l4_length)
{
	__u32 sum = bpf_htons(protocol) + bpf_htons(l4_length);

	if (!packet->v6)
		return sum + sum_words(&packet->flow.source.word[3], 2) +
		       sum_words(&packet->flow.destination.word[3], 2);
	return sum + sum_words(&packet->flow.source, 8) + sum_words(&packet->flow.destination, 8);
}

/*
 * The frame's L2 and L3 headers become those of an answer to its sender, and the frame so long as that. The
 * L4 header follows at packet->l4_offset. 0, or negative when the frame is shorter than it was parsed.
 */
static __always_inline int answer_headers(PM_CONTEXT *ctx, struct packet *packet, __u8 protocol,
					  __u16 l4_length)
{
	const __u32 l3_length = l3_header_length(packet);
	struct ethhdr *eth, old;
	void *ip;

	if (context_forget_sum(ctx) || context_resize(ctx, packet->l3_offset + l3_length + l4_length))
		return -1;
	context_make_linear(ctx, packet->l3_offset + l3_length + l4_length);
	eth = context_data(ctx);
	if ((void *)(eth + 1) > context_data_end(ctx))
		return -1;
	old = *eth;
	rewrite_ethernet(eth, old.h_source, old.h_dest);
	if (write_ethertype(ctx, packet, packet->v6))
		return -1;
	ip = l3_header(ctx, packet);
	if (ip + sizeof(struct ipv6hdr) > context_data_end(ctx)) /* an answer is no shorter than that */
		return -1;
	if (packet->v6)
		write_ipv6(ip, &packet->flow.destination, &packet->flow.source, protocol, l4_length, 0);
	else
		write_ipv4(ip, &packet->flow.destination, &packet->flow.source, protocol, l4_length, 0);
	packet->l4_offset = packet->l3_offset + l3_length;
	packet->out_ifindex = context_ifindex(ctx);
	packet->out_flags = 0;
	return 0;
}

#endif
