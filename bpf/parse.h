/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Reads Ethernet, VLAN tags, IP and the ports. What no load balancer looks at passes; a header that
 * contradicts itself or the frame's length is malformed (the host's own stack would drop it too).
 */
#ifndef PM_PARSE_H
#define PM_PARSE_H

#include "packet.h"

#define VLAN_TAGS	   2 /* 802.1Q, and 802.1ad around it */
#define IP_MORE_FRAGMENTS  0x2000
#define IP_FRAGMENT_OFFSET 0x1fff
#define IPV6_EXTENSIONS	   6 /* more of them in a row are passed */

struct vlan_tag {
	__be16 tci;
	__be16 encapsulated;
};

/* RFC 8200 section 4.5 */
struct fragment_header {
	__u8 next;
	__u8 reserved;
	__be16 offset; /* in units of 8 octets, times 8; lowest bit: more follow */
	__be32 identification;
};

static __always_inline int is_vlan(__be16 protocol)
{
	return unlikely(protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD));
}

/* Passes the tags by. Returns the EtherType behind them; 0 when the frame is too short for its tags. */
static __always_inline __be16 parse_vlan(PM_CONTEXT *ctx, struct packet *packet, __be16 protocol)
{
#pragma unroll
	for (int i = 0; i < VLAN_TAGS; i++) {
		struct vlan_tag *tag =
			context_data(ctx) + sizeof(struct ethhdr) + i * sizeof(struct vlan_tag);

		if (!is_vlan(protocol))
			return protocol;
		if ((void *)(tag + 1) > context_data_end(ctx))
			return 0;
		protocol = tag->encapsulated;
		packet->l3_offset += sizeof(*tag);
	}
	return protocol;
}

static __always_inline int parse_tcp(const struct tcphdr *tcp, void *data_end, struct packet *packet,
				     __u32 l4_length)
{
	if ((void *)(tcp + 1) > data_end || tcp->doff < 5 || l4_length < sizeof(*tcp) ||
	    (tcp->doff * 4u > l4_length && !packet->fragment))
		return PM_DROP_MALFORMED;
	packet->tcp_flags = ((__u8 *)tcp)[TCP_FLAG_BYTE];
	packet->l4_header_length = tcp->doff * 4;
	packet->flow.source_port = tcp->source;
	packet->flow.destination_port = tcp->dest;
	return PM_CONTINUE;
}

static __always_inline int parse_udp(const struct udphdr *udp, void *data_end, struct packet *packet,
				     __u32 l4_length)
{
	if (l4_length < sizeof(*udp) || (void *)(udp + 1) > data_end)
		return PM_DROP_MALFORMED;
	packet->l4_header_length = sizeof(*udp);
	packet->flow.source_port = udp->source;
	packet->flow.destination_port = udp->dest;
	return PM_CONTINUE;
}

static __always_inline int parse_icmp(const __u8 *icmp, void *data_end, struct packet *packet,
				      __u32 l4_length)
{
	if (l4_length < 8 || (void *)(icmp + 8) > data_end)
		return PM_DROP_MALFORMED;
	packet->icmp_type = icmp[0];
	return PM_CONTINUE_ASIDE;
}

static __always_inline int parse_l4(PM_CONTEXT *ctx, struct packet *packet, __u32 l4_length)
{
	void *data_end = context_data_end(ctx);
	void *l4 = l4_header(ctx, packet);

	packet->flow.protocol = packet->l4_type; /* what is reserved in it nobody ever writes */
	if (unlikely(packet->fragment == LATER_FRAGMENT))
		return PM_CONTINUE_ASIDE;
	if (likely(packet->l4_type == IPPROTO_TCP))
		return parse_tcp(l4, data_end, packet, l4_length);
	switch (packet->l4_type) {
	case IPPROTO_UDP:
		return parse_udp(l4, data_end, packet, l4_length);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return parse_icmp(l4, data_end, packet, l4_length);
	default:
		return PM_PASS_NOT_OURS;
	}
}

static __always_inline int parse_ipv4(PM_CONTEXT *ctx, struct packet *packet)
{
	struct iphdr *ip = l3_header(ctx, packet);
	const __u32 room = packet->length - packet->l3_offset;
	__u32 header_length;
	__u16 fragment;
	__u8 first;

	if ((void *)(ip + 1) > context_data_end(ctx))
		return PM_DROP_MALFORMED;
	first = *(const __u8 *)ip; /* version and header length at once: 0x45 to 0x4f */
	header_length = (first & 0xf) * 4u;
	packet->l3_length = bpf_ntohs(ip->tot_len);
	if (unlikely(packet->l3_length == 0 && packet->length > 0xffff)) /* BIG TCP: too long for the field */
		packet->l3_length = room;
	if ((__u8)(first - 0x45) > 0x4f - 0x45 || packet->l3_length < header_length ||
	    packet->l3_length > room)
		return PM_DROP_MALFORMED;
	fragment = bpf_ntohs(ip->frag_off);
	if (unlikely(fragment & (IP_FRAGMENT_OFFSET | IP_MORE_FRAGMENTS))) {
		packet->fragment = fragment & IP_FRAGMENT_OFFSET ? LATER_FRAGMENT : FIRST_FRAGMENT;
		packet->fragment_id = ip->id;
	}
	packet->l4_offset = packet->l3_offset + header_length;
	packet->l4_type = ip->protocol;
	addr_from_v4(&packet->flow.source, ip->saddr);
	addr_from_v4(&packet->flow.destination, ip->daddr);
	if (header_length > sizeof(*ip))
		context_make_linear(ctx, packet->l4_offset + sizeof(struct tcphdr));
	return parse_l4(ctx, packet, packet->l3_length - header_length);
}

static __always_inline int is_l4(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_ICMPV6;
}

/*
 * One extension header at packet->l4_offset. Returns PM_CONTINUE after moving on to what follows; or the
 * packet is not for a load balancer: a route that goes on elsewhere, encryption, an end of the chain.
 */
static __always_inline int parse_extension(PM_CONTEXT *ctx, struct packet *packet)
{
	__u8 *header = l4_header(ctx, packet);
	struct fragment_header *fragment = (void *)header;

	if (packet->l4_offset > PM_L4_OFFSET_MAX)
		return PM_PASS_HEADERS;
	if ((void *)(header + 8) > context_data_end(ctx))
		return PM_DROP_MALFORMED;
	switch (packet->l4_type) {
	case IPPROTO_ROUTING:
		if (header[3] != 0) /* segments left */
			return PM_PASS_HEADERS;
		/* fall through */
	case IPPROTO_HOPOPTS:
	case IPPROTO_DSTOPTS:
		packet->l4_offset += (header[1] + 1u) * 8;
		break;
	case IPPROTO_AH:
		packet->l4_offset += (header[1] + 2u) * 4;
		break;
	case IPPROTO_FRAGMENT:
		packet->l4_offset += sizeof(*fragment);
		packet->fragment_id = fragment->identification;
		if (fragment->offset & bpf_htons(0xfff8))
			packet->fragment = LATER_FRAGMENT;
		else if (fragment->offset & bpf_htons(1))
			packet->fragment = FIRST_FRAGMENT;
		break;
	default:
		return PM_PASS_NOT_OURS;
	}
	packet->l4_type = header[0];
	return PM_CONTINUE;
}

/* Walks the extension headers. Returns PM_CONTINUE at an L4 header or a later fragment's payload. */
__noinline int parse_extensions(PM_CONTEXT *ctx, struct packet *packet)
{
	int verdict;

	if (!packet)
		return PM_DROP_MALFORMED;
	context_make_linear(ctx, packet->length < PM_L4_OFFSET_MASK ? packet->length : PM_L4_OFFSET_MASK);
	for (int i = 0; i < IPV6_EXTENSIONS; i++) {
		if (is_l4(packet->l4_type) || packet->fragment == LATER_FRAGMENT)
			break;
		verdict = parse_extension(ctx, packet);
		if (verdict != PM_CONTINUE)
			return verdict;
	}
	if (packet->l4_offset > PM_L4_OFFSET_MAX)
		return PM_PASS_HEADERS;
	return is_l4(packet->l4_type) || packet->fragment == LATER_FRAGMENT ? PM_CONTINUE : PM_PASS_HEADERS;
}

static __always_inline int parse_ipv6(PM_CONTEXT *ctx, struct packet *packet)
{
	struct ipv6hdr *ip = l3_header(ctx, packet);
	const __u32 room = packet->length - packet->l3_offset;
	int verdict;

	if ((void *)(ip + 1) > context_data_end(ctx))
		return PM_DROP_MALFORMED;
	packet->v6 = 1;
	packet->l3_length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (unlikely(ip->payload_len == 0 && packet->length > 0xffff)) /* BIG TCP */
		packet->l3_length = room;
	if (ip->version != 6 || packet->l3_length > room)
		return PM_DROP_MALFORMED;
	packet->l4_offset = packet->l3_offset + sizeof(*ip);
	packet->l4_type = ip->nexthdr;
	addr_from_v6(&packet->flow.source, &ip->saddr);
	addr_from_v6(&packet->flow.destination, &ip->daddr);
	if (unlikely(!is_l4(packet->l4_type))) {
		verdict = parse_extensions(ctx, packet);
		if (verdict != PM_CONTINUE)
			return verdict;
		if (packet->l4_offset - packet->l3_offset > packet->l3_length)
			return PM_DROP_MALFORMED;
	}
	return parse_l4(ctx, packet, packet->l3_length - (packet->l4_offset - packet->l3_offset));
}

/* What follows the Ethernet header, whoever the frame is for. */
static __always_inline int parse_network(PM_CONTEXT *ctx, struct packet *packet, __be16 protocol)
{
	packet->l3_offset = sizeof(struct ethhdr);
	if (unlikely(protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6)))
		protocol = parse_vlan(ctx, packet, protocol);
	if (likely(protocol == bpf_htons(ETH_P_IP)))
		return parse_ipv4(ctx, packet);
	if (protocol == bpf_htons(ETH_P_IPV6)) {
		context_make_linear(ctx, packet->l3_offset + sizeof(struct ipv6hdr) + sizeof(struct tcphdr));
		return parse_ipv6(ctx, packet);
	}
	return protocol ? PM_PASS_NOT_IP : PM_DROP_MALFORMED;
}

static __always_inline int parse(PM_CONTEXT *ctx, struct packet *packet)
{
	struct pm_link *link = link_find(packet->active, context_ifindex(ctx), &packet->link);
	struct ethhdr *eth;

	packet->length = context_length(ctx);
	context_make_linear(ctx, LONGEST_L2 + sizeof(struct iphdr) + sizeof(struct tcphdr));
	eth = context_data(ctx);
	if ((void *)(eth + 1) > context_data_end(ctx))
		return PM_PASS_NOT_IP;
	if (!link || !mac_equal(eth->h_dest, link->mac))
		return PM_PASS_OTHER_HOST;
	return parse_network(ctx, packet, ((const __be16 *)eth)[ETH_ALEN]); /* h_proto, at once */
}

#endif
