/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The first packet of a flow. */
#ifndef PM_OPEN_H
#define PM_OPEN_H

#include "ahead.h"
#include "event.h"
#include "forward.h"
#include "fragment.h"
#include "reset.h"
#include "syn.h"

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
	return answer_reset(ctx, packet);
}

/* The backend for a flow that others did not take, and how many did not, as one number; 0 is Maglev's choice.
 */
#define CHOICE_BACKEND(choice) ((choice)&0xffff)
#define CHOICE_CHANCE(choice)  ((choice) >> 16)

static __always_inline __u32 choice_of(__u32 backend, __u32 chance)
{
	return backend ? chance << 16 | backend : 0;
}

/* The backend that a new flow gets goes into the draft. PM_CONTINUE, or why there is none. */
static __always_inline int choose_backend(PM_CONTEXT *ctx, struct packet *packet, struct session_copy *draft,
					  const struct pm_service *service, __u32 service_index, __u32 choice)
{
	const __u32 ahead = packet->fragment ? fragment_ahead(packet, service_index) : 0;
	__u32 selected = choice	 ? CHOICE_BACKEND(choice)
			 : ahead ? PM_AHEAD_BACKEND(ahead)
				 : maglev_select(service, service_index, packet->hash, packet->active);
	struct pm_backend *backend = backend_at(packet->active, selected);

	if (!selected || !backend)
		return refuse(ctx, packet, service, PM_DROP_NO_BACKEND);
	if (!backend->ifindex)
		return PM_DROP_NO_NEXT_HOP;
	draft_backend(draft, service, service_index, backend, selected);
	draft->nat_address = PM_AHEAD_NAT_ADDRESS(ahead);
	return PM_CONTINUE;
}

/* What the session of a new flow will be, in the scratch's draft; PM_CONTINUE, or why there is none. */
static __always_inline int make_draft(PM_CONTEXT *ctx, struct packet *packet, struct session_copy *draft,
				      const struct pm_service *service, __u32 service_index, __u32 choice)
{
	const struct ethhdr *eth = context_data(ctx);
	const __u64 now_ns = bpf_ktime_get_ns();

	if ((void *)(eth + 1) > context_data_end(ctx))
		return PM_DROP_REWRITE_FAILED;
	draft_client(draft, packet, eth, now_ns);
	draft->state = first_state(ctx, packet, service, now_ns) | CHOICE_CHANCE(choice)
									   << PM_SESSION_CHANCE_SHIFT;
	return choose_backend(ctx, packet, draft, service, service_index, choice);
}

/* Stores the draft, in the place of an earlier session of the same flow if there is one. */
static __always_inline int store_draft(const struct packet *packet, struct session_copy *draft,
				       place_t old_place)
{
	struct entry old = entry_at(old_place);

	draft->direction = PM_TO_BACKEND;
	if ((old.set && entry_replace(old, draft, packet->hash)) ||
	    session_store(draft, &packet->flow, packet->hash, packet->active))
		return PM_CONTINUE;
	if (draft->nat_port)
		nat_return_port(&draft->session, packet->active);
	return PM_DROP_SESSIONS_FULL;
}

/*
 * First packet of a flow: selects a backend and makes the pair of sessions. `old_place` holds a session of
 * the same flow that is over and gives up its place, or is 0. `choice`: choice_of(), or 0.
 */
__noinline int open_session(PM_CONTEXT *ctx, struct packet *packet, __u32 service_index, place_t old_place,
			    __u32 choice)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct pm_backend_counters *counts;
	struct pm_service *service;
	struct session_copy *draft;
	struct parties parties;
	__u32 attempt = NAT_PORT_TRIES;
	int verdict = PM_CONTINUE;

	if (!packet || !scratch)
		return PM_DROP_REWRITE_FAILED;
	draft = &scratch->draft;
	service = service_at(packet->active, service_index);
	if (!service)
		return PM_DROP_NO_BACKEND;
	if (packet->tcp_flags & TCP_RST)
		return PM_DROP_NO_SESSION;
	if (is_drafted(packet, scratch, service_index, choice))
		attempt = scratch->ahead_attempt;
	else
		verdict = make_draft(ctx, packet, draft, service, service_index, choice);
	scratch->ahead_service = 0;
	if (verdict == PM_CONTINUE && service->forward == PM_FORWARD_NAT)
		verdict = nat_open_reply(draft, service, packet->hash, packet->active, attempt);
	if (verdict == PM_DROP_PORTS_EXHAUSTED)
		event_send_evidence(&draft->session, packet->active, PM_EVENT_PORTS_EXHAUSTED, packet->now);
	if (verdict == PM_CONTINUE)
		verdict = store_draft(packet, draft, old_place);
	if (verdict != PM_CONTINUE)
		return verdict;
	counts = backend_counters(draft->backend);
	if (counts)
		counts->opened++;
	if (packet->fragment)
		fragment_follow(packet, &draft->session);
	if ((service->flags & PM_SERVICE_SECOND_CHANCE) && draft->nat_port && is_syn(packet))
		syn_keep(ctx, packet);
	parties = parties_of(&draft->session, packet->active);
	return to_backend(ctx, packet, &draft->session, &parties);
}

#endif
