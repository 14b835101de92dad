/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Finding and reading sessions: two halves of sets of PM_SESSION_WAYS entries, each session in one of two
 * candidate sets. session_store.h has the writers and the protocol that both sides follow.
 */
#ifndef PM_SESSION_H
#define PM_SESSION_H

#include "packet.h"

static __always_inline int addr_equal(const struct pm_addr *a, const struct pm_addr *b)
{
	return a->word[3] == b->word[3] && a->word[2] == b->word[2] && a->word[1] == b->word[1] &&
	       a->word[0] == b->word[0];
}

/*
 * Where an entry is: 1 + its index among all entries of both halves, 0 for none. Functions that the verifier
 * checks once and for all (those without `static`) can return a number, but no pointer.
 */
typedef __u32 place_t;

/* An entry of a set; `set` is NULL when there is none. */
struct entry {
	struct pm_session_set *set;
	__u32 way;
};

static __always_inline place_t place_of(__u32 set, __u32 way)
{
	return 1 + set * PM_SESSION_WAYS + way;
}

static __always_inline struct entry entry_at(place_t place)
{
	struct entry entry = {array_at(&pm_sessions, (place - 1) / PM_SESSION_WAYS),
			      (place - 1) % PM_SESSION_WAYS};

	if (!place)
		entry.set = NULL;
	OPAQUE(entry.set);
	return entry;
}

/* Index in pm_sessions of one of the two candidate sets of a flow. */
static __always_inline __u32 candidate_set(__u32 half, __u32 hash_high, int second)
{
	__u32 sets = options.session_sets;

	return half * sets + (second ? pm_second_set(hash_high, sets) : pm_first_set(hash_high, sets));
}

/* Does this entry describe that flow, by the tables of the packet's generation? */
static __always_inline int session_matches(const struct pm_session *session, const struct pm_flow *flow,
					   __u32 active)
{
	if (session->protocol != flow->protocol)
		return 0;
	if (session->direction == PM_TO_BACKEND) {
		struct pm_service *service = service_at(active, session->service);

		return service && session->client_port == flow->source_port &&
		       session->service_port == flow->destination_port &&
		       addr_equal(&session->client, &flow->source) && service->protocol == flow->protocol &&
		       addr_equal(&service->address, &flow->destination);
	} else {
		struct pm_backend *backend = backend_at(active, session->backend);
		struct pm_addr *nat = nat_address_at(active, session->nat_address);

		return backend && nat && session->nat_port == flow->destination_port &&
		       backend->port == flow->source_port && addr_equal(&backend->address, &flow->source) &&
		       addr_equal(nat, &flow->destination);
	}
}

/* The way in which a flow's entry is stored if that is free: found first, with one branch. */
static __always_inline __u32 preferred_way(__u64 hash)
{
	return pm_session_tag(hash) % PM_SESSION_WAYS;
}

static __always_inline int entry_has_hash(const struct pm_session_set *set, __u32 way, __u64 hash)
{
	return READ_ONCE(set->tag[way]) == pm_session_tag(hash) && set->hash_high[way] == (__u32)(hash >> 32);
}

/* The session of a flow in one half, or 0. The first candidate set is searched before the second. */
__noinline place_t session_find(__u32 half, __u64 hash, const struct pm_flow *flow, __u32 active)
{
	if (!flow)
		return 0;
	for (int second = 0; second < 2; second++) {
		__u32 index = candidate_set(half, hash >> 32, second);
		struct pm_session_set *set = array_at(&pm_sessions, index);

#pragma nounroll
		for (__u32 i = 0; set && i < PM_SESSION_WAYS; i++) {
			__u32 way = (preferred_way(hash) + i) % PM_SESSION_WAYS;

			if (entry_has_hash(set, way, hash) && session_matches(&set->way[way], flow, active))
				return place_of(index, way);
		}
	}
	return 0;
}

/*
 * A packet tells the session of its own direction at once that the flow is alive, the partner once in so many
 * jiffies; hence nothing is idle before that much more time has passed.
 */
#define PARTNER_REFRESH_SHIFT 10
#define PARTNER_REFRESH_TICKS (1u << PARTNER_REFRESH_SHIFT)

/* Has a flow of this service been silent for longer than that allows? A service that is gone allows nothing.
 */
static __always_inline int is_idle_since(__u32 last_seen, __u32 service_index, __u32 now, __u32 active)
{
	struct pm_service *service = service_at(active, service_index);

	return !service || now - last_seen > service->idle_ticks + PARTNER_REFRESH_TICKS;
}

static __always_inline int session_is_idle(const struct session_copy *session, __u32 now, __u32 active)
{
	return is_idle_since(session->last_seen, session->service, now, active);
}

/* Copies an entry. 0 when there is none, or when it was replaced meanwhile. */
static __always_inline int entry_read(struct entry entry, struct session_copy *copy)
{
	struct pm_session_set *set = entry.set;
	__u32 tag;

	if (!set)
		return 0;
	tag = READ_ONCE(set->tag[entry.way]);
	barrier();
	copy->session = set->way[entry.way];
	copy->last_seen = READ_ONCE(set->last_seen[entry.way]);
	copy->state = READ_ONCE(set->state[entry.way]);
	barrier();
	return READ_ONCE(set->tag[entry.way]) == tag && tag > PM_TAG_CLAIMED;
}

#endif
