/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* abi.h: what the programs tell the daemon. */
#ifndef PM_ABI_REPORTS_H
#define PM_ABI_REPORTS_H

#include "abi_types.h"

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
	PM_PASS_FRAGMENT_HELD = 6, /* to the daemon; counted again when it is given back */
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
	PM_DROP_FRAGMENT_AHEAD = 30,
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

#endif
