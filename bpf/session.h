/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Finding and reading sessions: two halves of sets of PM_SESSION_WAYS entries, each session in one of two
 * candidate sets. session_store.h has the writers and the protocol that both sides follow.
 */
#ifndef PM_SESSION_H
#define PM_SESSION_H

#include "idle.h"
#include "packet.h"

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

/*
 * Fetches both sets of a flow from memory at once, where both will be read: one wait instead of two. Large
 * tables are seldom in a cache.
 */
static __always_inline void session_touch(__u32 half, __u64 hash)
{
	const struct pm_session_set *first = array_at(&pm_sessions, candidate_set(half, hash >> 32, 0));
	const struct pm_session_set *second = array_at(&pm_sessions, candidate_set(half, hash >> 32, 1));

	if (first && second) {
		(void)READ_ONCE(first->tag[0]);
		(void)READ_ONCE(second->tag[0]);
	}
}

/* The address that backends see: one of ours, or the client's own. */
static __always_inline const struct pm_addr *session_nat_address(const struct pm_session *session,
								 __u32 active)
{
	return session->nat_address ? nat_address_at(active, session->nat_address) : &session->client;
}

/* What a session refers to, by the tables of the packet's generation; NULL for what is not there. */
struct parties {
	struct pm_service *service;
	struct pm_backend *backend;
};

static __always_inline struct parties parties_of(const struct pm_session *session, __u32 active)
{
	return (struct parties){service_at(active, session->service), backend_at(active, session->backend)};
}

/* Does this session describe that flow? */
static __always_inline int session_matches(const struct pm_session *session, const struct parties *parties,
					   const struct pm_flow *flow, __u32 active)
{
	const struct pm_service *service = parties->service;
	const struct pm_backend *backend = parties->backend;
	const struct pm_addr *nat;

	if (session->protocol != flow->protocol || !service || !backend)
		return 0;
	if (session->direction == PM_TO_BACKEND)
		return session->client_port == flow->source_port &&
		       session->service_port == flow->destination_port &&
		       addr_equal(&session->client, &flow->source) &&
		       addr_equal(&service->address, &flow->destination) &&
		       service->protocol == flow->protocol;
	nat = session_nat_address(session, active);
	return nat && session->nat_port == flow->destination_port &&
	       (backend->port ? backend->port : session->service_port) == flow->source_port &&
	       addr_equal(&backend->address, &flow->source) && addr_equal(nat, &flow->destination);
}

/* Is the session's backend still what it was when the session was made? */
static __always_inline int session_is_valid(const struct pm_session *session, const struct parties *parties)
{
	const struct pm_backend *backend = parties->backend;

	return backend && backend->service == session->service &&
	       backend->incarnation == session->incarnation;
}

/* Do both send their client's answers to the same MAC address, by the same interface? */
static __always_inline int session_same_way_back(const struct pm_session *a, const struct pm_session *b)
{
	return a->link == b->link && mac_equal(a->client_mac, b->client_mac);
}

/*
 * Leaves the cache line clean when there is nothing new. Not in one store: a packet that reads meanwhile may
 * go astray, as those before it did.
 */
static __always_inline void session_set_way_back(struct pm_session *to, const struct pm_session *from)
{
	if (session_same_way_back(to, from))
		return;
	to->link = from->link;
	mac_copy(to->client_mac, from->client_mac);
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

/* Copies an entry. 0 when there is none, or when it was replaced meanwhile. */
static __always_inline int entry_read(struct entry entry, struct session_copy *copy)
{
	struct pm_session_set *set = entry.set;
	__u32 tag;

	if (!set)
		return 0;
	tag = READ_ONCE(set->tag[entry.way]);
	barrier();
	octets_copy(&copy->session, &set->way[entry.way], sizeof(copy->session));
	copy->last_seen = READ_ONCE(set->last_seen[entry.way]);
	copy->state = READ_ONCE(set->state[entry.way]);
	barrier();
	return READ_ONCE(set->tag[entry.way]) == tag && tag > PM_TAG_CLAIMED;
}

static __always_inline int set_has_tag(const struct pm_session_set *set, __u32 tag)
{
	return READ_ONCE(set->tag[0]) == tag || READ_ONCE(set->tag[1]) == tag ||
	       READ_ONCE(set->tag[2]) == tag || READ_ONCE(set->tag[3]) == tag;
}
_Static_assert(PM_SESSION_WAYS == 4, "set_has_tag() looks at all ways");

/* The way of an entry with this hash, or PM_SESSION_WAYS. Most sets that are asked in vain have no such tag.
 */
static __always_inline __u32 way_with_hash(const struct pm_session_set *set, __u64 hash)
{
	const __u32 preferred = preferred_way(hash);

	if (likely(entry_has_hash(set, preferred, hash)))
		return preferred;
	if (!set_has_tag(set, pm_session_tag(hash)))
		return PM_SESSION_WAYS;
#pragma nounroll
	for (__u32 i = 1; i < PM_SESSION_WAYS; i++) {
		__u32 way = (preferred + i) % PM_SESSION_WAYS;

		if (entry_has_hash(set, way, hash))
			return way;
	}
	return PM_SESSION_WAYS;
}

/*
 * Where an entry with this hash is in one half, or 0: nearly always that of the flow which has the hash. The
 * first candidate set is searched before the second.
 */
static __always_inline place_t session_with_hash(__u32 half, __u64 hash, struct entry *entry)
{
	__u32 high = hash >> 32;
	__u32 index = candidate_set(half, high, 0);

	for (int second = 0; second < 2; second++) {
		struct pm_session_set *set = array_at(&pm_sessions, index);
		const __u32 way = set ? way_with_hash(set, hash) : PM_SESSION_WAYS;

		if (way < PM_SESSION_WAYS) {
			*entry = (struct entry){set, way};
			return place_of(index, way);
		}
		OPAQUE(high); /* or the second set would be computed for every packet */
		index = candidate_set(half, high, 1);
	}
	return 0;
}

/* The session of a flow in one half, or 0; copied, with what it refers to. Searched in the same order. */
static __always_inline place_t session_search(__u32 half, __u64 hash, const struct pm_flow *flow,
					      __u32 active, struct session_copy *copy,
					      struct parties *parties)
{
	for (int second = 0; second < 2; second++) {
		__u32 index = candidate_set(half, hash >> 32, second);
		struct pm_session_set *set = array_at(&pm_sessions, index);

#pragma nounroll
		for (__u32 i = 0; set && i < PM_SESSION_WAYS; i++) {
			__u32 way = (preferred_way(hash) + i) % PM_SESSION_WAYS;

			if (!entry_has_hash(set, way, hash) || !entry_read((struct entry){set, way}, copy))
				continue;
			*parties = parties_of(&copy->session, active);
			if (session_matches(&copy->session, parties, flow, active))
				return place_of(index, way);
		}
	}
	return 0;
}

/* Only where it is: for all but the way of most packets, which saves itself the call. */
__noinline place_t session_find(__u32 half, __u64 hash, const struct pm_flow *flow, __u32 active)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct parties parties;

	return flow && scratch ? session_search(half, hash, flow, active, &scratch->found, &parties) : 0;
}

/* Was this the same connection, the one before it from the same port? */
static __always_inline int same_client(const struct pm_session *a, const struct pm_session *b)
{
	return a->client_port == b->client_port && a->service == b->service &&
	       a->service_port == b->service_port && addr_equal(&a->client, &b->client);
}

/* The two sessions of one flow: an earlier connection of the same client is another flow. */
static __always_inline int same_pair(const struct pm_session *a, const struct pm_session *b)
{
	return a->backend == b->backend && a->incarnation == b->incarnation && a->nat_port == b->nat_port &&
	       a->nat_address == b->nat_address && same_client(a, b);
}

static __always_inline int entry_is_idle(struct entry entry, __u32 now, __u32 active)
{
	const struct pm_session_set *set = entry.set;
	const __u32 silent = pm_silence(now, set->last_seen[entry.way]);

	return silent > PM_PARTNER_TICKS &&
	       pm_is_idle(silent, set->state[entry.way], service_at(active, set->way[entry.way].service));
}

#endif
