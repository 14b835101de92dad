/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* abi.h: what is remembered of flows. Written by the programs, and by the daemon when it carries sessions
 * over. */
#ifndef PM_ABI_SESSIONS_H
#define PM_ABI_SESSIONS_H

#include "abi_types.h"

enum pm_direction {
	PM_TO_BACKEND = 0,
	PM_TO_CLIENT = 1,
};

/* Bits of pm_session_set.state. The program sets them on both sessions of a pair. */
#define PM_SESSION_ANSWERED    0x01u /* the backend answered: SYN+ACK, or any UDP packet */
#define PM_SESSION_ESTABLISHED 0x02u /* the handshake is complete, or UDP went both ways */
#define PM_SESSION_FIN_CLIENT  0x04u
#define PM_SESSION_FIN_BACKEND 0x08u
#define PM_SESSION_CLOSED      0x10u /* RST, or FIN both ways */
#define PM_SESSION_CUT	       0x20u /* the client was told that its backend is gone */
#define PM_SESSION_MIDSTREAM   0x40u /* began without a SYN: a RST says nothing about the backend */
#define PM_SESSION_PROGRESS    0xffu /* all of these */

/* Two bits more: to how many further backends the flow went, since those before did not take it. */
#define PM_SESSION_CHANCE_SHIFT 8
#define PM_SESSION_CHANCES	0x300u

/* Of a reply's session whose flow went to another backend: what still comes by it comes too late. */
#define PM_NO_INCARNATION 0u

/* The upper half of the state of a TCP flow under NAT: the client's clock, see client_clock.h. 0: unknown. */
#define PM_SESSION_CLOCK_SHIFT 16

#define PM_SEEN_TICKS 64 /* power of two: last_seen is written so seldom, to leave the cache line clean */

#define PM_TAG_EMPTY   0u /* no session */
#define PM_TAG_CLAIMED 1u /* being written: treat as a miss, do not evict */

/*
 * One direction of a flow. A full NAT flow has two with the same contents, found by what their packets look
 * like: client -> service and backend -> NAT address. What changes while it lives is in its set.
 */
struct pm_session {
	struct pm_addr client;
	__be16 client_port;
	__be16 service_port;
	__be16 nat_port;
	__u16 nat_address; /* index in pm_nat_addresses */
	__u16 backend;	   /* index in pm_backends */
	__u16 opened_high; /* of opened_low: 48 bits hold 9 years */
	__u32 incarnation; /* of that backend when the session was made */
	__u16 service;	   /* index in pm_services */
	__u16 link;	   /* slot in pm_links: where the client's packets come from; may change */
	__u8 protocol;
	__u8 direction;	    /* enum pm_direction */
	__u8 client_mac[6]; /* who sends the client's packets to us; may change */
	__u32 opened_low;   /* when the flow began: CLOCK_MONOTONIC in units of 1024 ns */
};
PM_STATIC_ASSERT(sizeof(struct pm_session) == 48, "a set is four cache lines");

/*
 * Map pm_sessions. All that a search for a flow or for a place looks at stands in the first cache line: a
 * miss costs one line of each candidate set.
 */
struct pm_session_set {
	__u32 tag[PM_SESSION_WAYS];	  /* low half of the hash, written last; PM_TAG_* */
	__u32 hash_high[PM_SESSION_WAYS]; /* high half of the hash: chooses the sets */
	__u32 last_seen[PM_SESSION_WAYS]; /* jiffies, low 32 bits; late by PM_SEEN_TICKS at most */
	__u32 state[PM_SESSION_WAYS];	  /* PM_SESSION_* */
	struct pm_session way[PM_SESSION_WAYS];
};
PM_STATIC_ASSERT(offsetof(struct pm_session_set, way) == 64, "what is searched is a cache line");
PM_STATIC_ASSERT(sizeof(struct pm_session_set) == 256, "a set is four cache lines");

/*
 * Map pm_syns: the SYN that a client sent last, at the place that its flow's hash says, for the case that the
 * backend refuses it. Written and read by the programs; a later flow's takes the place at once.
 */
struct pm_syn {
	__u64 hash;	     /* of the flow, written last; 0: none, 1: being written */
	__be32 sequence;     /* the TCP header's words that NAT leaves alone */
	__be32 offset_flags; /* data offset, flags, window */
	__be32 ip;	     /* the IP header's first word: IPv4 type of service, IPv6 class and flow label */
	__u8 ttl;	     /* as it came */
	__u8 is_whole;	     /* no data came with it, which would not be here */
	__u8 reserved[2];
	__be32 option[10];
};
PM_STATIC_ASSERT(sizeof(struct pm_syn) == 64, "a SYN is a cache line");

/*
 * Map pm_port_hints: who opened the last flow of a NAT port, 0 for nobody known. The client's clock in the
 * upper half, as in a session's state, and below it 16 bits of a hash of the client's address. Where a port
 * has its place: port_hint.h. Written and read by the programs.
 */
struct pm_port_hints {
	__u32 hint[16];
};
PM_STATIC_ASSERT(sizeof(struct pm_port_hints) == 64, "16 ports in a row share a cache line");

/*
 * Key of map pm_fragments, whose values are struct pm_session: a later fragment has no ports, and follows the
 * first one of its packet, or the last fragmented packet of its hosts.
 */
struct pm_fragment_key {
	struct pm_addr source;
	struct pm_addr destination;
	__u32 identification; /* network order */
	__u8 protocol;
	__u8 any; /* 1: of the last fragmented packet; identification is 0 */
	__u8 reserved[2];
};
PM_STATIC_ASSERT(sizeof(struct pm_fragment_key) == 40, "pm_fragment_key has no holes");

#endif
