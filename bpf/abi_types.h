/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What all parts of abi.h need. */
#ifndef PM_ABI_TYPES_H
#define PM_ABI_TYPES_H

#include <linux/types.h>
#include <stddef.h>

#ifdef __cplusplus
#define PM_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define PM_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

enum {
	PM_SESSION_WAYS = 4,  /* sessions in a set */
	PM_MAGLEV_CHUNK = 32, /* Maglev slots in one map value */
	PM_SLOT_PROBES = 16,  /* longest linear probe in the service slots */
	PM_LINK_SLOTS = 64,   /* interfaces that packets may come from or leave by */
	PM_COUNTED_LINKS = PM_LINK_SLOTS + 1,
	PM_LINK_PROBES = 8,	      /* longest linear probe in the links */
	PM_NAT_ADDRESSES = 64,	      /* source addresses of full NAT and of tunnels; index 0 is none */
	PM_SYNS = 8192,		      /* SYNs of clients that are kept at a time, a power of two */
	PM_PORT_HINT_LINES = 1 << 14, /* a power of two; 16 NAT ports each */
	PM_FRAGMENTED = 8192,	      /* fragmented packets whose later fragments are followed at a time */
	PM_EVENT_RING_BYTES = 1 << 20,
};

/* Network order; IPv4 as ::ffff:a.b.c.d. */
struct pm_addr {
	__be32 word[4];
};

#endif
