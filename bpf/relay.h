/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * "Too big" about a packet in one of our tunnels comes to this host, where the tunnel begins. The sender of
 * the packet inside has to know (RFC 2003 section 5.1, RFC 2473 section 7.1): it is told so by an error about
 * that.
 */
#ifndef PM_RELAY_H
#define PM_RELAY_H

#include "forward.h"

#define LEAST_FITTING 68 /* RFC 791: every IPv4 link takes so much */

/* Octets of the packet inside that an error about the tunnel is sure to quote: the IP header, and QUOTED_L4;
 * in IPv6 a fragment header may come between. Zeros stand for the rest. */
#define V4_INSIDE (sizeof(struct iphdr) + QUOTED_L4)
#define V6_INSIDE (sizeof(struct ipv6hdr) + 24)

/* The tunnel of a quoted packet. */
struct quoted_tunnel {
	struct pm_addr backend;
	__u32 length;	 /* octets of its headers */
	__u32 mtu;	 /* what the error says */
	__be16 gue_port; /* 0: IP in IP */
	__u8 inner;	 /* protocol number of the packet inside */
} __attribute__((aligned(8)));

/* The MTU that a "too big" names, 0 when this is no such error. */
static __always_inline __u32 mtu_in_error(PM_CONTEXT *ctx, const struct packet *packet)
{
	const struct icmp_header *icmp = l4_header(ctx, packet);

	if ((void *)(icmp + 1) > context_data_end(ctx))
		return 0;
	if (packet->v6)
		return icmp->type == ICMPV6_PKT_TOOBIG ? bpf_ntohl(icmp->rest) : 0;
	return icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED
		       ? bpf_ntohl(icmp->rest) & 0xffff
		       : 0;
}

/* Reads the quoted packet's outer headers. Negative when they are none of a tunnel. */
static __always_inline int read_tunnel(PM_CONTEXT *ctx, const struct packet *packet,
				       struct quoted_tunnel *tunnel)
{
	void *data_end = context_data_end(ctx);
	void *ip = l4_header(ctx, packet) + ICMP_HEADER;
	struct iphdr *ip4 = ip;
	struct ipv6hdr *ip6 = ip;
	struct udphdr *udp;
	struct gue_header *gue;

	tunnel->mtu = mtu_in_error(ctx, packet);
	if (!tunnel->mtu || (void *)(ip4 + 1) > data_end)
		return -1;
	if (!packet->v6) {
		addr_from_v4(&tunnel->backend, ip4->daddr);
		tunnel->inner = ip4->protocol;
		tunnel->length = sizeof(*ip4);
		udp = (void *)(ip4 + 1);
	} else if ((void *)(ip6 + 1) <= data_end) {
		addr_from_v6(&tunnel->backend, &ip6->daddr);
		tunnel->inner = ip6->nexthdr;
		tunnel->length = sizeof(*ip6);
		udp = (void *)(ip6 + 1);
	} else {
		return -1;
	}
	gue = (void *)(udp + 1);
	if (tunnel->inner == IPPROTO_UDP) {
		if ((void *)(gue + 1) > data_end)
			return -1;
		tunnel->gue_port = udp->dest;
		tunnel->inner = gue->protocol;
		tunnel->length += sizeof(*udp) + sizeof(*gue);
	}
	return tunnel->inner == IPPROTO_IPIP || tunnel->inner == IPPROTO_IPV6 ? 0 : -1;
}

/* Is this a tunnel that packets of the session are in? */
static __always_inline int is_tunnel_of(const struct quoted_tunnel *tunnel, const struct parties *parties)
{
	const __u8 forward = tunnel->gue_port ? PM_FORWARD_GUE : PM_FORWARD_IPIP;

	return parties->service && parties->backend && parties->service->forward == forward &&
	       (!tunnel->gue_port || parties->service->gue_port == tunnel->gue_port) &&
	       addr_equal(&parties->backend->address, &tunnel->backend);
}

/* The start of the packet inside, which the error for its sender quotes. */
static __always_inline int save_inner_quote(PM_CONTEXT *ctx, const struct packet *packet, __u8 *quote)
{
	__u32 offset = packet->l4_offset + ICMP_HEADER;
	const __u8 *inner;

	OPAQUE(offset);
	inner = context_data(ctx) + (offset & 0x1ff);
	__builtin_memset(quote, 0, PM_QUOTED);
	if (packet->v6) {
		if (inner + V6_INSIDE > (__u8 *)context_data_end(ctx))
			return -1;
		__builtin_memcpy(quote, inner, V6_INSIDE);
	} else {
		if (inner + V4_INSIDE > (__u8 *)context_data_end(ctx))
			return -1;
		__builtin_memcpy(quote, inner, V4_INSIDE);
	}
	return 0;
}

/* Turns the error into one that the session's client understands. */
static __always_inline int tell_client(PM_CONTEXT *ctx, struct packet *packet, __u8 *quote, __u32 fitting,
				       const struct pm_session *session)
{
	if (packet->v6 && fitting < V6_MIN_MTU)
		fitting = V6_MIN_MTU;
	if (save_inner_quote(ctx, packet, quote) ||
	    answer_headers(ctx, packet, packet->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			   ICMP_HEADER + PM_QUOTED) ||
	    write_too_big(ctx, packet, quote, fitting, 0) ||
	    address_client(ctx, packet, session) != PM_CONTINUE)
		return PM_DROP_REWRITE_FAILED;
	packet->out_flags = 0; /* at a veth's peer the kernel would go by the EtherType that was */
	return PM_FORWARD_TOO_BIG;
}

/* From here on the packet stands for the one inside: its flow, and where an error about it would have its
 * quote.
 */
static __always_inline int look_inside(PM_CONTEXT *ctx, struct packet *packet,
				       const struct quoted_tunnel *tunnel)
{
	struct quote quote = {};

	packet->l4_offset += tunnel->length;
	packet->v6 = tunnel->inner == IPPROTO_IPV6;
	if (read_quote(ctx, packet, &quote))
		return -1;
	packet->flow.source = quote.flow.destination;
	packet->flow.destination = quote.flow.source;
	packet->flow.source_port = quote.flow.destination_port;
	packet->flow.destination_port = quote.flow.source_port;
	packet->flow.protocol = quote.flow.protocol;
	packet->hash = pm_flow_hash(&packet->flow, options.hash_key);
	return 0;
}

/* An ICMP error about no flow's own packet: perhaps about one in a tunnel. */
__noinline int relay_error(PM_CONTEXT *ctx, struct packet *packet)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct quoted_tunnel tunnel = {};
	struct parties parties;

	if (!packet || !scratch)
		return PM_PASS_NOT_OURS;
	context_make_linear(ctx, packet->l4_offset + ICMP_HEADER + TUNNEL_LENGTH_MASK + LONGEST_QUOTE);
	if (read_tunnel(ctx, packet, &tunnel) || tunnel.mtu < tunnel.length + LEAST_FITTING ||
	    look_inside(ctx, packet, &tunnel) ||
	    !entry_read(entry_at(session_peek(packet->hash, &packet->flow, packet->active)), &scratch->copy))
		return PM_PASS_NOT_OURS;
	parties = parties_of(&scratch->copy.session, packet->active);
	if (scratch->copy.direction != PM_TO_BACKEND || !is_tunnel_of(&tunnel, &parties))
		return PM_PASS_NOT_OURS;
	return tell_client(ctx, packet, scratch->quote, tunnel.mtu - tunnel.length, &scratch->copy.session);
}

#endif
