/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A NAT port for a new flow. The reply's session is made first: storing it reserves the port, because it is
 * found by (backend, NAT address, NAT port) and only one survives.
 */
#ifndef PM_NAT_PORT_H
#define PM_NAT_PORT_H

#include "nat.h"
#include "port_hint.h"

#define NAT_PORT_TRIES	    40
#define NAT_FRESH_TRIES	    24	 /* so many want a port whose last connection the backend has forgotten */
#define NAT_SCATTERED_TRIES 24	 /* so many jump about; the rest walk: a small range is searched whole */
#define NAT_LAST_RESORT	    0xff /* an attempt that takes the port of a half-open flow, however young */

/*
 * Has this connection just ended with a FIN from both sides? The acknowledgement of the second one is on its
 * way, or that FIN has to be repeated: until then the backend is not in TIME_WAIT yet, and a SYN would
 * disturb it.
 */
static __always_inline int is_parting(__u32 state, __u32 silent)
{
	const __u32 fins = PM_SESSION_FIN_CLIENT | PM_SESSION_FIN_BACKEND;

	return (state & fins) == fins && silent <= PM_SEEN_TICKS;
}

/*
 * Will its backend take a new SYN in the place of this closed connection? When its TIME_WAIT is over; and
 * before, when the new timestamps are later. Otherwise it may answer with an ACK (RFC 7323 section 5.3), and
 * the client has to repeat its SYN.
 */
static __always_inline int closed_is_forgotten(struct entry entry, const struct session_copy *session)
{
	const struct pm_session *closed = &entry.set->way[entry.way];
	const __u32 state = entry.set->state[entry.way];
	const __u32 silent = pm_silence(session->last_seen, entry.set->last_seen[entry.way]);

	if (silent > options.time_wait_ticks)
		return 1;
	return !is_parting(state, silent) &&
	       clock_goes_on(state, session->state, addr_equal(&closed->client, &session->client));
}

/*
 * May a new flow take the place of the one that holds this NAT port? The same client's own earlier
 * connection: at once, its backend sees the sequence numbers and timestamps of one stack go on. A closed one:
 * if the backend has forgotten it, or if there is no better. A living one: not before it is over for being
 * idle.
 */
static __always_inline int nat_port_is_reusable(struct entry entry, const struct session_copy *session,
						__u32 active, __u32 attempt)
{
	const __u32 state = entry.set->state[entry.way];

	if (same_client(&entry.set->way[entry.way], &session->session))
		return 1;
	if (state & (PM_SESSION_CLOSED | PM_SESSION_CUT))
		return attempt >= NAT_FRESH_TRIES || closed_is_forgotten(entry, session);
	if (attempt == NAT_LAST_RESORT)
		return !(state & PM_SESSION_ESTABLISHED);
	return entry_is_idle(entry, session->last_seen, active);
}

/* Does the NAT port of a flow that may lose it, being half-open or closed, still belong to it? */
__noinline int nat_has_port(const struct pm_session *session, __u32 active)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct entry holder;

	if (!session || !scratch || nat_reply_flow(session, active, &scratch->partner))
		return 0;
	holder = entry_at(
		session_peek(pm_flow_hash(&scratch->partner, options.hash_key), &scratch->partner, active));
	return holder.set && same_client(&holder.set->way[holder.way], session);
}

enum try_result {
	TRY_DONE = 0,	  /* the port was free and is now ours */
	TRY_TAKEN = 1,	  /* a flow has it that keeps it */
	TRY_NO_PLACE = 2, /* no session that it hashes to may go */
	TRY_RACED = 3,	  /* another CPU was quicker */
	TRY_HALF_OPEN = 4 /* a half-open flow has it; plus its age in jiffies and the attempt: half_open() */
};

#define OLDEST_AGE 0x3fffff

/* In one number, so that the greatest one is that of the oldest flow. */
static __always_inline int half_open(__u32 age, __u32 attempt)
{
	return TRY_HALF_OPEN + ((age < OLDEST_AGE ? age : OLDEST_AGE) << 8 | attempt);
}

static __always_inline __u32 attempt_of(int half_open)
{
	return (half_open - TRY_HALF_OPEN) & 0xff;
}

static __always_inline int nat_port_taken(struct entry holder, __u32 now, __u32 attempt)
{
	if ((holder.set->state[holder.way] & PM_SESSION_ESTABLISHED) ||
	    holder.set->way[holder.way].protocol != IPPROTO_TCP) /* datagrams may well go one way only */
		return TRY_TAKEN;
	return half_open(pm_silence(now, holder.set->last_seen[holder.way]), attempt);
}

/*
 * Claims the entry of the flow that had the port which nat_aim() saw last, unless that went to a third one
 * meanwhile, which keeps it.
 */
__noinline int nat_claim_holder(place_t place, const struct session_copy *session, __u32 active,
				__u32 attempt)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct entry holder = entry_at(place);

	if (!session || !scratch || !holder.set || !entry_claim(holder, pm_session_tag(scratch->reply_hash)))
		return 0;
	if (nat_port_is_reusable(holder, session, active, attempt))
		return 1;
	entry_set_tag(holder, pm_session_tag(scratch->reply_hash));
	return 0;
}

/*
 * Stores the reply's session: in the place of the flow that had the port, if that does not stand in the half
 * that a swap empties.
 */
static __always_inline int nat_take_port(place_t place, const struct session_copy *session, __u64 hash,
					 __u32 active, __u32 attempt)
{
	struct entry holder;

	if (!place)
		return session_insert(session, hash, active);
	if (!nat_claim_holder(place, session, active, attempt))
		return INSERT_RACED;
	holder = entry_at(place);
	if (!holder.set)
		return INSERT_RACED;
	if (active & PM_ACTIVE_CARRY_OVER) {
		entry_set_tag(holder, PM_TAG_EMPTY);
		return session_insert(session, hash, active);
	}
	entry_publish(holder, session, hash);
	return INSERT_DONE;
}

/* Where the answers to a draft will come from and to: its reply's flow and hash go into the scratch, and both
 * candidate sets are asked for. Negative when it has no backend or NAT address. */
__noinline int nat_aim(const struct pm_session *session, __u32 active)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);

	if (!session || !scratch || nat_reply_flow(session, active, &scratch->reply))
		return -1;
	scratch->reply_hash = pm_flow_hash(&scratch->reply, options.hash_key);
	session_touch(session_half(active), scratch->reply_hash);
	return 0;
}

/* One try of the NAT port that nat_aim() saw last. */
__noinline int nat_try_port(const struct session_copy *session, __u32 active, __u32 attempt)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct entry holder;
	place_t place;
	int inserted;
	__u64 hash;

	if (!session || !scratch)
		return TRY_RACED;
	hash = scratch->reply_hash;
	place = session_peek(hash, &scratch->reply, active);
	holder = entry_at(place);
	if (holder.set && !nat_port_is_reusable(holder, session, active, attempt))
		return nat_port_taken(holder, session->last_seen, attempt);
	inserted = nat_take_port(place, session, hash, active, attempt);
	if (inserted != INSERT_DONE)
		return inserted == INSERT_RACED ? TRY_RACED : TRY_NO_PLACE;
	return session_settle(session_half(active), hash, &scratch->reply, &session->session, active)
		       ? TRY_DONE
		       : TRY_RACED;
}

/*
 * The port to try, as an offset in the range. The first choice gives different ports of one client different
 * NAT ports, and the same port the same one: as long as clients do not crowd each other, a backend in
 * TIME_WAIT meets its old peer.
 */
static __always_inline __u32 nat_port_choice(const struct session_copy *session, __u64 hash, __u32 attempt)
{
	const __u32 count = options.nat_port_count;
	const __u32 rotation = (session->client.word[3] ^ session->client.word[2]) * 0x9e3779b9u >> 8;

	if (attempt > 0 && attempt < NAT_SCATTERED_TRIES)
		return pm_scale((__u32)pm_mix(hash, attempt, 0x9e3779b97f4a7c15ull), count);
	return (bpf_ntohs(session->client_port) + rotation + attempt) % count;
}

/*
 * Chooses the NAT address and port of one attempt for a draft, from this attempt on the first that its
 * backend may well take; `address` is not 0 when it is given. Returns which attempt that is.
 */
__noinline __u32 nat_choose(struct session_copy *session, __u64 hash, __u32 active, __u32 attempt,
			    __u32 address)
{
	const struct pm_backend *backend = session ? backend_at(active, session->backend) : NULL;

	if (!backend)
		return NAT_PORT_TRIES;
	for (int i = 0; i <= NAT_FRESH_TRIES; i++) {
		OPAQUE(i); /* kernels before 6.7 want the last branch of a loop to be a conditional one */
		session->nat_port =
			bpf_htons(options.nat_port_first + nat_port_choice(session, hash, attempt));
		session->nat_address = address ? address : nat_address_of(backend, hash, attempt);
		if (attempt >= NAT_FRESH_TRIES || port_hint_allows(session))
			break;
		attempt++;
	}
	return attempt;
}

/* Whoever had the port of this new session, as nat_try_port() found it last, is told that it is gone. */
__noinline int nat_tell_displaced(const struct pm_session *session, __u32 active)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct pm_session *displaced;

	if (!session || !scratch)
		return 0;
	displaced = &scratch->displaced;
	*displaced = scratch->found.session;
	return displaced->backend == session->backend && displaced->nat_port == session->nat_port &&
	       displaced->nat_address == session->nat_address &&
	       nat_abandon(displaced, PM_TO_BACKEND, active);
}

/* Gives back the NAT port that nat_try_port() gave last: the session of the client's packets has no place. */
__noinline int nat_return_port(const struct pm_session *session, __u32 active)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct entry entry;

	if (!session || !scratch)
		return 0;
	entry = entry_at(session_find(session_half(active), scratch->reply_hash, &scratch->reply, active));
	if (!entry.set || !same_pair(&entry.set->way[entry.way], session) ||
	    entry.set->way[entry.way].opened_low != session->opened_low) /* another CPU has made it its own */
		return 0;
	entry_remove(entry, scratch->reply_hash);
	return 1;
}

/*
 * Every port that was tried is taken. In a flood of SYNs nearly all are by half-open flows, of which the
 * oldest is the least likely to be a client: it gives way, and begins anew if there is a client.
 */
static __always_inline int nat_displace(struct session_copy *session, __u64 hash, __u32 active, __u32 attempt,
					__u32 address)
{
	nat_choose(session, hash, active, attempt, address);
	if (nat_aim(&session->session, active) || nat_try_port(session, active, NAT_LAST_RESORT) != TRY_DONE)
		return PM_DROP_PORTS_EXHAUSTED;
	nat_tell_displaced(&session->session, active);
	return PM_CONTINUE;
}

/*
 * Gives the session a NAT address and port of its own towards its backend and stores the reply's session. An
 * address that it has already is kept. `first`: the attempt that nat_choose() and nat_aim() have made for it
 * already, or NAT_PORT_TRIES.
 */
static __always_inline int nat_open_reply(struct session_copy *session, const struct pm_service *service,
					  __u64 hash, __u32 active, __u32 first)
{
	const int keeps_source = service->flags & PM_SERVICE_SOURCE_CLIENT;
	const __u32 address = first < NAT_PORT_TRIES ? 0 : session->nat_address;
	int result = TRY_TAKEN, oldest = TRY_TAKEN;
	__u32 attempt = first < NAT_PORT_TRIES ? first : 0;

	session->direction = PM_TO_CLIENT;
	for (int i = 0; i < NAT_PORT_TRIES && attempt < NAT_PORT_TRIES; i++, attempt++) {
		if (i || first >= NAT_PORT_TRIES) {
			if (!keeps_source)
				attempt = nat_choose(session, hash, active, attempt, address);
			if (nat_aim(&session->session, active))
				return PM_DROP_SESSIONS_FULL;
		}
		result = nat_try_port(session, active, attempt);
		if (result == TRY_DONE) {
			port_hint_keep(session);
			return PM_CONTINUE;
		}
		if (result > oldest)
			oldest = result;
	}
	if (oldest >= TRY_HALF_OPEN && !keeps_source)
		return nat_displace(session, hash, active, attempt_of(oldest), address);
	return result == TRY_NO_PLACE || result == TRY_RACED ? PM_DROP_SESSIONS_FULL
							     : PM_DROP_PORTS_EXHAUSTED;
}

#endif
