/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Full NAT: client -> service becomes NAT address -> backend. A flow has a pair of sessions; each carries all
 * that the other holds. nat_port.h opens it.
 */
#ifndef PM_NAT_H
#define PM_NAT_H

#include "service.h"

/* What the backend sees of a session's packets, and what the balancer sees of the answers. */
static __always_inline int nat_reply_flow(const struct pm_session *session, __u32 active,
					  struct pm_flow *reply)
{
	struct pm_backend *backend = backend_at(active, session->backend);
	const struct pm_addr *nat = session_nat_address(session, active);

	if (!backend || !nat)
		return -1;
	reply->source = backend->address;
	reply->destination = *nat;
	reply->source_port = backend_port(backend, session->service_port);
	reply->destination_port = session->nat_port;
	reply->protocol = session->protocol;
	__builtin_memset(reply->reserved, 0, sizeof(reply->reserved));
	return 0;
}

/* What the client sends. */
static __always_inline int nat_client_flow(const struct pm_session *session, __u32 active,
					   struct pm_flow *flow)
{
	struct pm_service *service = service_at(active, session->service);

	if (!service)
		return -1;
	flow->source = session->client;
	flow->destination = service->address;
	flow->source_port = session->client_port;
	flow->destination_port = session->service_port;
	flow->protocol = session->protocol;
	__builtin_memset(flow->reserved, 0, sizeof(flow->reserved));
	return 0;
}

/* What the packets of one direction of a session's flow look like. */
static __always_inline int nat_flow(const struct pm_session *session, __u8 direction, __u32 active,
				    struct pm_flow *flow)
{
	return direction == PM_TO_CLIENT ? nat_reply_flow(session, active, flow)
					 : nat_client_flow(session, active, flow);
}

/*
 * Makes a session's lost partner anew, if its place can be had like any new session's, and nobody stored
 * another one there meanwhile.
 */
__noinline int nat_restore_partner(const struct session_copy *session, __u64 hash, __u32 state, __u32 now,
				   __u32 active)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct session_copy *draft;

	if (!session || !scratch || (state & (PM_SESSION_CLOSED | PM_SESSION_CUT)))
		return 0;
	draft = &scratch->draft;
	*draft = *session;
	draft->direction = session->direction == PM_TO_BACKEND ? PM_TO_CLIENT : PM_TO_BACKEND;
	draft->state = state;
	draft->last_seen = now;
	return session_store(draft, &scratch->partner, hash, active);
}

/*
 * The entry of a session's partner, whose flow is scratch->partner. The one with that flow's hash is it
 * nearly always; no other session is like it in all that same_pair() compares.
 */
static __always_inline struct entry partner_of(const struct session_copy *session, __u64 hash,
					       const struct pm_flow *flow, __u32 active)
{
	struct entry entry = {};

	if (session_with_hash(session_half(active), hash, &entry) &&
	    entry.set->way[entry.way].direction != session->direction &&
	    same_pair(&entry.set->way[entry.way], &session->session))
		return entry;
	return entry_at(session_peek(hash, flow, active));
}

/*
 * Tells a session's partner what changed (PM_SESSION_* bits), that the flow is alive, and from the client's
 * side, where answers go. A partner that was lost is made anew, unless the flow is over: half-open ones give
 * way to others, and one of a pair may go first.
 */
__noinline int nat_tell_partner(const struct session_copy *session, __u32 bits, __u32 now, __u32 active)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct entry partner;
	__u64 hash;

	if (!session || !scratch || !session->nat_port ||
	    nat_flow(&session->session, !session->direction, active, &scratch->partner))
		return 0;
	hash = pm_flow_hash(&scratch->partner, options.hash_key);
	partner = partner_of(session, hash, &scratch->partner, active);
	if (!partner.set)
		return nat_restore_partner(session, hash, session->state | bits, now, active);
	if (!same_pair(&partner.set->way[partner.way], &session->session))
		return 0;
	WRITE_ONCE(partner.set->last_seen[partner.way], now);
	if (bits)
		__sync_fetch_and_or(&partner.set->state[partner.way], bits);
	if (session->direction == PM_TO_BACKEND)
		session_set_way_back(&partner.set->way[partner.way], &session->session);
	return 1;
}

/*
 * A pair is no more, of which this was one session: its flow went to another backend, or lost its NAT port to
 * another flow. What still comes by the session of that direction meets one of an earlier incarnation: a RST
 * is the answer, but a SYN opens the flow anew; and the NAT port is that of a closed connection.
 */
__noinline int nat_abandon(const struct pm_session *session, __u8 direction, __u32 active)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct entry entry;
	__u64 hash;

	if (!session || !scratch || !session->nat_port ||
	    nat_flow(session, direction, active, &scratch->partner))
		return 0;
	hash = pm_flow_hash(&scratch->partner, options.hash_key);
	entry = entry_at(session_peek(hash, &scratch->partner, active));
	if (!entry.set || !entry_claim(entry, pm_session_tag(hash)))
		return 0;
	if (same_pair(&entry.set->way[entry.way], session)) {
		entry.set->way[entry.way].incarnation = PM_NO_INCARNATION;
		entry.set->state[entry.way] |= PM_SESSION_CLOSED;
	}
	entry_set_tag(entry, pm_session_tag(hash));
	return 1;
}

#endif
