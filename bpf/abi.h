/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The one contract between the BPF programs and the daemon: every value of every memory-mapped map.
 * Both compilers assert the sizes. Change a layout or a meaning: raise PM_ABI_VERSION.
 */
#ifndef PM_ABI_H
#define PM_ABI_H

#include <linux/types.h>
#include <stddef.h>

#ifdef __cplusplus
#define PM_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define PM_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define PM_ABI_VERSION 4

/* The word `active` of struct pm_control, read once per packet and written by one store of the daemon. */
#define PM_ACTIVE_TABLE_HALF	   0x1u /* half of services, slots, Maglev, backends, NAT addresses, links */
#define PM_ACTIVE_SESSION_HALF	   0x2u /* half of the sessions */
#define PM_ACTIVE_CARRY_OVER	   0x4u /* a session that is missing may still be in the other half */
#define PM_ACTIVE_GENERATION_SHIFT 8	/* the rest: low 24 bits of the generation number */

enum {
	PM_SESSION_WAYS = 4,  /* sessions in a set */
	PM_MAGLEV_CHUNK = 32, /* Maglev slots in one map value */
	PM_SLOT_PROBES = 16,  /* longest linear probe in the service slots */
	PM_LINK_SLOTS = 64,   /* interfaces that packets may come from or leave by */
	PM_COUNTED_LINKS = PM_LINK_SLOTS + 1,
	PM_LINK_PROBES = 8,    /* longest linear probe in the links */
	PM_NAT_ADDRESSES = 64, /* source addresses of full NAT and of tunnels; index 0 is none */
	PM_SYNS = 8192,	       /* SYNs of clients that are kept at a time, a power of two */
	PM_FRAGMENTED = 8192,  /* fragmented packets whose later fragments are followed at a time */
	PM_EVENT_RING_BYTES = 1 << 20,
};

/* Network order; IPv4 as ::ffff:a.b.c.d. */
struct pm_addr {
	__be32 word[4];
};

/* Map pm_control, one entry. Written by the daemon, read by the programs. */
struct pm_control {
	__u32 active;	   /* PM_ACTIVE_* */
	__u32 abi_version; /* PM_ABI_VERSION of who made the maps */
	__u8 reserved[56];
};
PM_STATIC_ASSERT(sizeof(struct pm_control) == 64, "pm_control is a cache line");

/* Fixed when the programs are loaded; the verifier folds them in. */
struct pm_options {
	__u64 hash_key[2];     /* from datapath.hash_seed: the same on every node */
	__u32 session_sets;    /* sets in one half of the sessions */
	__u32 service_slots;   /* slots in one half, a power of two */
	__u32 services;	       /* services in one half, index 0 unused */
	__u32 backends;	       /* backends in one half, index 0 unused */
	__u32 maglev_chunks;   /* chunks of PM_MAGLEV_CHUNK slots for one service */
	__u32 nat_port_first;  /* host order */
	__u32 nat_port_count;  /* >= 1 */
	__u32 time_wait_ticks; /* jiffies after which a backend has forgotten a closed connection */
};
PM_STATIC_ASSERT(sizeof(struct pm_options) == 48, "pm_options is packed by hand");

/* A slot with port 0 and protocol ICMP or ICMPv6 answers to ping; this says whether a backend is there for
 * it. */
#define PM_SLOT_ALIVE 0x1u

/*
 * A slot with this protocol, and UDP's as its port, names the one UDP service of its address: a fragment of a
 * datagram that has no port yet can be of no other. No such slot where there are several, or the host's own
 * stack has the address too.
 */
#define PM_SLOT_FRAGMENTS 44 /* IPPROTO_FRAGMENT */

/* Map pm_service_slots: open addressing by (address, port, protocol), linear probing over PM_SLOT_PROBES. */
struct pm_service_slot {
	struct pm_addr address;
	__be16 port;   /* one of the service's; 0: all of the address (ping) */
	__u8 protocol; /* IPPROTO_*, PM_SLOT_FRAGMENTS; 0: the slot is empty */
	__u8 flags;    /* PM_SLOT_* */
	__u16 service; /* index in pm_services */
	__u8 reserved[10];
};
PM_STATIC_ASSERT(sizeof(struct pm_service_slot) == 32, "two slots a cache line");

enum pm_on_down {
	PM_ON_DOWN_RESET = 0,
	PM_ON_DOWN_REHASH = 1,
	PM_ON_DOWN_KEEP = 2,
	PM_ON_DOWN_DROP = 3,
};

enum pm_forward {
	PM_FORWARD_NAT = 0,
	PM_FORWARD_DSR = 1,  /* only the MAC addresses change; backends have the service's address */
	PM_FORWARD_IPIP = 2, /* IPv4 or IPv6 around the packet */
	PM_FORWARD_GUE =
		3, /* the same with UDP and a GUE header (draft-ietf-intarea-gue, version 0) between */
};

/* Full NAT keeps the client's address and port: backends route their answers through the balancer. */
#define PM_SERVICE_SOURCE_CLIENT 0x1u
/* The address is the host's own: for a daemon that goes on with these tables. */
#define PM_SERVICE_OWN_ADDRESS 0x2u
/* A connection that its backend does not answer, or refuses, is tried at the next one; of TCP with several.
 */
#define PM_SERVICE_SECOND_CHANCE 0x4u

/* The values of pm_service.mss_clamp that are no octets. */
#define PM_MSS_AUTO 0xffffu /* what fits on the way to the backend */
#define PM_MSS_OFF  0u

#define PM_LEAST_MSS 536u /* every host takes so much (RFC 9293 section 3.7.1) */

/* Map pm_services. Written by the daemon into the idle half. */
struct pm_service {
	struct pm_addr address;
	__u8 protocol;	       /* 0: no service has this index */
	__u8 on_down;	       /* enum pm_on_down */
	__u8 forward;	       /* enum pm_forward */
	__u8 flags;	       /* PM_SERVICE_* */
	__u32 maglev_size;     /* slots in use; 0: no backend is eligible */
	__u32 idle_ticks;      /* jiffies without a packet after which a session is over */
	__u32 generation;      /* the generation that wrote the entry */
	__be16 gue_port;       /* UDP destination port of GUE */
	__u16 mss_clamp;       /* longest segment that a SYN may announce, in octets; or PM_MSS_* */
	__u32 half_open_ticks; /* as idle_ticks, before the backend's answer and the client's ACK */
	__u32 closing_ticks;   /* as idle_ticks, after the first FIN */
	__u8 reserved[20];
};
PM_STATIC_ASSERT(sizeof(struct pm_service) == 64, "pm_service is a cache line");

/* Map pm_maglev: the tables of all services, pm_options.maglev_chunks values each. */
struct pm_maglev_chunk {
	__u16 backend[PM_MAGLEV_CHUNK]; /* index in pm_backends; 0: none */
};
PM_STATIC_ASSERT(sizeof(struct pm_maglev_chunk) == 64, "a chunk is a cache line");

/*
 * The interface is a veth whose peer is in another network namespace: tc may hand packets to the peer at
 * once, past the transmit queue and one softirq of the way out (bpf_redirect_peer).
 */
#define PM_OUT_PEER 0x1u

/* Map pm_backends. Written by the daemon into the idle half. */
struct pm_backend {
	struct pm_addr address;
	__be16 port;	   /* 0: the one that the client sent to */
	__u16 service;	   /* index in pm_services; 0: no backend has this index */
	__u32 incarnation; /* a session is valid only with the same one; never PM_NO_INCARNATION */
	__u32 ifindex;	   /* interface towards the next hop; 0: not resolved */
	__u8 next_hop[6];  /* MAC address of the next hop */
	__u8 source[6];	   /* MAC address of that interface */
	__u16 nat_first;   /* source addresses of NAT or of the tunnel: index in pm_nat_addresses */
	__u16 nat_count;   /* and how many, >= 1 */
	__u32 generation;  /* the generation that wrote the entry */
	__u32 out_flags;   /* PM_OUT_* of that interface */
	__u16 mtu;	   /* longest IP packet that the way to it takes; 0: any */
	__u8 source_bits;  /* last bits of a tunnel's source that are the flow's; with nat_count 1 */
	__u8 reserved[9];
};
PM_STATIC_ASSERT(sizeof(struct pm_backend) == 64, "pm_backend is a cache line");

/* Map pm_links: open addressing by interface index. */
struct pm_link {
	__u32 ifindex; /* 0: the slot is empty */
	__u8 mac[6];
	__u8 reserved[2];
	__u32 out_flags; /* PM_OUT_* */
};
PM_STATIC_ASSERT(sizeof(struct pm_link) == 16, "four links a cache line");

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

/*
 * Why a packet was forwarded, passed or dropped. Numbers never move and are never used again;
 * docs/verdicts.md explains each, controller/datapath/verdicts.cpp names each.
 */
enum pm_verdict {
	PM_PASS_NOT_OURS = 0,
	/* 1 was PM_PASS_NOT_IPV4 */
	PM_PASS_FRAGMENT = 2,
	PM_PASS_NOT_IP = 3,
	PM_PASS_OTHER_HOST = 4,
	PM_PASS_HEADERS = 5,
	PM_FORWARD_TO_BACKEND = 8,
	PM_FORWARD_TO_CLIENT = 9,
	PM_FORWARD_RESET = 10,
	PM_FORWARD_ICMP_ERROR = 11,
	PM_FORWARD_PONG = 12,
	PM_FORWARD_TOO_BIG = 13,
	PM_FORWARD_SECOND_CHANCE = 14,
	PM_DROP_MALFORMED = 16,
	/* 17 was PM_DROP_FRAGMENT */
	PM_DROP_NO_BACKEND = 18,
	PM_DROP_NO_NEXT_HOP = 19,
	PM_DROP_NO_SESSION = 20,
	PM_DROP_BACKEND_DOWN = 21,
	PM_DROP_PORTS_EXHAUSTED = 22,
	PM_DROP_SESSIONS_FULL = 23,
	PM_DROP_REWRITE_FAILED = 24,
	PM_DROP_TTL = 25,
	PM_DROP_SOURCE = 26,
	PM_DROP_TOO_BIG = 27,
	PM_DROP_PING = 28,
	PM_DROP_REFUSAL = 29,
	PM_VERDICTS = 32,
};

enum pm_event_type {
	PM_EVENT_ESTABLISHED = 0,
	PM_EVENT_CLOSED = 1,
	PM_EVENT_REFUSED = 2,	 /* the backend answered SYN with RST */
	PM_EVENT_UNANSWERED = 3, /* the client repeated its SYN */
	PM_EVENT_CUT = 4,	 /* on_down = reset or drop met an established flow */
	PM_EVENT_REHASHED = 5,
	PM_EVENT_PORTS_EXHAUSTED = 6,
	PM_EVENT_ABORTED = 7, /* the backend sent RST on an established flow */
	PM_EVENTS = 16,
};

/* Ring buffer pm_events: one record per connection event, never per packet. */
struct pm_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 active;  /* the word the packet was handled under */
	__u32 backend;
	__u32 incarnation;
	__u16 service;
	__u8 type; /* enum pm_event_type */
	__u8 protocol;
	struct pm_addr client;
	__be16 client_port;
	__be16 service_port;
	__u32 handshake_us; /* PM_EVENT_ESTABLISHED: from SYN to the client's ACK, units of 1024 ns */
};
PM_STATIC_ASSERT(sizeof(struct pm_event) == 48, "pm_event has no holes");

/*
 * Map pm_counters: entry cpu * PM_COUNTED_LINKS + slot in pm_links, or PM_LINK_SLOTS for an interface that
 * has none. Written by that CPU only, read by the daemon. What has nothing to do with an interface is in the
 * one of the packet.
 */
struct pm_counters {
	__u64 received;
	__u64 verdict[PM_VERDICTS]; /* sums up to `received` */
	__u64 event[PM_EVENTS];	    /* all, those that were not sent included */
	__u64 events_lost;	    /* the ring buffer was full */
	__u64 evicted_closed;	    /* sessions replaced by new ones, by worth */
	__u64 evicted_idle;
	__u64 evicted_embryonic;
	__u64 ticks;	     /* jiffies at the last packet */
	__u64 too_big_ticks; /* jiffies of the last "too big" answer, which limits their rate */
	__u64 reserved[9];
};
PM_STATIC_ASSERT(sizeof(struct pm_counters) % 64 == 0, "no two CPUs share a cache line");

/* Map pm_backend_counters: entry cpu * pm_options.backends + backend, written by that CPU only. */
struct pm_backend_counters {
	__u64 packets_to_backend;
	__u64 bytes_to_backend;
	__u64 packets_to_client;
	__u64 bytes_to_client;
	__u64 opened;	   /* sessions made */
	__u64 established; /* handshakes completed */
	__u64 refused;
	__u64 last_evidence;  /* jiffies of the last urgent event, which limits their rate */
	__u64 closed;	      /* of the established ones */
	__u64 cut;	      /* told by on_down that the backend is gone */
	__u64 second_chances; /* unanswered or refused here, so tried at another backend */
	__u64 reserved[5];
};
PM_STATIC_ASSERT(sizeof(struct pm_backend_counters) == 128, "no two CPUs share a cache line");

enum {
	PM_PROBES = 4096, /* probes on the way of their service at a time */
};

/*
 * Map pm_probes: a probe that goes to its backend as the service's packets do, by its socket's cookie.
 * Written by the daemon before the socket connects, removed after it was closed. Not pinned: no other daemon
 * reads it.
 */
struct pm_probe {
	struct pm_addr dialled; /* the backend's address, which the socket takes for its peer */
	struct pm_addr service; /* what the backend sees in its place */
	__u32 backend;		/* index in pm_backends */
	__u32 reserved;
};
PM_STATIC_ASSERT(sizeof(struct pm_probe) == 40, "pm_probe has no holes");

/* Key of map pm_probe_answers, whose value is the address dialled: an answer to a probe. As pm_probes. */
struct pm_probe_answer {
	struct pm_addr service;
	__be16 port;
	__be16 own_port;
	__u8 protocol;
	__u8 reserved[3];
};
PM_STATIC_ASSERT(sizeof(struct pm_probe_answer) == 24, "a key has no holes");

#endif
