/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* abi.h: probes on their services' way. */
#ifndef PM_ABI_PROBES_H
#define PM_ABI_PROBES_H

#include "abi_types.h"

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
