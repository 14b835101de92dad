/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The order of the datapath: parse -> session -> (miss) service -> Maglev -> new session -> rewrite ->
 * finish. Session first, because most packets belong to one and a reply is found by the same lookup.
 */
#ifndef PM_STEER_H
#define PM_STEER_H

#include "nat.h"

/* A transition of a flow: both sessions of its pair learn of it. */
static __always_inline void mark_pair(const struct packet *packet, struct entry entry,
				      const struct session_copy *copy, __u32 bits)
{
	__sync_fetch_and_or(&entry.set->state[entry.way], bits);
	nat_tell_partner(&copy->session, bits, packet->now, packet->active);
}

/* Bits that this packet adds to what is known of its TCP connection. */
static __always_inline __u32 tcp_progress(const struct packet *packet, const struct session_copy *session)
{
	const __u8 flags = packet->tcp_flags;
	const __u8 to_backend = session->direction == PM_TO_BACKEND;
	__u32 bits = 0;

	if (flags & TCP_RST)
		return PM_SESSION_CLOSED;
	if (!to_backend && (flags & TCP_ACK))
		bits |= PM_SESSION_ANSWERED;
	if (to_backend && (flags & TCP_ACK) && (session->state & PM_SESSION_ANSWERED))
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
	if (session->direction == PM_TO_CLIENT)
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
			   (__u32)(bpf_ktime_get_ns() >> 10) - session->opened_us, 0);
	if ((added & PM_SESSION_CLOSED) && (session->state & PM_SESSION_ESTABLISHED))
		event_send(&session->session, active, PM_EVENT_CLOSED, 0, 0);
}

/* Follows the connection and keeps its sessions young. */
static __always_inline void follow(const struct packet *packet, struct entry entry,
				   const struct session_copy *copy)
{
	__u32 bits = copy->protocol == IPPROTO_TCP ? tcp_progress(packet, copy) : udp_progress(copy);
	__u32 added = bits & ~copy->state;

	if ((copy->last_seen ^ packet->now) / PM_SEEN_TICKS)
		WRITE_ONCE(entry.set->last_seen[entry.way], packet->now);
	if (added) {
		mark_pair(packet, entry, copy, added);
		report_progress(packet, copy, added);
	} else if ((copy->last_seen ^ packet->now) >> PARTNER_REFRESH_SHIFT) {
		nat_tell_partner(&copy->session, 0, packet->now, packet->active);
	}
}

static __always_inline __u16 link_find(__u32 active, __u32 ifindex)
{
	for (int i = 0; i < PM_LINK_PROBES; i++) {
		__u32 slot = (ifindex + i) & (PM_LINK_SLOTS - 1);
		struct pm_link *link = link_at(active, slot);

		if (link && link->ifindex == ifindex)
			return slot;
	}
	return PM_LINK_SLOTS; /* none: no entry has this slot */
}

/*
 * There is no backend for this packet: a TCP peer learns that at once by a RST, unless the service says drop,
 * in which case, and for anything else, `verdict` names the reason.
 */
static __always_inline int refuse(PM_CONTEXT *ctx, struct packet *packet, const struct pm_service *service,
				  int verdict)
{
	if (packet->flow.protocol != IPPROTO_TCP || service->on_down == PM_ON_DOWN_DROP ||
	    (packet->tcp_flags & TCP_RST))
		return verdict;
	return rewrite_reset(ctx, packet) ? PM_DROP_REWRITE_FAILED : PM_FORWARD_RESET;
}

/* What a session knows of its client, from the first packet. */
static __always_inline void draft_client(struct session_copy *draft, const struct packet *packet,
					 const struct ethhdr *eth, __u16 link)
{
	draft->state = packet->flow.protocol == IPPROTO_TCP && !is_syn(packet) ? PM_SESSION_MIDSTREAM : 0;
	draft->last_seen = packet->now;
	draft->client = packet->flow.source;
	draft->client_port = packet->flow.source_port;
	draft->service_port = packet->flow.destination_port;
	draft->link = link;
	draft->protocol = packet->flow.protocol;
	__builtin_memcpy(draft->client_mac, eth->h_source, ETH_ALEN);
	draft->opened_us = bpf_ktime_get_ns() >> 10;
}

/*
 * First packet of a flow: selects a backend and makes the pair of sessions. `old_place` holds a session of
 * the same flow that is over and gives up its place, or is 0.
 */
__noinline int open_session(PM_CONTEXT *ctx, struct packet *packet, __u32 service_index, place_t old_place)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct entry old = entry_at(old_place);
	struct ethhdr *eth = context_data(ctx);
	struct pm_backend_counters *counts;
	struct pm_backend *backend;
	struct pm_service *service;
	struct session_copy *draft;
	__u32 selected;
	int verdict;

	if (!packet || !scratch || (void *)(eth + 1) > context_data_end(ctx))
		return PM_DROP_REWRITE_FAILED;
	draft = &scratch->draft;
	service = service_at(packet->active, service_index);
	if (!service)
		return PM_DROP_NO_BACKEND;
	if (packet->fragment)
		return PM_DROP_FRAGMENT;
	if (packet->tcp_flags & TCP_RST)
		return PM_DROP_NO_SESSION;
	selected = maglev_select(service, service_index, packet->hash, packet->active);
	backend = backend_at(packet->active, selected);
	if (!selected || !backend)
		return refuse(ctx, packet, service, PM_DROP_NO_BACKEND);
	if (!backend->ifindex)
		return PM_DROP_NO_NEXT_HOP;
	draft->backend = selected;
	draft->incarnation = backend->incarnation;
	draft->service = service_index;
	draft_client(draft, packet, eth, link_find(packet->active, context_ifindex(ctx)));

	verdict = nat_open_reply(draft, backend, packet->hash, packet->active);
	if (verdict == PM_DROP_PORTS_EXHAUSTED)
		event_send_evidence(&draft->session, packet->active, PM_EVENT_PORTS_EXHAUSTED, packet->now);
	if (verdict != PM_CONTINUE)
		return verdict;
	draft->direction = PM_TO_BACKEND;
	if (old.set && entry_claim(old, pm_session_tag(packet->hash)))
		entry_publish(old, draft, packet->hash);
	else if (!session_store(draft, &packet->flow, packet->hash, packet->active))
		return PM_DROP_SESSIONS_FULL;
	counts = backend_counters(selected);
	if (counts)
		counts->opened++;
	return nat_to_backend(ctx, packet, &draft->session);
}

/* An established flow has lost its backend, or was idle for too long: what the service's on_down says. */
static __always_inline int on_down(PM_CONTEXT *ctx, struct packet *packet, place_t place, struct entry entry,
				   const struct session_copy *copy)
{
	struct pm_service *service = service_at(packet->active, copy->service);
	const int udp = copy->protocol == IPPROTO_UDP;
	int verdict;

	if (!service)
		return PM_DROP_BACKEND_DOWN;
	if (copy->direction == PM_TO_BACKEND &&
	    (udp ? service->on_down != PM_ON_DOWN_DROP : service->on_down == PM_ON_DOWN_REHASH)) {
		verdict = open_session(ctx, packet, copy->service, place);
		if (verdict == PM_FORWARD_TO_BACKEND)
			event_send(&copy->session, packet->active, PM_EVENT_REHASHED, 0, 0);
		return verdict;
	}
	if (!(copy->state & (PM_SESSION_CUT | PM_SESSION_CLOSED))) {
		mark_pair(packet, entry, copy, PM_SESSION_CUT);
		event_send(&copy->session, packet->active, PM_EVENT_CUT, 0, 0);
	}
	return refuse(ctx, packet, service, PM_DROP_BACKEND_DOWN);
}

/* Flows that are closed, or half-open for long, have to share their NAT port with whoever needs it. */
static __always_inline int may_have_lost_port(const struct packet *packet, const struct session_copy *session)
{
	if (session->state & PM_SESSION_CLOSED)
		return 1;
	return !(session->state & PM_SESSION_ESTABLISHED) &&
	       packet->now - session->last_seen > options.embryonic_ticks;
}

/* A packet of a flow that has a session. */
static __always_inline int continue_session(PM_CONTEXT *ctx, struct packet *packet, place_t place,
					    struct entry entry, const struct session_copy *copy)
{
	struct pm_backend *backend = backend_at(packet->active, copy->backend);
	const int valid =
		backend && backend->service == copy->service && backend->incarnation == copy->incarnation;
	const int idle = session_is_idle(copy, packet->now, packet->active);

	if (packet->fragment)
		return PM_DROP_FRAGMENT;
	if (copy->direction == PM_TO_BACKEND && is_syn(packet)) {
		if (!valid || idle || (copy->state & (PM_SESSION_CLOSED | PM_SESSION_CUT)))
			return open_session(ctx, packet, copy->service, place);
		if (!(copy->state & PM_SESSION_ANSWERED))
			event_send_evidence(&copy->session, packet->active, PM_EVENT_UNANSWERED, packet->now);
	}
	if (!valid || idle)
		return on_down(ctx, packet, place, entry, copy);
	if (copy->direction == PM_TO_BACKEND && may_have_lost_port(packet, copy) &&
	    !nat_has_port(&copy->session, packet->active))
		return copy->state & PM_SESSION_CLOSED ? PM_DROP_NO_SESSION
						       : open_session(ctx, packet, copy->service, place);
	follow(packet, entry, copy);
	return copy->direction == PM_TO_BACKEND ? nat_to_backend(ctx, packet, &copy->session)
						: nat_to_client(ctx, packet, &copy->session);
}

/*
 * A packet for a service that has no session. In the middle of a TCP connection there is nothing to forward
 * it to: the NAT mapping that its backend knew is gone with the session, so it costs no table entry either.
 * Only rehash hands it on, as it says.
 */
static __always_inline int begin_session(PM_CONTEXT *ctx, struct packet *packet, __u32 service_index)
{
	struct pm_service *service = service_at(packet->active, service_index);

	if (!service)
		return PM_DROP_NO_SESSION;
	if (packet->flow.protocol == IPPROTO_TCP && !is_syn(packet) && service->on_down != PM_ON_DOWN_REHASH)
		return refuse(ctx, packet, service, PM_DROP_NO_SESSION);
	return open_session(ctx, packet, service_index, 0);
}

static __always_inline int steer(PM_CONTEXT *ctx, struct scratch *scratch)
{
	struct packet *packet = &scratch->packet;
	struct entry entry;
	place_t place;
	__u32 service;

	packet->hash = pm_flow_hash(&packet->flow, options.hash_key);
	place = session_lookup(packet->hash, &packet->flow, packet->active);
	entry = entry_at(place);
	if (entry_read(entry, &scratch->copy))
		return continue_session(ctx, packet, place, entry, &scratch->copy);
	service = service_find(&packet->flow, packet->active);
	return service ? begin_session(ctx, packet, service) : PM_PASS_NOT_OURS;
}

#endif
