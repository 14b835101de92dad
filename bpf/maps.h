/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The maps. All but the ring buffer are arrays that the daemon has in its memory. The daemon sets max_entries
 * from its configuration before loading; "two halves" means entry = half * size + index.
 */
#ifndef PM_MAPS_H
#define PM_MAPS_H

#include "abi.h"
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PM_ARRAY(map_name, value_type)                                                                       \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                            \
		__uint(map_flags, BPF_F_MMAPABLE);                                                           \
		__uint(max_entries, 1);                                                                      \
		__type(key, __u32);                                                                          \
		__type(value, value_type);                                                                   \
	} map_name SEC(".maps")

/*
 * The switch. Written by the daemon's commit, read once per packet. A section of its own makes it an array of
 * one entry like PM_ARRAY, which programs read without a lookup.
 */
struct pm_control pm_control SEC(".data.pm_control");

/* Two halves each. Written by the daemon's prepare into the idle half; read by the programs. */
PM_ARRAY(pm_service_slots, struct pm_service_slot);
PM_ARRAY(pm_services, struct pm_service);
PM_ARRAY(pm_maglev, struct pm_maglev_chunk);
PM_ARRAY(pm_backends, struct pm_backend);
PM_ARRAY(pm_nat_addresses, struct pm_addr);
PM_ARRAY(pm_links, struct pm_link);

/*
 * Two halves. Written by the programs on a flow's first packet and by the daemon's carry-over; read by the
 * programs. An entry lives until it is replaced by a new session of the same sets: closed ones first, then
 * those idle for longer than their service allows, then half-open ones, the oldest among equals; what lives
 * is never replaced.
 */
PM_ARRAY(pm_sessions, struct pm_session_set);

/* Written and read by the programs: struct pm_syn. */
PM_ARRAY(pm_syns, struct pm_syn);

/* Written and read by the programs: struct pm_port_hints. */
PM_ARRAY(pm_port_hints, struct pm_port_hints);

/* One entry per CPU, or per CPU and backend. Written by the programs, read by the daemon. */
PM_ARRAY(pm_counters, struct pm_counters);
PM_ARRAY(pm_backend_counters, struct pm_backend_counters);

/* Connection events, written by the programs, read by the daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PM_EVENT_RING_BYTES);
} pm_events SEC(".maps");

const volatile struct pm_options options = {
	.session_sets = 1,
	.service_slots = 1,
	.services = 1,
	.backends = 1,
	.maglev_chunks = 1,
	.nat_port_first = 1024,
	.nat_port_count = 1,
};

#define READ_ONCE(lvalue)	  (*(const volatile typeof(lvalue) *)&(lvalue))
#define WRITE_ONCE(lvalue, value) (*(volatile typeof(lvalue) *)&(lvalue) = (value))

/* What an established flow's packets do stands together; the rest is out of their way. */
#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/*
 * Reads ctx->data or ctx->data_end as the pointer that it is. Written in assembly because clang follows the
 * 32-bit load by a zero extension, which turns the verifier's packet pointer into a number.
 */
#define CONTEXT_POINTER(ctx, field)                                                                          \
	({                                                                                                   \
		void *pointer_;                                                                              \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                                                        \
			     : "=r"(pointer_)                                                                \
			     : "r"(ctx), "i"(offsetof(typeof(*(ctx)), field)));                              \
		pointer_;                                                                                    \
	})

/* Keeps the compiler from reasoning across this point about a value whose check the verifier must see. */
#define OPAQUE(variable) asm volatile("" : "+r"(variable))

static __always_inline void *array_at(void *map, __u32 index)
{
	return bpf_map_lookup_elem(map, &index);
}

static __always_inline __u32 table_half(__u32 active)
{
	return active & PM_ACTIVE_TABLE_HALF;
}

static __always_inline __u32 session_half(__u32 active)
{
	return (active & PM_ACTIVE_SESSION_HALF) >> 1;
}

static __always_inline struct pm_service *service_at(__u32 active, __u32 service)
{
	return array_at(&pm_services, table_half(active) * options.services + service);
}

static __always_inline struct pm_backend *backend_at(__u32 active, __u32 backend)
{
	return array_at(&pm_backends, table_half(active) * options.backends + backend);
}

static __always_inline struct pm_addr *nat_address_at(__u32 active, __u32 index)
{
	return array_at(&pm_nat_addresses, table_half(active) * PM_NAT_ADDRESSES + index);
}

static __always_inline struct pm_link *link_at(__u32 active, __u32 slot)
{
	if (slot >= PM_LINK_SLOTS)
		return NULL;
	return array_at(&pm_links, table_half(active) * PM_LINK_SLOTS + slot);
}

/* The counters of the CPU and of the interface with this slot in pm_links. */
static __always_inline struct pm_counters *counters(__u32 link)
{
	return array_at(&pm_counters, bpf_get_smp_processor_id() * PM_COUNTED_LINKS + link);
}

static __always_inline struct pm_backend_counters *backend_counters(__u32 backend)
{
	return array_at(&pm_backend_counters, bpf_get_smp_processor_id() * options.backends + backend);
}

#endif
