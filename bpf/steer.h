/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The order of the datapath: parse -> session -> (miss) service -> Maglev -> new session -> rewrite ->
 * finish. Session first, because most packets belong to one and a reply is found by the same lookup.
 */
#ifndef PM_STEER_H
#define PM_STEER_H

#include "hold.h"
#include "relay.h"
#include "second_chance.h"

/* An established flow has lost its backend, or was idle for too long: what the service's on_down says. */
static __always_inline int on_down(PM_CONTEXT *ctx, struct packet *packet, place_t place,
				   const struct session_copy *copy)
{
	struct pm_service *service = service_at(packet->active, copy->service);
	const int udp = copy->protocol == IPPROTO_UDP;
	int verdict;

	if (!service)
		return PM_DROP_BACKEND_DOWN;
	if (copy->direction == PM_TO_BACKEND &&
	    (udp ? service->on_down != PM_ON_DOWN_DROP : service->on_down == PM_ON_DOWN_REHASH)) {
		verdict = open_session(ctx, packet, copy->service, place, 0);
		if (verdict == PM_FORWARD_TO_BACKEND)
			event_send(&copy->session, packet->active, PM_EVENT_REHASHED, 0, 0);
		return verdict;
	}
	if (!(copy->state & (PM_SESSION_CUT | PM_SESSION_CLOSED))) {
		mark_pair(packet, place, copy, PM_SESSION_CUT);
		event_send(&copy->session, packet->active, PM_EVENT_CUT, 0, 0);
	}
	return refuse(ctx, packet, service, PM_DROP_BACKEND_DOWN);
}

/* Flows that are closed, or half-open for long, have to share their NAT port with whoever needs it. */
static __always_inline int may_have_lost_port(const struct packet *packet, const struct session_copy *session,
					      const struct pm_service *service)
{
	if (!session->nat_port || !service)
		return 0;
	if (session->state & PM_SESSION_CLOSED)
		return 1;
	return !(session->state & PM_SESSION_ESTABLISHED) &&
	       pm_silence(packet->now, session->last_seen) > service->half_open_ticks;
}

static __always_inline int forward(PM_CONTEXT *ctx, struct packet *packet, const struct pm_session *session,
				   const struct parties *parties)
{
	return session->direction == PM_TO_BACKEND ? to_backend(ctx, packet, session, parties)
						   : to_client(ctx, packet, session, parties);
}

/* A packet of a flow that has a session, at `place`. */
static __always_inline int continue_session(PM_CONTEXT *ctx, struct packet *packet, place_t place,
					    struct session_copy *copy, const struct parties *parties)
{
	__u32 choice, added;
	int valid, over, verdict;

	if (!parties->service || !parties->backend) /* once for all that follows */
		return PM_DROP_BACKEND_DOWN;
	valid = session_is_valid(&copy->session, parties);
	over = !valid || pm_is_idle(pm_silence(packet->now, copy->last_seen), copy->state, parties->service);
	if (unlikely(packet->fragment))
		fragment_follow(packet, &copy->session);
	if (unlikely(is_syn(packet) && copy->direction == PM_TO_BACKEND)) {
		if (over || (copy->state & (PM_SESSION_CLOSED | PM_SESSION_CUT)))
			return open_session(ctx, packet, copy->service, place, 0);
		if (!(copy->state & PM_SESSION_ANSWERED)) {
			event_send_evidence(&copy->session, packet->active, PM_EVENT_UNANSWERED, packet->now);
			choice = choice_for_repeated(packet, copy, parties->service);
			if (choice)
				return try_elsewhere(ctx, packet, copy, place, choice);
		}
	}
	if (unlikely(over)) { /* a backend that is out since the SYN went to it may refuse it yet */
		if (valid || !is_refusal(packet, copy))
			return on_down(ctx, packet, place, copy);
		verdict = on_refusal(ctx, packet, copy);
		return verdict == PM_CONTINUE ? on_down(ctx, packet, place, copy) : verdict;
	}
	if (unlikely(copy->direction == PM_TO_BACKEND && may_have_lost_port(packet, copy, parties->service) &&
		     !nat_has_port(&copy->session, packet->active)))
		return copy->state & PM_SESSION_CLOSED
			       ? refuse(ctx, packet, parties->service, PM_DROP_NO_SESSION)
			       : open_session(ctx, packet, copy->service, place, 0);
	added = progress_of(packet, copy);
	if (unlikely(added && (added & PM_SESSION_CLOSED) && is_refusal(packet, copy))) {
		verdict = on_refusal(ctx, packet, copy);
		if (verdict != PM_CONTINUE)
			return verdict;
	}
	packet->unchanged = added ? 0 : place;
	follow(ctx, packet, place, copy, added);
	return forward(ctx, packet, &copy->session, parties);
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
	if (is_bad_source(packet))
		return PM_DROP_SOURCE;
	if (packet->flow.protocol == IPPROTO_TCP && !is_syn(packet) && service->on_down != PM_ON_DOWN_REHASH)
		return refuse(ctx, packet, service, PM_DROP_NO_SESSION);
	return open_session(ctx, packet, service_index, 0, 0);
}

/* A later fragment: of a flow that is known, or will be soon, or of one that begins with it. */
__noinline int steer_fragment(PM_CONTEXT *ctx, struct packet *packet)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct pm_session *known = packet ? fragment_first(packet) : NULL;
	struct parties parties;
	int verdict;

	if (!packet || !scratch)
		return PM_PASS_FRAGMENT;
	if (!known && hold_fragment(ctx, packet))
		return PM_PASS_FRAGMENT_HELD;
	if (known && !known->service && known->protocol == PM_FIRST_PASSED)
		return PM_PASS_FRAGMENT;
	if (!known || !known->service)
		known = fragment_of_hosts(packet);
	if (known) {
		scratch->copy.session = *known;
	} else {
		verdict = fragment_choose(packet, &scratch->copy.session);
		if (verdict != PM_CONTINUE)
			return verdict;
	}
	parties = parties_of(&scratch->copy.session, packet->active);
	if (!session_is_valid(&scratch->copy.session, &parties))
		return PM_DROP_BACKEND_DOWN;
	packet->flow.source_port = scratch->copy.client_port; /* a tunnel is the same for all of a flow */
	packet->flow.destination_port = scratch->copy.service_port;
	packet->hash = pm_flow_hash(&packet->flow, options.hash_key);
	return forward(ctx, packet, &scratch->copy.session, &parties);
}

static __always_inline int steer_icmp(PM_CONTEXT *ctx, struct packet *packet)
{
	int verdict;

	if (packet->flow.protocol != (packet->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return PM_PASS_NOT_OURS;
	if (is_echo_request(packet))
		return ping(ctx, packet);
	if (!is_icmp_error(packet) || packet->fragment)
		return PM_PASS_NOT_OURS;
	verdict = steer_error(ctx, packet);
	return verdict == PM_CONTINUE ? relay_error(ctx, packet) : verdict;
}

/* A packet without ports. */
static __always_inline int steer_aside(PM_CONTEXT *ctx, struct packet *packet)
{
	return packet->fragment == LATER_FRAGMENT ? steer_fragment(ctx, packet) : steer_icmp(ctx, packet);
}

static __always_inline int steer(PM_CONTEXT *ctx, struct scratch *scratch)
{
	struct packet *packet = &scratch->packet;
	struct parties parties;
	place_t place;
	__u32 service;

	packet->hash = pm_family_hash(&packet->flow, options.hash_key,
				      !packet->v6 || pm_addr_is_v4(&packet->flow.source));
	if (unlikely(is_syn(packet)))
		draft_ahead(ctx, packet);
	place = session_lookup(packet->hash, &packet->flow, packet->active, &scratch->copy, &parties);
	if (place)
		return continue_session(ctx, packet, place, &scratch->copy, &parties);
	service = service_find(&packet->flow, packet->active);
	if (service)
		return begin_session(ctx, packet, service);
	return unlikely(packet->fragment) ? fragment_pass(packet) : PM_PASS_NOT_OURS;
}

#endif
