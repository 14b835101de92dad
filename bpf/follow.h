/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a session learns from the packets of its flow, and what the daemon hears of it. */
#ifndef PM_FOLLOW_H
#define PM_FOLLOW_H

#include "event.h"
#include "nat.h"

/* What tells a connection that goes on from one that begins or ends. */
#define PM_SESSION_OPEN_BITS                                                                                 \
	(PM_SESSION_ANSWERED | PM_SESSION_ESTABLISHED | PM_SESSION_FIN_CLIENT | PM_SESSION_FIN_BACKEND)

/* A transition of a flow: both sessions of its pair learn of it. */
static __always_inline void mark_pair(const struct packet *packet, place_t place,
				      const struct session_copy *copy, __u32 bits)
{
	struct entry entry = entry_at(place);

	if (entry.set)
		__sync_fetch_and_or(&entry.set->state[entry.way], bits);
	nat_tell_partner(copy, bits, packet->now, packet->active);
}

/* Does the connection go on, with nothing to begin and nothing that ended? */
static __always_inline int goes_on(__u32 state)
{
	return (state & PM_SESSION_OPEN_BITS) == (PM_SESSION_ANSWERED | PM_SESSION_ESTABLISHED);
}

/* Nothing ends, and nothing has to begin: so it is with nearly all packets of a connection. */
static __always_inline int is_plain(__u8 flags, __u32 state)
{
	return !(flags & (TCP_FIN | TCP_RST)) && goes_on(state);
}

/* Bits that this packet adds to what is known of its TCP connection. */
static __always_inline __u32 tcp_progress(const struct packet *packet, const struct session_copy *session)
{
	const __u8 flags = packet->tcp_flags;
	const __u8 to_backend = session->direction == PM_TO_BACKEND;
	__u32 bits = 0;

	if (likely(is_plain(flags, session->state)))
		return 0;
	if (flags & TCP_RST)
		return PM_SESSION_CLOSED;
	if ((!to_backend || !session->nat_port) &&
	    (flags & TCP_ACK)) /* of other modes only the client is seen */
		bits |= PM_SESSION_ANSWERED;
	if (to_backend && (flags & TCP_ACK) && ((session->state | bits) & PM_SESSION_ANSWERED))
		bits |= PM_SESSION_ESTABLISHED;
	if (flags & TCP_FIN)
		bits |= to_backend ? PM_SESSION_FIN_CLIENT : PM_SESSION_FIN_BACKEND;
	if (((session->state | bits) & (PM_SESSION_FIN_CLIENT | PM_SESSION_FIN_BACKEND)) ==
	    (PM_SESSION_FIN_CLIENT | PM_SESSION_FIN_BACKEND))
		bits |= PM_SESSION_CLOSED;
	return bits;
}

static __always_inline __u32 udp_progress(const struct session_copy *session)
{
	if (session->direction == PM_TO_CLIENT || !session->nat_port)
		return PM_SESSION_ANSWERED | PM_SESSION_ESTABLISHED;
	return 0;
}

/* Tells the daemon what became of the connection. */
static __always_inline void report_progress(const struct packet *packet, const struct session_copy *session,
					    __u32 added)
{
	const __u32 active = packet->active;

	if (session->direction == PM_TO_CLIENT && (packet->tcp_flags & TCP_RST) &&
	    !(session->state & PM_SESSION_MIDSTREAM)) {
		__u32 type = session->state & PM_SESSION_ANSWERED ? PM_EVENT_ABORTED : PM_EVENT_REFUSED;

		event_send_evidence(&session->session, active, type, packet->now);
	}
	if (added & PM_SESSION_ESTABLISHED)
		event_send(&session->session, active, PM_EVENT_ESTABLISHED,
			   (__u32)(bpf_ktime_get_ns() >> 10) - session->opened_low, 0);
	if ((added & PM_SESSION_CLOSED) && (session->state & PM_SESSION_ESTABLISHED))
		event_send(&session->session, active, PM_EVENT_CLOSED, 0, 0);
}

static __always_inline void keep_young(place_t place, __u32 now)
{
	struct entry entry = entry_at(place);

	if (entry.set)
		WRITE_ONCE(entry.set->last_seen[entry.way], now);
}

/* The client repeats itself: perhaps its answers came to nobody, since the session that they need was lost.
 */
static __always_inline int is_unanswered(const struct session_copy *session)
{
	return session->direction == PM_TO_BACKEND && !(session->state & PM_SESSION_ANSWERED);
}

/* What this packet adds to what is known of its connection: PM_SESSION_* bits, of most packets none. */
static __always_inline __u32 progress_of(const struct packet *packet, const struct session_copy *copy)
{
	__u32 bits = copy->protocol == IPPROTO_TCP ? tcp_progress(packet, copy) : udp_progress(copy);

	return bits & ~copy->state;
}

/*
 * Does a client's packet of an established flow come from another MAC address, or by another interface, than
 * those before it? A router in front has handed over to another one. A SYN or RST proves less, and moves
 * nothing.
 */
static __always_inline int came_another_way(PM_CONTEXT *ctx, const struct packet *packet,
					    const struct session_copy *copy)
{
	const struct ethhdr *eth = context_data(ctx);

	if ((void *)(eth + 1) > context_data_end(ctx) || copy->direction != PM_TO_BACKEND)
		return 0;
	if (likely(copy->link == packet->link && mac_equal(eth->h_source, copy->client_mac)))
		return 0;
	return (copy->state & PM_SESSION_ESTABLISHED) && !(packet->tcp_flags & (TCP_SYN | TCP_RST));
}

/* Answers follow the client's packets: its session learns the new way, and the partner is to be told. */
static __always_inline void learn_way_back(PM_CONTEXT *ctx, const struct packet *packet, place_t place,
					   struct session_copy *copy)
{
	const struct ethhdr *eth = context_data(ctx);
	struct entry entry = entry_at(place);

	if ((void *)(eth + 1) > context_data_end(ctx))
		return;
	copy->link = packet->link;
	mac_copy(copy->client_mac, eth->h_source);
	if (entry.set && READ_ONCE(entry.set->tag[entry.way]) == pm_session_tag(packet->hash))
		session_set_way_back(&entry.set->way[entry.way], &copy->session);
}

/* Follows the connection and keeps its sessions young. */
static __always_inline void follow(PM_CONTEXT *ctx, const struct packet *packet, place_t place,
				   struct session_copy *copy, __u32 added)
{
	const int moved = came_another_way(ctx, packet, copy);

	if (unlikely(moved))
		learn_way_back(ctx, packet, place, copy);
	if (unlikely(added)) {
		mark_pair(packet, place, copy, added);
		report_progress(packet, copy, added);
	}
	if (likely(!moved && !((copy->last_seen ^ packet->now) / PM_SEEN_TICKS)))
		return;
	keep_young(place, packet->now);
	if (!added &&
	    (moved || ((copy->last_seen ^ packet->now) >> PM_PARTNER_TICKS_SHIFT) || is_unanswered(copy)))
		nat_tell_partner(copy, 0, packet->now, packet->active);
}

#endif
