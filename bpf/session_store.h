/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Writing sessions. Writers on several CPUs (and the daemon's carry-over) claim an entry by
 * compare-and-exchange on its tag, fill it in and publish the tag last. A reader copies the entry and looks
 * at the tag again: if that changed, it missed. Two writers may publish two entries of one flow; each
 * then looks for the other: session_settle().
 */
#ifndef PM_SESSION_STORE_H
#define PM_SESSION_STORE_H

#include "session.h"

/* How little an entry is worth: the lowest one is replaced, a living one never, whatever floods the table. */
enum session_worth {
	WORTH_NOTHING = 0,
	WORTH_CLOSED = 1,
	WORTH_IDLE = 2, /* silent for too long: pm_idle_limit */
	WORTH_EMBRYONIC = 3,
	WORTH_LIVING = 4, /* or being written */
};

static __always_inline __u32 entry_worth(struct entry entry, __u32 now, __u32 active)
{
	const struct pm_session_set *set = entry.set;
	const __u32 tag = READ_ONCE(set->tag[entry.way]);

	if (tag <= PM_TAG_CLAIMED)
		return tag == PM_TAG_EMPTY ? WORTH_NOTHING : WORTH_LIVING;
	if (set->state[entry.way] & (PM_SESSION_CLOSED | PM_SESSION_CUT))
		return WORTH_CLOSED;
	if (entry_is_idle(entry, now, active))
		return WORTH_IDLE;
	return set->state[entry.way] & PM_SESSION_ESTABLISHED ? WORTH_LIVING : WORTH_EMBRYONIC;
}

static __always_inline void session_count_eviction(__u32 worth)
{
	struct pm_counters *counts = counters(PM_LINK_SLOTS);

	if (!counts)
		return;
	counts->evicted_closed += worth == WORTH_CLOSED;
	counts->evicted_idle += worth == WORTH_IDLE;
	counts->evicted_embryonic += worth == WORTH_EMBRYONIC;
}

/* The same entry of the other half: while a swap goes on, what stands there comes to this place. */
static __always_inline place_t session_mirror(place_t place)
{
	const __u32 entries = options.session_sets * PM_SESSION_WAYS;

	return place > entries ? place - entries : place + entries;
}

static __always_inline __u32 set_used(const struct pm_session_set *set)
{
	__u32 used = 0;

#pragma unroll
	for (int way = 0; way < PM_SESSION_WAYS; way++)
		used += READ_ONCE(set->tag[way]) != PM_TAG_EMPTY;
	return used;
}

static __always_inline __u32 set_empty_way(const struct pm_session_set *set, __u32 preferred)
{
	__u32 empty = 0;

	if (READ_ONCE(set->tag[preferred]) == PM_TAG_EMPTY)
		return preferred;
#pragma unroll
	for (int way = PM_SESSION_WAYS - 1; way >= 0; way--)
		if (READ_ONCE(set->tag[way]) == PM_TAG_EMPTY)
			empty = way;
	return empty;
}

/*
 * What it costs to give up a place: nothing but the fullness of its set when it is empty. While a swap goes
 * on, an empty place is worth what will come there from the other half.
 */
__noinline __u64 session_cost(place_t place, __u32 used, __u32 now, __u32 active)
{
	struct entry entry = entry_at(place);

	if (entry.set && READ_ONCE(entry.set->tag[entry.way]) == PM_TAG_EMPTY &&
	    (active & PM_ACTIVE_CARRY_OVER))
		entry = entry_at(session_mirror(place));
	if (!entry.set)
		return pm_pair(WORTH_LIVING, 0);
	if (READ_ONCE(entry.set->tag[entry.way]) == PM_TAG_EMPTY)
		return used;
	return pm_pair(entry_worth(entry, now, active), ~pm_silence(now, entry.set->last_seen[entry.way]));
}

#define PLACE_WAS_EMPTY (1u << 31)

/*
 * An empty entry in the emptier of the flow's two sets, with PLACE_WAS_EMPTY; else the one worth least, the
 * oldest among equals. 0 if none may go.
 */
__noinline place_t session_victim(__u64 hash, __u32 now, __u32 active)
{
	__u64 least = pm_pair(WORTH_LIVING, 0);
	place_t victim = 0;

	for (int second = 0; second < 2; second++) {
		__u32 index = candidate_set(session_half(active), hash >> 32, second);
		struct pm_session_set *set = array_at(&pm_sessions, index);
		__u32 used;

		if (!set)
			return 0;
		used = set_used(set);
		if (!(active & PM_ACTIVE_CARRY_OVER) && (used < PM_SESSION_WAYS || least < PM_SESSION_WAYS)) {
			if (used < least) {
				least = used;
				victim = place_of(index, set_empty_way(set, preferred_way(hash)));
			}
			continue;
		}
#pragma nounroll
		for (__u32 way = 0; way < PM_SESSION_WAYS; way++) {
			place_t place = place_of(index, way);
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
	return least >> 32 ? victim : victim | PLACE_WAS_EMPTY;
}

/* Claims an entry whose tag is still `tag`: the caller fills it in and publishes it. */
static __always_inline int entry_claim(struct entry entry, __u32 tag)
{
	return __sync_val_compare_and_swap(&entry.set->tag[entry.way], tag, PM_TAG_CLAIMED) == tag;
}

/* Of an entry that is claimed. */
static __always_inline void entry_set_tag(struct entry entry, __u32 tag)
{
	__sync_lock_test_and_set(&entry.set->tag[entry.way], tag);
}

static __always_inline void entry_publish(struct entry entry, const struct session_copy *content, __u64 hash)
{
	struct pm_session_set *set = entry.set;

	set->hash_high[entry.way] = hash >> 32;
	set->last_seen[entry.way] = content->last_seen;
	set->state[entry.way] = content->state;
	set->way[entry.way] = content->session;
	entry_set_tag(entry, pm_session_tag(hash));
}

/* Writes `content` over an entry of the same flow. 0 when another writer was quicker. */
static __always_inline int entry_replace(struct entry entry, const struct session_copy *content, __u64 hash)
{
	if (!entry_claim(entry, pm_session_tag(hash)))
		return 0;
	entry_publish(entry, content, hash);
	return 1;
}

/* Empties an entry that still has this hash. */
static __always_inline void entry_remove(struct entry entry, __u64 hash)
{
	__sync_val_compare_and_swap(&entry.set->tag[entry.way], pm_session_tag(hash), PM_TAG_EMPTY);
}

static __always_inline void session_remove(place_t place, __u64 hash)
{
	struct entry entry = entry_at(place);

	if (entry.set)
		entry_remove(entry, hash);
}

/*
 * What else stands there for the flow of a session that was just stored? Equal ones, by other CPUs: of these
 * and ours the one in the lowest place stays. Or another one, made in the same moment: of another client that
 * was given the same NAT port, or of the same one with another NAT port. Then ours goes; that one may go as
 * well, never do both stay. Returns whether ours, or an equal one, stays.
 */
__noinline int session_settle(__u32 half, __u64 hash, const struct pm_flow *flow,
			      const struct pm_session *ours, __u32 active)
{
	struct parties parties;
	place_t survivor = 0;
	int contested = 0;

	if (!flow || !ours)
		return 0;
	for (int second = 0; second < 2; second++) {
		__u32 index = candidate_set(half, hash >> 32, second);
		struct pm_session_set *set = array_at(&pm_sessions, index);

#pragma nounroll
		for (__u32 way = 0; set && way < PM_SESSION_WAYS; way++) {
			struct pm_session *found = &set->way[way];
			place_t place = place_of(index, way);

			if (!entry_has_hash(set, way, hash) || place == survivor)
				continue;
			OPAQUE(found); /* one address, not one of each of its fields: the stack is small */
			parties = parties_of(found, active);
			if (!session_matches(found, &parties, flow, active))
				continue;
			if (!same_pair(found, ours))
				contested = 1;
			else if (survivor)
				entry_remove((struct entry){set, way}, hash);
			else
				survivor = place;
		}
	}
	if (contested)
		session_remove(survivor, hash);
	return !contested;
}

enum insert_result {
	INSERT_DONE = 1,
	INSERT_NO_PLACE = 0, /* nothing in either candidate set may go */
	INSERT_RACED = -1,   /* other writers took each place that was tried */
};

#define INSERT_TRIES 4

/*
 * Writes `content` at a place that session_victim() chose, unless what came there meanwhile lives, or is of
 * the same flow, or anything where nothing was. Returns whether it did.
 */
__noinline int session_write(place_t victim, const struct session_copy *content, __u64 hash, __u32 active)
{
	struct entry entry = entry_at(victim & ~PLACE_WAS_EMPTY);
	__u32 tag, worth;

	if (!content || !entry.set)
		return 0;
	worth = entry_worth(entry, content->last_seen, active);
	tag = victim & PLACE_WAS_EMPTY ? PM_TAG_EMPTY : READ_ONCE(entry.set->tag[entry.way]);
	if (worth == WORTH_LIVING || tag == PM_TAG_CLAIMED || tag == pm_session_tag(hash) ||
	    !entry_claim(entry, tag))
		return 0;
	session_count_eviction(worth);
	entry_publish(entry, content, hash);
	return 1;
}

/* Writes `content` over the entry that is worth least. */
__noinline int session_insert(const struct session_copy *content, __u64 hash, __u32 active)
{
	place_t victim;

	if (!content)
		return INSERT_NO_PLACE;
#pragma nounroll
	for (int i = 0; i < INSERT_TRIES; i++) {
		victim = session_victim(hash, content->last_seen, active);
		if (!victim)
			return INSERT_NO_PLACE;
		if (session_write(victim, content, hash, active))
			return INSERT_DONE;
	}
	return INSERT_RACED;
}

/* Stores `content` for `flow` in the active half. 0 when there was no place, or another session that is not
 * equal. */
static __always_inline int session_store(const struct session_copy *content, const struct pm_flow *flow,
					 __u64 hash, __u32 active)
{
	return session_insert(content, hash, active) == INSERT_DONE &&
	       session_settle(session_half(active), hash, flow, &content->session, active);
}

/* The session of a flow that is still in the other half moves here; if no place can be claimed it stays
 * there. */
__noinline place_t session_carry_over(__u64 hash, const struct pm_flow *flow, __u32 active)
{
	place_t place = session_find(!session_half(active), hash, flow, active);
	struct entry mirror = entry_at(session_mirror(place));
	struct scratch *scratch = array_at(&pm_scratch, 0);
	place_t moved;

	if (!mirror.set || !scratch || !entry_read(entry_at(place), &scratch->moved))
		return 0;
	if (entry_claim(mirror, PM_TAG_EMPTY)) {
		entry_publish(mirror, &scratch->moved, hash);
		session_settle(session_half(active), hash, flow, &scratch->moved.session, active);
	} else {
		session_store(&scratch->moved, flow, hash, active);
	}
	moved = session_find(session_half(active), hash, flow, active);
	return moved ? moved : place;
}

/*
 * The session of a flow, or 0; copied, with what it refers to. While a swap carries sessions over, one that
 * is still in the other half moves here.
 */
static __always_inline place_t session_lookup(__u64 hash, const struct pm_flow *flow, __u32 active,
					      struct session_copy *copy, struct parties *parties)
{
	struct entry entry;
	place_t place = session_with_hash(session_half(active), hash, &entry);

	if (place && entry_read(entry, copy)) {
		*parties = parties_of(&copy->session, active);
		if (session_matches(&copy->session, parties, flow, active))
			return place;
	}
	if (place) /* it was replaced meanwhile, or two flows have the same hash */
		place = session_find(session_half(active), hash, flow, active);
	if (!place && (active & PM_ACTIVE_CARRY_OVER))
		place = session_carry_over(hash, flow, active);
	if (!place || !entry_read(entry_at(place), copy))
		return 0;
	*parties = parties_of(&copy->session, active);
	return place;
}

/* Where the session of a flow is, in either half, or 0. Nothing moves. */
static __always_inline place_t session_peek(__u64 hash, const struct pm_flow *flow, __u32 active)
{
	place_t place = session_find(session_half(active), hash, flow, active);

	if (place || !(active & PM_ACTIVE_CARRY_OVER))
		return place;
	return session_find(!session_half(active), hash, flow, active);
}

#endif
