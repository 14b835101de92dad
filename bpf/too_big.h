/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * "Fragmentation needed" and "packet too big" (RFC 1191, RFC 8201): what a sender learns of a packet that is
 * longer than the way to its backend takes, once the tunnel's headers are on it.
 */
#ifndef PM_TOO_BIG_H
#define PM_TOO_BIG_H

#include "encap.h"
#include "icmp.h"

#define TOO_BIG_TICKS 1 /* at most one answer per CPU and jiffy */

/* Octets of the packet that are quoted: its IP header, and QUOTED_L4; in IPv6 a fragment header may come
 * between. */
#define V4_QUOTE (sizeof(struct iphdr) + QUOTED_L4)
#define V6_QUOTE (sizeof(struct ipv6hdr) + 24)

/* Octets of IP packet that fit; 0: any number. */
static __always_inline __u32 fitting_length(const struct packet *packet, const struct pm_service *service,
					    const struct pm_backend *backend)
{
	if (!backend->mtu)
		return 0;
	if (service->forward != PM_FORWARD_IPIP && service->forward != PM_FORWARD_GUE)
		return backend->mtu;
	return backend->mtu - tunnel_of(packet, service, backend).length;
}

/* Octets before the payload, which every segment of a GSO frame has. */
static __always_inline __u32 headers_length(PM_CONTEXT *ctx, const struct packet *packet)
{
	const struct tcphdr *tcp = l4_header(ctx, packet);
	__u32 l4_length = sizeof(struct udphdr);

	if (packet->flow.protocol == IPPROTO_TCP && (void *)(tcp + 1) <= context_data_end(ctx))
		l4_length = tcp->doff * 4u;
	return packet->l4_offset - packet->l3_offset + l4_length;
}

static __always_inline int is_too_big(PM_CONTEXT *ctx, const struct packet *packet, __u32 fitting)
{
	return fitting && packet->l3_length > fitting &&
	       context_wire_length(ctx, packet->l3_length, headers_length(ctx, packet)) > fitting;
}

static __always_inline int may_answer_too_big(const struct packet *packet)
{
	struct pm_counters *counts = counters(PM_LINK_SLOTS);

	if (!counts || (counts->too_big_ticks && packet->now - (__u32)counts->too_big_ticks < TOO_BIG_TICKS))
		return 0;
	counts->too_big_ticks = packet->now;
	return 1;
}

static __always_inline __u32 quoted_length(const struct packet *packet)
{
	return packet->v6 ? V6_QUOTE : V4_QUOTE;
}

static __always_inline int save_quote(PM_CONTEXT *ctx, const struct packet *packet, __u8 *quote)
{
	const __u8 *ip;

	context_make_linear(ctx, packet->l3_offset + V6_QUOTE);
	ip = l3_header(ctx, packet);
	/* a packet that is too big for its way is longer than any quote */
	if (ip + V6_QUOTE > (__u8 *)context_data_end(ctx))
		return -1;
	__builtin_memcpy(quote, ip, V6_QUOTE);
	return 0;
}

static __always_inline int write_too_big(PM_CONTEXT *ctx, const struct packet *packet, const __u8 *quote,
					 __u32 fitting)
{
	struct icmp_header *icmp = l4_header(ctx, packet);
	__u8 *quoted = (__u8 *)(icmp + 1);

	if (packet->v6) {
		if (quoted + V6_QUOTE > (__u8 *)context_data_end(ctx))
			return -1;
		icmp->type = ICMPV6_PKT_TOOBIG;
		icmp->code = 0;
		icmp->rest = bpf_htonl(fitting);
		__builtin_memcpy(quoted, quote, V6_QUOTE);
		icmp->checksum = 0;
		icmp->checksum = ~checksum_fold(
			answer_pseudo_sum(packet, IPPROTO_ICMPV6, ICMP_HEADER + quoted_length(packet)) +
			sum_words(icmp, 4) + sum_words(quote, 16) + sum_words(quote + 32, 16));
	} else {
		if (quoted + V4_QUOTE > (__u8 *)context_data_end(ctx))
			return -1;
		icmp->type = ICMP_DEST_UNREACH;
		icmp->code = ICMP_FRAG_NEEDED;
		icmp->rest = bpf_htonl(fitting);
		__builtin_memcpy(quoted, quote, V4_QUOTE);
		icmp->checksum = 0;
		icmp->checksum = ~checksum_fold(sum_words(icmp, 4) + sum_words(quote, 14));
	}
	return 0;
}

/* Answers a packet that does not fit by how long one may be, unless too many were answered lately. */
__noinline int answer_too_big(PM_CONTEXT *ctx, struct packet *packet, __u32 fitting)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	__u8 protocol;

	if (!packet || !scratch)
		return PM_DROP_TOO_BIG;
	if (!may_answer_too_big(packet) || packet->fragment == LATER_FRAGMENT ||
	    save_quote(ctx, packet, scratch->quote))
		return PM_DROP_TOO_BIG;
	if (packet->v6 && fitting < V6_MIN_MTU)
		fitting = V6_MIN_MTU;
	protocol = packet->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	if (answer_headers(ctx, packet, protocol, ICMP_HEADER + quoted_length(packet)) ||
	    write_too_big(ctx, packet, scratch->quote, fitting))
		return PM_DROP_REWRITE_FAILED;
	return PM_FORWARD_TOO_BIG;
}

#endif
