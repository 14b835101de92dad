/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One packet on its way through the program, and where its headers are. */
#ifndef PM_PACKET_H
#define PM_PACKET_H

#include "hash.h"
#include "maps.h"
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#define TCP_FLAG_BYTE 13 /* offset of the flags in the TCP header */
#define TCP_FIN	      0x01
#define TCP_SYN	      0x02
#define TCP_RST	      0x04
#define TCP_ACK	      0x10

#define TCP_OPTION_END 0
#define TCP_OPTION_NOP 1

/* Offsets are bounded so that the verifier sees it. */
#define PM_L3_OFFSET_MASK 0x1f /* Ethernet and two VLAN tags: 22 */
#define PM_L4_OFFSET_MASK 0xff
#define PM_L4_OFFSET_MAX  0xc0 /* IPv6 with more extension headers than this is passed */

#define PM_QUOTED 68 /* octets that our ICMP errors quote: the longest IPv4 header and the ports */

enum pm_fragment {
	WHOLE = 0,
	FIRST_FRAGMENT = 1,
	LATER_FRAGMENT = 2, /* has no L4 header */
};

struct packet {
	struct pm_flow flow;
	__u64 hash;	   /* of the flow */
	__u32 active;	   /* pm_control.active, read once */
	__u32 now;	   /* jiffies */
	__u32 link;	   /* slot in pm_links of the interface it came by, PM_LINK_SLOTS for none */
	__u32 length;	   /* of the frame */
	__u32 l3_offset;   /* from the start of the frame */
	__u32 l4_offset;   /* likewise; of a later fragment, where its payload begins */
	__u32 l3_length;   /* of the IP packet, its header included */
	__u32 out_ifindex; /* where a forwarded packet leaves */
	__u32 out_flags;   /* PM_OUT_* of that interface */
	__u32 fragment_id; /* network order */
	__u32 unchanged;   /* place_t of its session, if it left that as it was; else 0 */
	__u8 fragment;	   /* enum pm_fragment */
	__u8 tcp_flags;	   /* 0 but for TCP */
	__u8 icmp_type;
	__u8 v6;
	__u8 l4_type;	       /* protocol number of what follows the IP headers */
	__u8 l4_header_length; /* of TCP, with its options, and UDP */
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
	struct session_copy copy;     /* of the packet's session, taken at one moment */
	struct session_copy draft;    /* of a new flow's session, until it is stored */
	struct session_copy found;    /* of the last one that was searched for */
	struct session_copy moved;    /* of one on its way from the other half */
	struct pm_session displaced;  /* of the flow that had a new flow's NAT port */
	struct pm_session followed;   /* of a first fragment, for its map: before 6.2 only maps fill maps */
	struct pm_flow partner;	      /* what the other session of a pair is found by */
	struct pm_flow reply;	      /* likewise, of a draft: nat_aim() */
	__u64 reply_hash;	      /* of that */
	__u32 ahead_service;	      /* of a SYN's draft, made before its session was looked up; 0: none */
	__u32 ahead_attempt;	      /* which NAT port that draft has: nat_choose() */
	struct pm_syn syn;	      /* one that a backend refused */
	__be32 tcp[15];		      /* a TCP header with its options, until it is in the packet */
	__u32 retry_place;	      /* place_t: the client's session of a flow that is tried elsewhere */
	__u32 retry_choice;	      /* and where: open_session() */
	struct pm_addr tunnel_source; /* of an outer header, if it is the flow's own */
	__u8 quote[PM_QUOTED];	      /* start of a packet that an ICMP error quotes */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} pm_scratch SEC(".maps");

/* parse() and others return a verdict, or this when the packet goes on to the next step. */
#define PM_CONTINUE	  -1
#define PM_CONTINUE_ASIDE -2 /* likewise, of a packet without ports: ICMP, or a later fragment */

static __always_inline int is_syn(const struct packet *packet)
{
	return (packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static __always_inline int is_icmp(const struct packet *packet)
{
	return packet->flow.protocol == IPPROTO_ICMP || packet->flow.protocol == IPPROTO_ICMPV6;
}

/* The compiler, which knows the offsets, may not remove the masks. */
static __always_inline void *l3_header(PM_CONTEXT *ctx, const struct packet *packet)
{
	__u32 offset = packet->l3_offset;

	OPAQUE(offset);
	return context_data(ctx) + (offset & PM_L3_OFFSET_MASK);
}

static __always_inline void *l4_header(PM_CONTEXT *ctx, const struct packet *packet)
{
	__u32 offset = packet->l4_offset;

	OPAQUE(offset);
	return context_data(ctx) + (offset & PM_L4_OFFSET_MASK);
}

/*
 * Eight octets of anything. The compiler takes no more than four at a time from what is made of 32-bit words;
 * but sessions and addresses begin at multiples of 8 in maps and on the stack, and in packets it is all the
 * same to the processor.
 */
typedef __u64 __attribute__((may_alias)) octets_t;

static __always_inline int addr_equal(const struct pm_addr *a, const struct pm_addr *b)
{
	const octets_t *x = (const void *)a, *y = (const void *)b;

	return x[1] == y[1] && x[0] == y[0];
}

/* Copies a whole number of octets_t. */
static __always_inline void octets_copy(void *to, const void *from, __u32 size)
{
#pragma unroll
	for (__u32 i = 0; i < size / sizeof(octets_t); i++)
		((octets_t *)to)[i] = ((const octets_t *)from)[i];
}

static __always_inline void addr_from_v4(struct pm_addr *address, __be32 v4)
{
	((octets_t *)address)[0] = 0;
	((octets_t *)address)[1] = PM_V4_HALF(v4); /* one store, or addr_equal() would wait for two */
}

static __always_inline void addr_from_v6(struct pm_addr *address, const struct in6_addr *v6)
{
	octets_copy(address, v6, sizeof(*address));
}

static __always_inline int mac_equal(const __u8 *a, const __u8 *b)
{
	return *(const __u32 *)a == *(const __u32 *)b && *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}

/* All MAC addresses of the maps and of frames begin at even offsets. */
static __always_inline void mac_copy(__u8 *to, const __u8 *from)
{
	*(__u32 *)to = *(const __u32 *)from;
	*(__u16 *)(to + 4) = *(const __u16 *)(from + 4);
}

/* Addresses that no client has: this host, nobody, everybody, many; or the service's own (the land attack).
 */
static __always_inline int is_bad_source(const struct packet *packet)
{
	const struct pm_addr *source = &packet->flow.source;
	const __u32 first = bpf_ntohl(source->word[packet->v6 ? 0 : 3]) >> 24;

	if (addr_equal(source, &packet->flow.destination))
		return 1;
	if (!packet->v6)
		return first == 0 || first == 127 || first >= 224;
	return first == 0xff ||
	       (!source->word[0] && !source->word[1] && !source->word[2] && bpf_ntohl(source->word[3]) <= 1);
}

/* An interface that packets come by, and its slot in pm_links: PM_LINK_SLOTS when it has none. */
static __always_inline struct pm_link *link_find(__u32 active, __u32 ifindex, __u32 *slot)
{
#pragma nounroll
	for (__u32 i = 0; i < PM_LINK_PROBES; i++) {
		struct pm_link *link;

		*slot = (ifindex + i) & (PM_LINK_SLOTS - 1);
		link = link_at(active, *slot);
		if (link && link->ifindex == ifindex)
			return link;
	}
	*slot = PM_LINK_SLOTS;
	return NULL;
}

#endif
