/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One packet on its way through the program, and the parser that fills it in. */
#ifndef PM_PACKET_H
#define PM_PACKET_H

#include "hash.h"
#include "maps.h"
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#define TCP_FLAG_BYTE 13 /* offset of the flags in the TCP header */
#define TCP_FIN	      0x01
#define TCP_SYN	      0x02
#define TCP_RST	      0x04
#define TCP_ACK	      0x10

#define IP_MORE_FRAGMENTS  0x2000
#define IP_FRAGMENT_OFFSET 0x1fff

#define PM_L4_OFFSET_MASK 0x7f /* Ethernet and the longest IPv4 header need 74 bytes */

struct packet {
	struct pm_flow flow;
	__u64 hash;
	__u32 active;	   /* pm_control.active, read once */
	__u32 now;	   /* jiffies */
	__u32 length;	   /* of the frame */
	__u32 l4_offset;   /* from the start of the frame */
	__u32 out_ifindex; /* where a forwarded packet leaves */
	__u32 out_flags;   /* PM_OUT_* of that interface */
	__u8 tcp_flags;	   /* 0 for UDP */
	__u8 fragment;	   /* the first of several */
};

/* A session together with what its set holds of it. */
struct session_copy {
	union {
		struct pm_session;
		struct pm_session session;
	};
	__u32 last_seen;
	__u32 state;
};

/*
 * What the 512 bytes of BPF stack have no room for. Lives for one packet; both hooks run with softirqs off,
 * so nothing else on the CPU comes between.
 */
struct scratch {
	struct packet packet;
	struct session_copy copy;  /* of the packet's session, taken at one moment */
	struct session_copy draft; /* of a new flow's session, until it is stored */
	struct session_copy moved; /* of one on its way from the other half */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} pm_scratch SEC(".maps");

/* parse() and others return a verdict, or this when the packet goes on to the next step. */
#define PM_CONTINUE -1

static __always_inline int is_syn(const struct packet *packet)
{
	return (packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* The L4 header, at an offset whose bound the verifier sees (the compiler, which knows it, may not remove
 * it). */
static __always_inline void *l4_header(PM_CONTEXT *ctx, const struct packet *packet)
{
	__u32 offset = packet->l4_offset;

	OPAQUE(offset);
	return context_data(ctx) + (offset & PM_L4_OFFSET_MASK);
}

static __always_inline int parse_l4(PM_CONTEXT *ctx, struct packet *packet, __u32 l4_length)
{
	void *data_end = context_data_end(ctx);
	void *l4 = l4_header(ctx, packet);

	if (packet->flow.protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;

		if (l4_length < sizeof(*tcp) || (void *)(tcp + 1) > data_end)
			return PM_DROP_MALFORMED;
		if (tcp->doff < 5 || tcp->doff * 4u > l4_length)
			return PM_DROP_MALFORMED;
		packet->tcp_flags = ((__u8 *)tcp)[TCP_FLAG_BYTE];
		packet->flow.source_port = tcp->source;
		packet->flow.destination_port = tcp->dest;
	} else {
		struct udphdr *udp = l4;

		if (l4_length < sizeof(*udp) || (void *)(udp + 1) > data_end)
			return PM_DROP_MALFORMED;
		packet->flow.source_port = udp->source;
		packet->flow.destination_port = udp->dest;
	}
	return PM_CONTINUE;
}

/*
 * Reads Ethernet, IPv4 and the ports. What no load balancer looks at passes; a header that contradicts itself
 * or the frame's length is malformed (the host's own stack would drop it too).
 */
static __always_inline int parse(PM_CONTEXT *ctx, struct packet *packet)
{
	struct ethhdr *eth;
	struct iphdr *ip;
	__u32 ip_length, header_length;
	__u16 fragment;

	packet->length = context_length(ctx);
	context_make_linear(ctx, sizeof(*eth) + sizeof(*ip) + sizeof(struct tcphdr));
	eth = context_data(ctx);
	ip = (void *)(eth + 1);
	if ((void *)ip > context_data_end(ctx))
		return PM_PASS_NOT_IPV4;
	if (eth->h_proto != bpf_htons(ETH_P_IP) || context_has_vlan(ctx))
		return PM_PASS_NOT_IPV4;
	if ((void *)(ip + 1) > context_data_end(ctx))
		return PM_DROP_MALFORMED;

	header_length = ip->ihl * 4u;
	ip_length = bpf_ntohs(ip->tot_len);
	if (ip_length == 0 && packet->length > 0xffff) /* BIG TCP: too long for the field */
		ip_length = packet->length - sizeof(*eth);
	if (ip->version != 4 || header_length < sizeof(*ip) || ip_length < header_length ||
	    ip_length > packet->length - sizeof(*eth))
		return PM_DROP_MALFORMED;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return PM_PASS_NOT_OURS;
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & IP_FRAGMENT_OFFSET)
		return PM_PASS_FRAGMENT;

	packet->fragment = (fragment & IP_MORE_FRAGMENTS) != 0;
	packet->l4_offset = sizeof(*eth) + header_length;
	packet->flow.protocol = ip->protocol;
	packet->flow.source.word[2] = PM_V4_MAPPED;
	packet->flow.source.word[3] = ip->saddr;
	packet->flow.destination.word[2] = PM_V4_MAPPED;
	packet->flow.destination.word[3] = ip->daddr;
	if (header_length > sizeof(*ip))
		context_make_linear(ctx, packet->l4_offset + sizeof(struct tcphdr));
	return parse_l4(ctx, packet, ip_length - header_length);
}

#endif
