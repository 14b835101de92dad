/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Later fragments have no ports: they follow the first one of their packet. One that comes before it is held
 * until it comes (hold.h). One that cannot be, or came alone, follows the last fragmented packet of its
 * hosts, since what fragments goes on doing so. Where there was none it is given a backend that the first
 * one, if its flow is new, then gets too (fragment_ahead).
 */
#ifndef PM_FRAGMENT_H
#define PM_FRAGMENT_H

#include "abi_held.h"
#include "service.h"

/*
 * Sessions of fragmented packets. Written and read by the programs of both hooks, since what fragments may
 * come by either. An entry lives until it is the least recently used; its session is checked like any other.
 * A lost one costs a packet, which its sender repeats.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PM_FRAGMENTED);
	__type(key, struct pm_fragment_key);
	__type(value, struct pm_session);
} pm_fragments SEC(".maps");

static __always_inline struct pm_fragment_key fragment_key(const struct packet *packet)
{
	return (struct pm_fragment_key){
		.source = packet->flow.source,
		.destination = packet->flow.destination,
		.identification = packet->fragment_id,
		.protocol = packet->l4_type,
	};
}

/* Whose fragments without ports may be; NULL when services get none at this address. */
static __always_inline struct pm_service_slot *fragment_slot(const struct packet *packet)
{
	return service_slot(&packet->flow.destination, bpf_htons(packet->l4_type), PM_SLOT_FRAGMENTS,
			    packet->active);
}

/*
 * Remembers the session of a first fragment. Answers to the NAT addresses of the pool are of all clients:
 * what comes before its first fragment is nobody's there, lest one client gets what is another's.
 */
__noinline int fragment_follow(const struct packet *packet, const struct pm_session *session)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct pm_fragment_key key;

	if (!packet || !session || !scratch)
		return 0;
	key = fragment_key(packet);
	scratch->followed = *session;
	bpf_map_update_elem(&pm_fragments, &key, &scratch->followed, BPF_ANY);
	if (session->direction == PM_TO_CLIENT && session->nat_address)
		return 1;
	key.identification = 0;
	key.any = 1;
	bpf_map_update_elem(&pm_fragments, &key, &scratch->followed, BPF_ANY);
	return 1;
}

/* Remembers that a first fragment was left to the host, where later ones would be held. */
__noinline int fragment_pass(const struct packet *packet)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct pm_fragment_key key;

	if (!packet || !scratch || !fragment_slot(packet))
		return PM_PASS_NOT_OURS;
	key = fragment_key(packet);
	__builtin_memset(&scratch->followed, 0, sizeof(scratch->followed));
	scratch->followed.protocol = PM_FIRST_PASSED;
	bpf_map_update_elem(&pm_fragments, &key, &scratch->followed, BPF_ANY);
	return PM_PASS_NOT_OURS;
}

/*
 * What was given to a fragment that came ahead of this first one of a new flow, and still holds: the index of
 * a backend, and that of a NAT address above it (PM_AHEAD_*). 0 when there was none.
 */
#define PM_AHEAD_BACKEND(ahead)	    ((ahead)&0xffff)
#define PM_AHEAD_NAT_ADDRESS(ahead) ((ahead) >> 16)

__noinline __u32 fragment_ahead(const struct packet *packet, __u32 service)
{
	struct pm_fragment_key key;
	struct pm_session *ahead;
	struct parties parties;

	if (!packet)
		return 0;
	key = fragment_key(packet);
	ahead = bpf_map_lookup_elem(&pm_fragments, &key);
	if (!ahead || ahead->client_port || ahead->service != service)
		return 0;
	parties = parties_of(ahead, packet->active);
	if (!session_is_valid(ahead, &parties))
		return 0;
	return (__u32)ahead->nat_address << 16 | ahead->backend;
}

/*
 * A later fragment of which nothing is known. For an address's only UDP service: chooses backend and NAT
 * address as for a flow without ports, into `ahead`. A segment is of a flow that has a backend already; a
 * retransmission finds what its first fragment left. PM_CONTINUE, or the verdict.
 */
static __always_inline int fragment_choose(struct packet *packet, struct pm_session *ahead)
{
	struct pm_service_slot *slot = fragment_slot(packet);
	struct pm_service *service = slot ? service_at(packet->active, slot->service) : NULL;
	struct pm_fragment_key key = fragment_key(packet);
	struct pm_backend *backend;
	__u64 hash;

	if (!service || slot->flags & PM_SLOT_SHARED)
		return PM_PASS_FRAGMENT;
	if (!slot->service)
		return PM_DROP_FRAGMENT_AHEAD;
	if (is_bad_source(packet))
		return PM_DROP_SOURCE;
	packet->flow.source_port = 0;
	packet->flow.destination_port = 0;
	hash = pm_flow_hash(&packet->flow, options.hash_key);
	__builtin_memset(ahead, 0, sizeof(*ahead));
	ahead->service = slot->service;
	ahead->backend = maglev_select(service, slot->service, hash, packet->active);
	backend = backend_at(packet->active, ahead->backend);
	if (!ahead->backend || !backend)
		return PM_DROP_NO_BACKEND;
	ahead->incarnation = backend->incarnation;
	ahead->client = packet->flow.source;
	ahead->protocol = IPPROTO_UDP;
	ahead->direction = PM_TO_BACKEND;
	if (service->forward == PM_FORWARD_NAT && !(service->flags & PM_SERVICE_SOURCE_CLIENT))
		ahead->nat_address = nat_address_of(backend, hash, 0);
	bpf_map_update_elem(&pm_fragments, &key, ahead, BPF_ANY);
	return PM_CONTINUE;
}

/* What the first one of a later fragment's packet left. Of service 0: PM_FIRST_*. NULL: nothing is known. */
static __always_inline struct pm_session *fragment_first(const struct packet *packet)
{
	struct pm_fragment_key key = fragment_key(packet);

	return bpf_map_lookup_elem(&pm_fragments, &key);
}

/* The session of the last fragmented packet of the same hosts, NULL when there was none. */
static __always_inline struct pm_session *fragment_of_hosts(const struct packet *packet)
{
	struct pm_fragment_key key = fragment_key(packet);

	key.identification = 0;
	key.any = 1;
	return bpf_map_lookup_elem(&pm_fragments, &key);
}

#endif
