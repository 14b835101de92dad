/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* abi.h: what the daemon tells the programs. Written by it into the idle half, and in force with one store.
 */
#ifndef PM_ABI_TABLES_H
#define PM_ABI_TABLES_H

#include "abi_types.h"

/* The word `active` of struct pm_control, read once per packet and written by one store of the daemon. */
#define PM_ACTIVE_TABLE_HALF	   0x1u /* half of services, slots, Maglev, backends, NAT addresses, links */
#define PM_ACTIVE_SESSION_HALF	   0x2u /* half of the sessions */
#define PM_ACTIVE_CARRY_OVER	   0x4u /* a session that is missing may still be in the other half */
#define PM_ACTIVE_GENERATION_SHIFT 8	/* the rest: low 24 bits of the generation number */

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
 * A slot with this protocol, and TCP's or UDP's as its port: the address has services of that, and is not the
 * host's own, so that a fragment without ports can only be for one of them. It names the service if that is
 * the only one of UDP; 0: a fragment that comes before its first one cannot be forwarded.
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

#endif
