/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The session table: two halves of sets of PM_SESSION_WAYS cache lines, each session in one of two candidate
 * sets.
 *
 * Writers on several CPUs (and the daemon's carry-over) claim an entry by compare-and-exchange on its tag,
 * fill it in and publish the tag last. A reader copies the entry and looks at the tag again: if that changed,
 * it missed. Two writers of the same flow may publish two entries; each then looks for the other and the one
 * in the lower place stays, so exactly one survives in every order of events.
 */
#ifndef PM_SESSION_H
#define PM_SESSION_H

#include "packet.h"

/* How little an entry is worth: the lowest one is replaced. */
enum session_worth {
	WORTH_NOTHING = 0,
	WORTH_CLOSED = 1,
	WORTH_EMBRYONIC = 2,
	WORTH_ESTABLISHED = 3,
	WORTH_UNTOUCHABLE = 4,
};

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

static __always_inline struct pm_session *session_at(place_t place)
{
	struct pm_session_set *set = array_at(&pm_sessions, (place - 1) / PM_SESSION_WAYS);

	if (!place || !set)
		return NULL;
	OPAQUE(set);
	return &set->way[(place - 1) % PM_SESSION_WAYS];
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

/* Bit mask of the ways of a set whose hash is this one. */
static __always_inline __u32 session_candidates(const struct pm_session_set *set, __u64 hash)
{
	__u32 candidates = 0;

#pragma unroll
	for (int way = 0; way < PM_SESSION_WAYS; way++)
		if (READ_ONCE(set->way[way].tag) == pm_session_tag(hash) &&
		    set->way[way].hash_high == (__u32)(hash >> 32))
			candidates |= 1u << way;
	return candidates;
}

/* The session of a flow in one half, or 0. The first candidate set is searched before the second. */
__noinline place_t session_find(__u32 half, __u64 hash, const struct pm_flow *flow, __u32 active)
{
	if (!flow)
		return 0;
	for (int second = 0; second < 2; second++) {
		__u32 index = candidate_set(half, hash >> 32, second);
		struct pm_session_set *set = array_at(&pm_sessions, index);
		__u32 candidates = set ? session_candidates(set, hash) : 0;

#pragma nounroll
		for (__u32 way = 0; set && candidates >> way && way < PM_SESSION_WAYS; way++)
			if ((candidates >> way & 1) && session_matches(&set->way[way], flow, active))
				return 1 + index * PM_SESSION_WAYS + way;
	}
	return 0;
}

/*
 * A packet tells the session of its own direction at once that the flow is alive, the partner once in so many
 * jiffies; hence nothing is idle before that much more time has passed.
 */
#define PARTNER_REFRESH_SHIFT 10
#define PARTNER_REFRESH_TICKS (1u << PARTNER_REFRESH_SHIFT)

/* Has the flow been silent for longer than its service allows? A service that is gone allows nothing. */
static __always_inline int session_is_idle(const struct pm_session *session, __u32 now, __u32 active)
{
	struct pm_service *service = service_at(active, session->service);

	return !service || now - session->last_seen > service->idle_ticks + PARTNER_REFRESH_TICKS;
}

/* Copies an entry. 0 when it was replaced meanwhile. */
static __always_inline int session_read(const struct pm_session *session, struct pm_session *copy)
{
	*copy = *session;
	barrier();
	return READ_ONCE(session->tag) == copy->tag && copy->tag > PM_TAG_CLAIMED;
}

static __always_inline __u32 session_worth(const struct pm_session *session)
{
	__u32 tag = READ_ONCE(session->tag);

	if (tag <= PM_TAG_CLAIMED)
		return tag == PM_TAG_EMPTY ? WORTH_NOTHING : WORTH_UNTOUCHABLE;
	if (session->state & (PM_SESSION_CLOSED | PM_SESSION_CUT))
		return WORTH_CLOSED;
	return session->state & PM_SESSION_ESTABLISHED ? WORTH_ESTABLISHED : WORTH_EMBRYONIC;
}

static __always_inline void session_count_eviction(__u32 worth)
{
	struct pm_counters *counts = counters();

	if (!counts || worth == WORTH_NOTHING)
		return;
	if (worth == WORTH_CLOSED)
		counts->evicted_closed++;
	else if (worth == WORTH_EMBRYONIC)
		counts->evicted_embryonic++;
	else
		counts->evicted_established++;
}

/* The same entry of the other half: while a swap goes on, what stands there comes to this place. */
static __always_inline place_t session_mirror(place_t place)
{
	const __u32 entries = options.session_sets * PM_SESSION_WAYS;

	return place > entries ? place - entries : place + entries;
}

static __always_inline __u32 session_used(const struct pm_session_set *set)
{
	__u32 used = 0;

#pragma unroll
	for (int way = 0; way < PM_SESSION_WAYS; way++)
		used += READ_ONCE(set->way[way].tag) != PM_TAG_EMPTY;
	return used;
}

static __always_inline __u32 session_empty_way(const struct pm_session_set *set)
{
	__u32 empty = 0;

#pragma unroll
	for (int way = PM_SESSION_WAYS - 1; way >= 0; way--)
		if (READ_ONCE(set->way[way].tag) == PM_TAG_EMPTY)
			empty = way;
	return empty;
}

/*
 * What it costs to give up a place: nothing but the fullness of its set when it is empty. While a swap goes
 * on, an empty place is worth what will come there from the other half.
 */
__noinline __u64 session_cost(place_t place, __u32 used, __u32 now, __u32 active)
{
	struct pm_session *session = session_at(place);

	if (session && READ_ONCE(session->tag) == PM_TAG_EMPTY && (active & PM_ACTIVE_CARRY_OVER))
		session = session_at(session_mirror(place));
	if (!session)
		return pm_pair(WORTH_UNTOUCHABLE, 0);
	if (READ_ONCE(session->tag) == PM_TAG_EMPTY)
		return used;
	return pm_pair(session_worth(session), ~(now - session->last_seen));
}

/*
 * An empty entry in the emptier of the flow's two sets; else the one worth least, idle for longest among
 * equals. 0 if none may go.
 */
__noinline place_t session_victim(__u32 hash_high, __u32 now, __u32 active)
{
	__u64 least = pm_pair(WORTH_UNTOUCHABLE, 0);
	place_t victim = 0;

	for (int second = 0; second < 2; second++) {
		__u32 index = candidate_set(session_half(active), hash_high, second);
		struct pm_session_set *set = array_at(&pm_sessions, index);
		__u32 used;

		if (!set)
			return 0;
		used = session_used(set);
		if (!(active & PM_ACTIVE_CARRY_OVER) && (used < PM_SESSION_WAYS || least < PM_SESSION_WAYS)) {
			if (used < least) {
				least = used;
				victim = 1 + index * PM_SESSION_WAYS + session_empty_way(set);
			}
			continue;
		}
#pragma nounroll
		for (__u32 way = 0; way < PM_SESSION_WAYS; way++) {
			place_t place = 1 + index * PM_SESSION_WAYS + way;
			__u64 cost = session_cost(place, used, now, active);

			OPAQUE(place);
			if (cost < least) {
				least = cost;
				victim = place;
			}
		}
		if (!least)
			break;
	}
	return victim;
}

/* Claims an entry whose tag is still `tag`: the caller fills it in and publishes it. */
static __always_inline int session_claim(struct pm_session *session, __u32 tag)
{
	return __sync_val_compare_and_swap(&session->tag, tag, PM_TAG_CLAIMED) == tag;
}

static __always_inline void session_publish(struct pm_session *session, const struct pm_session *content,
					    __u64 hash)
{
	session->hash_high = hash >> 32;
	session->last_seen = content->last_seen;
	session->state = content->state;
	session->client = content->client;
	session->client_port = content->client_port;
	session->service_port = content->service_port;
	session->nat_port = content->nat_port;
	session->nat_address = content->nat_address;
	session->backend = content->backend;
	session->incarnation = content->incarnation;
	session->service = content->service;
	session->link = content->link;
	session->protocol = content->protocol;
	session->direction = content->direction;
	__builtin_memcpy(session->client_mac, content->client_mac, sizeof(session->client_mac));
	session->opened_us = content->opened_us;
	__sync_lock_test_and_set(&session->tag, pm_session_tag(hash));
}

/* Removes every entry of the flow but the one in the lowest place, and returns that one. */
__noinline place_t session_settle(__u32 half, __u64 hash, const struct pm_flow *flow, __u32 active)
{
	place_t survivor = 0;

	if (!flow)
		return 0;
	for (int second = 0; second < 2; second++) {
		__u32 index = candidate_set(half, hash >> 32, second);
		struct pm_session_set *set = array_at(&pm_sessions, index);
		__u32 candidates = set ? session_candidates(set, hash) : 0;

#pragma nounroll
		for (__u32 way = 0; set && candidates >> way && way < PM_SESSION_WAYS; way++) {
			place_t place = 1 + index * PM_SESSION_WAYS + way;

			if (!(candidates >> way & 1) || place == survivor ||
			    !session_matches(&set->way[way], flow, active))
				continue;
			if (survivor)
				__sync_val_compare_and_swap(&set->way[way].tag, pm_session_tag(hash),
							    PM_TAG_EMPTY);
			else
				survivor = place;
		}
	}
	return survivor;
}

/* Writes `content` over the entry that is worth least. 0 when other writers were faster to every place. */
__noinline int session_insert(const struct pm_session *content, __u64 hash, __u32 active)
{
	struct pm_session *session;
	__u32 tag, worth;

	if (!content)
		return 0;
	session = session_at(session_victim(hash >> 32, content->last_seen, active));
	if (!session)
		return 0;
	worth = session_worth(session);
	tag = READ_ONCE(session->tag);
	if (tag == PM_TAG_CLAIMED || !session_claim(session, tag))
		return 0;
	session_count_eviction(worth);
	session_publish(session, content, hash);
	return 1;
}

/*
 * Stores `content` for `flow` in the active half and returns the entry that counts: ours, or an equal one
 * that another CPU stored first. 0 when there was no place: the packet is dropped, its sender repeats it.
 */
static __always_inline place_t session_store(const struct pm_session *content, const struct pm_flow *flow,
					     __u64 hash, __u32 active)
{
	if (!session_insert(content, hash, active))
		return 0;
	return session_settle(session_half(active), hash, flow, active);
}

/* The session of a flow that is still in the other half moves here; if no place can be claimed it stays
 * there. */
__noinline place_t session_carry_over(__u64 hash, const struct pm_flow *flow, __u32 active)
{
	place_t place = session_find(!session_half(active), hash, flow, active);
	struct pm_session *other = session_at(place);
	struct pm_session copy;
	struct pm_session *mirror = session_at(session_mirror(place));
	place_t moved;

	if (!other || !mirror || !session_read(other, &copy))
		return 0;
	if (session_claim(mirror, PM_TAG_EMPTY)) {
		session_publish(mirror, &copy, hash);
		return session_settle(session_half(active), hash, flow, active);
	}
	moved = session_store(&copy, flow, hash, active);
	return moved ? moved : place;
}

/* The session of a flow, or 0: in the active half, or while a swap carries sessions over, in either. */
static __always_inline place_t session_lookup(__u64 hash, const struct pm_flow *flow, __u32 active)
{
	place_t place = session_find(session_half(active), hash, flow, active);

	if (place || !(active & PM_ACTIVE_CARRY_OVER))
		return place;
	return session_carry_over(hash, flow, active);
}

/* The same, but a session in the other half stays where it is. */
static __always_inline place_t session_peek(__u64 hash, const struct pm_flow *flow, __u32 active)
{
	place_t place = session_find(session_half(active), hash, flow, active);

	if (place || !(active & PM_ACTIVE_CARRY_OVER))
		return place;
	return session_find(!session_half(active), hash, flow, active);
}

#endif
