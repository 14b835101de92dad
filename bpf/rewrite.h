/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Changing a packet in place: MAC addresses, hop count, and for NAT addresses and ports. */
#ifndef PM_REWRITE_H
#define PM_REWRITE_H

#include "packet.h"

static __always_inline void rewrite_ethernet(struct ethhdr *eth, const __u8 *destination, const __u8 *source)
{
	mac_copy(eth->h_dest, destination);
	mac_copy(eth->h_source, source);
}

/* Writes the EtherType of an IP packet of this family. */
static __always_inline int write_ethertype(PM_CONTEXT *ctx, const struct packet *packet, int v6)
{
	__u32 offset = packet->l3_offset - sizeof(__be16);
	__be16 *type;

	OPAQUE(offset);
	type = context_data(ctx) + (offset & PM_L3_OFFSET_MASK);
	if ((void *)(type + 1) > context_data_end(ctx))
		return -1;
	*type = bpf_htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
	return 0;
}

/* Takes one hop off, as a router does: so a loop of balancers ends. PM_CONTINUE, or why the packet ends here.
 */
static __always_inline int rewrite_ttl(PM_CONTEXT *ctx, const struct packet *packet)
{
	if (packet->v6) {
		struct ipv6hdr *ip = l3_header(ctx, packet);

		if ((void *)(ip + 1) > context_data_end(ctx))
			return PM_DROP_REWRITE_FAILED;
		if (ip->hop_limit <= 1)
			return PM_DROP_TTL;
		ip->hop_limit--;
		context_add_to_sum(ctx, checksum_replace(0, bpf_htons(1), 0));
	} else {
		struct iphdr *ip = l3_header(ctx, packet);
		__u32 check;

		if ((void *)(ip + 1) > context_data_end(ctx))
			return PM_DROP_REWRITE_FAILED;
		if (ip->ttl <= 1)
			return PM_DROP_TTL;
		ip->ttl--;
		check = ip->check + bpf_htons(0x100);
		ip->check = check + (check >= 0xffff); /* RFC 1141, without minus zero */
	}
	return PM_CONTINUE;
}

/* One end of a rewritten flow. */
struct endpoint {
	const struct pm_addr *address;
	__be16 port;
};

/* The difference to a checksum when one address takes the place of another. */
static __always_inline __u64 address_difference(__u64 difference, const struct pm_addr *from,
						const struct pm_addr *to, int v6)
{
	difference = checksum_replace(difference, from->word[3], to->word[3]);
	if (v6) {
		difference = checksum_replace(difference, from->word[2], to->word[2]);
		difference = checksum_replace(difference, from->word[1], to->word[1]);
		difference = checksum_replace(difference, from->word[0], to->word[0]);
	}
	return difference;
}

/* Writes new addresses into an IP header whose old ones differ by `difference`. */
static __always_inline int rewrite_addresses(void *header, void *data_end, int v6,
					     const struct pm_addr *source, const struct pm_addr *destination,
					     __u64 difference)
{
	struct iphdr *ip = header;
	struct ipv6hdr *ip6 = header;

	if (v6) {
		if ((void *)(ip6 + 1) > data_end)
			return -1;
		octets_copy(&ip6->saddr, source, sizeof(*source));
		octets_copy(&ip6->daddr, destination, sizeof(*destination));
		return 0;
	}
	if ((void *)(ip + 1) > data_end)
		return -1;
	ip->saddr = source->word[3];
	ip->daddr = destination->word[3];
	ip->check = checksum_apply(ip->check, difference);
	return 0;
}

/* Where the checksum of a TCP or UDP packet is, from its L4 header on. */
static __always_inline __u32 l4_checksum_offset(const struct packet *packet)
{
	return packet->flow.protocol == IPPROTO_UDP ? offsetof(struct udphdr, check)
						    : offsetof(struct tcphdr, check);
}

/* What NAT adds to checksums: the same for all packets of a flow. */
struct nat_sums {
	__u64 pseudo; /* by the addresses */
	__u64 header; /* by the ports */
};

static __always_inline struct nat_sums nat_sums_of(const struct packet *packet, struct endpoint source,
						   struct endpoint destination)
{
	const struct pm_flow *from = &packet->flow;
	struct nat_sums sums;

	sums.pseudo = address_difference(0, &from->source, source.address, packet->v6);
	sums.pseudo = address_difference(sums.pseudo, &from->destination, destination.address, packet->v6);
	sums.header = checksum_replace(0, from->source_port, source.port);
	sums.header = checksum_replace(sums.header, from->destination_port, destination.port);
	return sums;
}

/* 0, or negative when the packet is shorter than it was parsed. */
static __always_inline int rewrite_nat_by(PM_CONTEXT *ctx, const struct packet *packet,
					  struct endpoint source, struct endpoint destination,
					  struct nat_sums sums)
{
	__be16 *ports;

	if (rewrite_addresses(l3_header(ctx, packet), context_data_end(ctx), packet->v6, source.address,
			      destination.address, sums.pseudo))
		return -1;
	if (packet->v6)
		context_add_to_sum(ctx, sums.pseudo);
	if (packet->fragment == LATER_FRAGMENT)
		return 0;
	ports = l4_header(ctx, packet);
	if ((void *)(ports + 2) > context_data_end(ctx))
		return -1;
	ports[0] = source.port;
	ports[1] = destination.port;
	return context_adjust_l4_checksum(ctx, packet->l4_offset + l4_checksum_offset(packet), sums.pseudo,
					  sums.header, packet->flow.protocol == IPPROTO_UDP);
}

/* Full NAT. 0, or negative when the packet is shorter than it was parsed. */
static __always_inline int rewrite_nat(PM_CONTEXT *ctx, const struct packet *packet, struct endpoint source,
				       struct endpoint destination)
{
	return rewrite_nat_by(ctx, packet, source, destination, nat_sums_of(packet, source, destination));
}

#endif
