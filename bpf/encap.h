/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Tunnels to backends: IP in IP (RFC 2003, RFC 2473), or GUE, in IPv4 or IPv6 as the backend's address is. */
#ifndef PM_ENCAP_H
#define PM_ENCAP_H

#include "answer.h"
#include "service.h"

/* draft-ietf-intarea-gue-09 section 3.1, version 0 without flags and fields */
struct gue_header {
	__u8 length; /* version 0, no control message, no optional fields */
	__u8 protocol;
	__be16 flags;
};

static __always_inline struct tunnel tunnel_of(const struct packet *packet, const struct pm_service *service,
					       const struct pm_backend *backend)
{
	struct tunnel tunnel = {.l3_offset = packet->l3_offset, .v6 = !pm_addr_is_v4(&backend->address)};

	tunnel.gue = service->forward == PM_FORWARD_GUE;
	tunnel.length = tunnel.v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	if (tunnel.gue)
		tunnel.length += sizeof(struct udphdr) + sizeof(struct gue_header);
	return tunnel;
}

/* The flow's own source port, so that receivers spread flows over their queues. */
static __always_inline int write_gue(PM_CONTEXT *ctx, struct udphdr *udp, const struct packet *packet,
				     __be16 port)
{
	struct gue_header *gue = (void *)(udp + 1);

	if ((void *)(gue + 1) > context_data_end(ctx))
		return -1;
	udp->source = bpf_htons(0xc000 | (packet->hash & 0x3fff));
	udp->dest = port;
	udp->len = bpf_htons(sizeof(*udp) + sizeof(*gue) + packet->l3_length);
	udp->check = 0; /* the inner packet has its own; RFC 6935 allows it in IPv6 too */
	gue->length = 0;
	gue->protocol = packet->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	gue->flags = 0;
	context_add_to_sum(ctx, sum_words(udp, (sizeof(*udp) + sizeof(*gue)) / 2));
	return 0;
}

static __always_inline int write_outer(PM_CONTEXT *ctx, void *header, const struct packet *packet,
				       const struct tunnel *tunnel, const struct pm_addr *source,
				       const struct pm_backend *backend)
{
	const __u8 inner = packet->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	const __u8 protocol = tunnel->gue ? IPPROTO_UDP : inner;
	const __u32 outer = tunnel->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	const __u16 length = tunnel->length - outer + packet->l3_length;
	struct iphdr *ip = header;
	struct ipv6hdr *ip6 = header;

	if (!tunnel->v6) {
		if ((void *)(ip + 1) > context_data_end(ctx))
			return -1;
		write_ipv4(ip, source, &backend->address, protocol, length, tunnel->traffic_class);
		return 0;
	}
	if ((void *)(ip6 + 1) > context_data_end(ctx))
		return -1;
	write_ipv6(ip6, source, &backend->address, protocol, length, tunnel->traffic_class);
	ip6->flow_lbl[0] |= packet->hash >> 48 & 0xf;
	ip6->flow_lbl[1] = packet->hash >> 40;
	ip6->flow_lbl[2] = packet->hash >> 32;
	context_add_to_sum(ctx, sum_words(ip6, sizeof(*ip6) / 2));
	return 0;
}

/*
 * DSCP and ECN of the packet. The outer header has the same: queues between here and the backend treat it
 * alike, and what they mark as congestion comes out at the end (RFC 6040 section 4.1, normal mode). Negative
 * when the packet is shorter than it was parsed.
 */
static __always_inline int traffic_class(PM_CONTEXT *ctx, const struct packet *packet)
{
	const struct iphdr *ip = l3_header(ctx, packet);
	const __be16 *start = (void *)ip;

	if ((void *)(ip + 1) > context_data_end(ctx))
		return -1;
	return packet->v6 ? bpf_ntohs(*start) >> 4 & 0xff : ip->tos;
}

/*
 * The outer source address: one of those towards the backend, by the flow, and its last bits likewise, so
 * that receivers that look at nothing else spread flows over their queues. NULL when there is none.
 */
static __always_inline const struct pm_addr *tunnel_source(const struct packet *packet,
							   const struct pm_backend *backend)
{
	const __u32 count = backend->nat_count ? backend->nat_count : 1;
	const __u32 flow = packet->hash >> 32;
	const struct pm_addr *base = nat_address_at(packet->active, backend->nat_first + flow % count);
	struct scratch *scratch;

	if (!base || !backend->source_bits)
		return base;
	scratch = array_at(&pm_scratch, 0);
	if (!scratch)
		return NULL;
	scratch->tunnel_source = *base;
	scratch->tunnel_source.word[3] |= bpf_htonl(flow & (~0u >> ((32 - backend->source_bits) & 0x1f)));
	return &scratch->tunnel_source;
}

/* Writes the MAC addresses, and the EtherType if the outer packet is of the other family. */
static __always_inline int write_ethernet(PM_CONTEXT *ctx, const struct packet *packet,
					  const struct tunnel *tunnel, const struct pm_backend *backend)
{
	struct ethhdr *eth = context_data(ctx);

	if ((void *)(eth + 1) > context_data_end(ctx))
		return -1;
	rewrite_ethernet(eth, backend->next_hop, backend->source);
	return write_ethertype(ctx, packet, tunnel->v6);
}

/* Puts the packet into a tunnel to the backend. */
static __always_inline int encapsulate(PM_CONTEXT *ctx, struct packet *packet,
				       const struct pm_service *service, const struct pm_backend *backend)
{
	const struct pm_addr *source = tunnel_source(packet, backend);
	struct tunnel tunnel = tunnel_of(packet, service, backend);
	const int class = traffic_class(ctx, packet);
	void *ip;

	tunnel.traffic_class = class;
	if (!source || class < 0 || context_encapsulate(ctx, &tunnel))
		return PM_DROP_REWRITE_FAILED;
	packet->l3_offset = tunnel.l3_offset;
	if (write_ethernet(ctx, packet, &tunnel, backend))
		return PM_DROP_REWRITE_FAILED;
	ip = l3_header(ctx, packet);
	if (write_outer(ctx, ip, packet, &tunnel, source, backend))
		return PM_DROP_REWRITE_FAILED;
	ip += tunnel.v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	if ((tunnel.gue && write_gue(ctx, ip, packet, service->gue_port)) ||
	    context_finish_tunnel(ctx, &tunnel))
		return PM_DROP_REWRITE_FAILED;
	return PM_FORWARD_TO_BACKEND;
}

#endif
