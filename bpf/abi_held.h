/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fragments that the daemon keeps until the first one of their packet has come: the part of abi.h that only
 * hold.h and controller/datapath/held_fragments.cpp need.
 */
#ifndef PM_ABI_HELD_H
#define PM_ABI_HELD_H

#include "abi_sessions.h"

enum {
	PM_HELD_RING_BYTES = 1 << 18,
	PM_HELD_FRAME = 1984, /* octets of the longest frame that is held: links of 1500 with their tags */
};

/*
 * Of a PM_SLOT_FRAGMENTS slot: others than services get fragments at this address too. It is the host's own,
 * or one that answers to NAT come to.
 */
#define PM_SLOT_SHARED 0x2u

/*
 * Sessions of service 0 in pm_fragments, by their protocol. The first one of the packet did not come and is
 * not waited for any more; or it came and was left to the host, as the later ones then are.
 */
#define PM_FIRST_CAME_NOT 0
#define PM_FIRST_PASSED	  1

/* Map pm_hold, one entry. So a daemon that is gone, or has enough, costs no fragment but the last few. */
struct pm_hold {
	__u64 granted; /* written by the daemon: how many it takes, of all since the map was made */
	__u64 taken;   /* written by the programs: how many were held */
	__u8 reserved[48];
};
PM_STATIC_ASSERT(sizeof(struct pm_hold) == 64, "pm_hold is a cache line");

/*
 * Ring buffer pm_held: a later fragment as it came. The daemon gives it back to its interface when
 * pm_fragments has the key, and puts PM_FIRST_CAME_NOT there when it has waited long enough: the program
 * then decides without the first one.
 */
struct pm_held_fragment {
	struct pm_fragment_key key;
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 ifindex; /* of the interface that it came by */
	__u32 length;  /* octets of `frame` in use */
	__u32 tag;     /* the VLAN tag that is not in the frame: TPID and TCI, host order; 0: none */
	__u32 reserved;
	__u8 frame[PM_HELD_FRAME];
};
PM_STATIC_ASSERT(sizeof(struct pm_held_fragment) == 2048, "pm_held_fragment has no holes");

#endif
