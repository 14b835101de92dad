/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Changing a packet: addresses, ports and MACs for NAT, or all of it into a RST. */
#ifndef PM_REWRITE_H
#define PM_REWRITE_H

#include "packet.h"

static __always_inline void rewrite_ethernet(struct ethhdr *eth, const __u8 *destination, const __u8 *source)
{
	__builtin_memcpy(eth->h_dest, destination, ETH_ALEN);
	__builtin_memcpy(eth->h_source, source, ETH_ALEN);
}

/* One end of a rewritten flow. */
struct endpoint {
	const struct pm_addr *address;
	__be16 port;
};

/* Full NAT of an IPv4 packet. 0, or negative when the packet is shorter than it was parsed. */
static __always_inline int rewrite_ipv4(PM_CONTEXT *ctx, const struct packet *packet, struct endpoint source,
					struct endpoint destination)
{
	const struct pm_flow *from = &packet->flow;
	const __be32 saddr = source.address->word[3];
	const __be32 daddr = destination.address->word[3];
	struct iphdr *ip = context_data(ctx) + sizeof(struct ethhdr);
	__be16 *ports = l4_header(ctx, packet);
	const int udp = from->protocol == IPPROTO_UDP;
	__u32 pseudo, header;

	if ((void *)(ip + 1) > context_data_end(ctx) || (void *)(ports + 2) > context_data_end(ctx))
		return -1;
	pseudo = checksum_replace(0, from->source.word[3], saddr);
	pseudo = checksum_replace(pseudo, from->destination.word[3], daddr);
	header = checksum_replace(0, from->source_port, source.port);
	header = checksum_replace(header, from->destination_port, destination.port);
	ip->saddr = saddr;
	ip->daddr = daddr;
	ip->check = checksum_apply(ip->check, pseudo);
	ports[0] = source.port;
	ports[1] = destination.port;
	return context_adjust_l4_checksum(
		ctx,
		packet->l4_offset + (udp ? offsetof(struct udphdr, check) : offsetof(struct tcphdr, check)),
		pseudo, header, udp);
}

static __always_inline __u32 sum_words(const void *start, int words)
{
	const __u16 *word = start;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += i < words ? word[i] : 0;
	return sum;
}

/*
 * Turns a TCP packet into the RST that answers it (RFC 9293 §3.5.2) and sends it back where it came from. A
 * packet with ACK gets a RST with the sequence number that its sender expects, which RFC 5961 demands to the
 * byte.
 */
static __always_inline int rewrite_reset(PM_CONTEXT *ctx, struct packet *packet)
{
	const __u32 frame_length = sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct tcphdr);
	const __u32 checksum_offset =
		sizeof(struct ethhdr) + sizeof(struct iphdr) + offsetof(struct tcphdr, check);
	struct ethhdr *eth = context_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = l4_header(ctx, packet);
	struct ethhdr old_eth;
	__u32 seq, ack, segment, pseudo;
	__be32 saddr, daddr;

	if ((void *)(tcp + 1) > context_data_end(ctx) || (void *)(ip + 1) > context_data_end(ctx))
		return -1;
	old_eth = *eth;
	saddr = ip->daddr;
	daddr = ip->saddr;
	segment = bpf_ntohs(ip->tot_len) - ip->ihl * 4u - tcp->doff * 4u;
	segment += !!(packet->tcp_flags & TCP_SYN) + !!(packet->tcp_flags & TCP_FIN);
	seq = packet->tcp_flags & TCP_ACK ? tcp->ack_seq : 0;
	ack = packet->tcp_flags & TCP_ACK ? 0 : bpf_htonl(bpf_ntohl(tcp->seq) + segment);

	if (context_trim(ctx, frame_length))
		return -1;
	context_make_linear(ctx, frame_length);
	eth = context_data(ctx);
	ip = (void *)(eth + 1);
	tcp = (void *)(ip + 1);
	if ((void *)(tcp + 1) > context_data_end(ctx))
		return -1;
	rewrite_ethernet(eth, old_eth.h_source, old_eth.h_dest);
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp));
	ip->frag_off = bpf_htons(0x4000); /* don't fragment */
	ip->ttl = 64;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = saddr;
	ip->daddr = daddr;
	ip->check = ~checksum_fold(sum_words(ip, 10));
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = packet->flow.destination_port;
	tcp->dest = packet->flow.source_port;
	tcp->seq = seq;
	tcp->ack_seq = ack;
	tcp->doff = 5;
	tcp->rst = 1;
	tcp->ack = !(packet->tcp_flags & TCP_ACK);
	pseudo = sum_words(&ip->saddr, 4) + bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(*tcp));
	packet->out_ifindex = context_ifindex(ctx);
	return context_set_l4_checksum(ctx, checksum_offset, pseudo, sum_words(tcp, 10));
}

#endif
