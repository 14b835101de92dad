/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* From a packet's destination to its service, and from its hash to a backend. */
#ifndef PM_SERVICE_H
#define PM_SERVICE_H

#include "session_store.h"

/* The slot of an address, port and protocol, NULL when there is none. */
static __always_inline struct pm_service_slot *service_slot(const struct pm_addr *address, __be16 port,
							    __u8 protocol, __u32 active)
{
	__u32 start = pm_slot_hash(address, port, protocol);

#pragma nounroll
	for (int i = 0; i < PM_SLOT_PROBES; i++) {
		__u32 index = (start + i) & (options.service_slots - 1);
		struct pm_service_slot *slot =
			array_at(&pm_service_slots, table_half(active) * options.service_slots + index);

		if (!slot || slot->protocol == 0)
			return NULL;
		if (slot->protocol == protocol && slot->port == port && addr_equal(&slot->address, address))
			return slot;
	}
	return NULL;
}

/* Index of the service at a packet's destination, 0 when there is none. */
static __always_inline __u32 service_find(const struct pm_flow *flow, __u32 active)
{
	struct pm_service_slot *slot =
		service_slot(&flow->destination, flow->destination_port, flow->protocol, active);

	return slot ? slot->service : 0;
}

/* Index of the backend that Maglev gives to a flow (Eisenbud et al., NSDI 2016, §3.4), 0 when none is
 * eligible. */
static __always_inline __u32 maglev_select(const struct pm_service *service, __u32 service_index, __u64 hash,
					   __u32 active)
{
	__u32 slot = pm_scale((__u32)hash, service->maglev_size);
	__u32 base = (table_half(active) * options.services + service_index) * options.maglev_chunks;
	struct pm_maglev_chunk *chunk = array_at(&pm_maglev, base + slot / PM_MAGLEV_CHUNK);

	if (service->maglev_size == 0 || !chunk)
		return 0;
	return chunk->backend[slot % PM_MAGLEV_CHUNK];
}

/* Index of the pool's address that a flow has at a backend; another one at each attempt. */
static __always_inline __u32 nat_address_of(const struct pm_backend *backend, __u64 hash, __u32 attempt)
{
	const __u32 addresses = backend->nat_count ? backend->nat_count : 1;

	return backend->nat_first + ((__u32)(hash >> 32) + attempt) % addresses;
}

/* The port of a backend that a client's packet to `service_port` goes to. */
static __always_inline __be16 backend_port(const struct pm_backend *backend, __be16 service_port)
{
	return backend->port ? backend->port : service_port;
}

#endif
