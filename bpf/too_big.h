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

static __always_inline int is_too_big(PM_CONTEXT *ctx, const struct packet *packet, __u32 fitting)
{
	const __u32 headers = packet->l4_offset - packet->l3_offset + packet->l4_header_length;

	return fitting && packet->l3_length > fitting &&
	       context_wire_length(ctx, packet->l3_length, headers) > fitting;
}

static __always_inline int may_answer_too_big(const struct packet *packet)
{
	struct pm_counters *counts = counters(PM_LINK_SLOTS);

	if (!counts || (counts->too_big_ticks && packet->now - (__u32)counts->too_big_ticks < TOO_BIG_TICKS))
		return 0;
	counts->too_big_ticks = packet->now;
	return 1;
}

static __always_inline int save_quote(PM_CONTEXT *ctx, const struct packet *packet, __u8 *quote)
{
	const __u8 *ip;

	context_make_linear(ctx, packet->l3_offset + PM_QUOTED);
	ip = l3_header(ctx, packet);
	if (ip + PM_QUOTED > (__u8 *)context_data_end(ctx)) /* no link has so small an MTU (RFC 791) */
		return -1;
	__builtin_memcpy(quote, ip, PM_QUOTED);
	return 0;
}

/* `parked` octets of zeros follow the quote. */
static __always_inline int write_too_big(PM_CONTEXT *ctx, const struct packet *packet, const __u8 *quote,
					 __u32 fitting, __u32 parked)
{
	struct icmp_header *icmp = l4_header(ctx, packet);
	__u8 *quoted = (__u8 *)(icmp + 1);
	__u32 sum = 0;

	if (quoted + PM_QUOTED > (__u8 *)context_data_end(ctx))
		return -1;
	icmp->type = packet->v6 ? ICMPV6_PKT_TOOBIG : ICMP_DEST_UNREACH;
	icmp->code = packet->v6 ? 0 : ICMP_FRAG_NEEDED;
	icmp->checksum = 0;
	icmp->rest = bpf_htonl(fitting);
	__builtin_memcpy(quoted, quote, PM_QUOTED);
	if (packet->v6)
		sum = answer_pseudo_sum(packet, IPPROTO_ICMPV6, ICMP_HEADER + PM_QUOTED + parked);
	sum += sum_words(icmp, ICMP_HEADER / 2) + sum_words(quote, 20) +
	       sum_words(quote + 40, (PM_QUOTED - 40) / 2);
	icmp->checksum = ~checksum_fold(sum);
	return 0;
}

static __always_inline int clear_parked(PM_CONTEXT *ctx, __u32 offset)
{
	__u8 *zeros;

	OPAQUE(offset);
	zeros = context_data(ctx) + (offset & 0x1ff);
	if (zeros + PARKED > (__u8 *)context_data_end(ctx))
		return -1;
	__builtin_memset(zeros, 0, PARKED);
	return 0;
}

/* Answers a packet that does not fit by how long one may be, unless too many were answered lately. */
__noinline int answer_too_big(PM_CONTEXT *ctx, struct packet *packet, __u32 fitting)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	const __u32 length = ICMP_HEADER + PM_QUOTED;
	__u8 protocol;
	int parked;

	if (!packet || !scratch)
		return PM_DROP_TOO_BIG;
	if (!may_answer_too_big(packet) || packet->fragment == LATER_FRAGMENT ||
	    save_quote(ctx, packet, scratch->quote))
		return PM_DROP_TOO_BIG;
	if (packet->v6 && fitting < V6_MIN_MTU)
		fitting = V6_MIN_MTU;
	protocol = packet->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	parked = context_park_checksum(ctx, packet->l3_offset, packet->l4_offset, l4_checksum_offset(packet),
				       l3_header_length(packet) + length);
	if (parked < 0 || answer_headers(ctx, packet, protocol, length + parked) ||
	    write_too_big(ctx, packet, scratch->quote, fitting, parked) ||
	    (parked && clear_parked(ctx, packet->l4_offset + length)))
		return PM_DROP_REWRITE_FAILED;
	return PM_FORWARD_TOO_BIG;
}

#endif
