/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A SYN opens a flow nearly always, and what that needs of memory is four sets of sessions: those of the
 * client's flow, and those of the NAT port that will be tried first. So its draft is made before its session
 * is looked up, and all four are asked for at once: one wait for memory instead of two.
 */
#ifndef PM_AHEAD_H
#define PM_AHEAD_H

#include "client_clock.h"
#include "nat_port.h"

static __always_inline __u32 first_state(PM_CONTEXT *ctx, const struct packet *packet,
					 const struct pm_service *service, __u64 now_ns)
{
	if (packet->flow.protocol != IPPROTO_TCP)
		return 0;
	if (!is_syn(packet))
		return PM_SESSION_MIDSTREAM;
	return service->forward == PM_FORWARD_NAT ? client_clock(ctx, packet, now_ns) : 0;
}

/* What a session knows of its client, from the first packet. */
static __always_inline void draft_client(struct session_copy *draft, const struct packet *packet,
					 const struct ethhdr *eth, __u64 now_ns)
{
	const __u64 opened = now_ns >> 10;

	draft->last_seen = packet->now;
	draft->client = packet->flow.source;
	draft->client_port = packet->flow.source_port;
	draft->service_port = packet->flow.destination_port;
	draft->link = packet->link;
	draft->protocol = packet->flow.protocol;
	__builtin_memcpy(draft->client_mac, eth->h_source, ETH_ALEN);
	draft->opened_low = opened;
	draft->opened_high = opened >> 32;
}

/* What it knows of its backend. Under NAT the client's port is the one to try first where it keeps its
 * address. */
static __always_inline void draft_backend(struct session_copy *draft, const struct pm_service *service,
					  __u32 service_index, const struct pm_backend *backend,
					  __u32 backend_index)
{
	draft->service = service_index;
	draft->backend = backend_index;
	draft->incarnation = backend->incarnation;
	draft->nat_port = service->forward == PM_FORWARD_NAT ? draft->client_port : 0;
	draft->nat_address = 0;
}

/*
 * Drafts the session that a SYN opens if it has none yet, and aims at its NAT port. Nothing is stored; where
 * there is no backend to go to, or no NAT, open_session() begins by itself.
 */
__noinline int draft_ahead(PM_CONTEXT *ctx, const struct packet *packet)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	const struct ethhdr *eth = context_data(ctx);
	struct pm_backend *backend;
	struct pm_service *service;
	struct session_copy *draft;
	__u32 index, selected;
	__u64 now_ns;

	if (!packet || !scratch || (void *)(eth + 1) > context_data_end(ctx))
		return 0;
	scratch->ahead_service = 0;
	index = service_find(&packet->flow, packet->active);
	service = service_at(packet->active, index);
	if (!index || !service || service->forward != PM_FORWARD_NAT || packet->fragment)
		return 0;
	selected = maglev_select(service, index, packet->hash, packet->active);
	backend = backend_at(packet->active, selected);
	if (!selected || !backend || !backend->ifindex)
		return 0;
	draft = &scratch->draft;
	now_ns = bpf_ktime_get_ns();
	draft_client(draft, packet, eth, now_ns);
	draft->state = first_state(ctx, packet, service, now_ns);
	draft_backend(draft, service, index, backend, selected);
	scratch->ahead_attempt = service->flags & PM_SERVICE_SOURCE_CLIENT
					 ? 0
					 : nat_choose(draft, packet->hash, packet->active, 0, 0);
	if (nat_aim(&draft->session, packet->active))
		return 0;
	session_touch(session_half(packet->active), packet->hash);
	scratch->ahead_service = index;
	return 1;
}

/* Is this flow's draft the one that draft_ahead() made? */
static __always_inline int is_drafted(const struct packet *packet, const struct scratch *scratch,
				      __u32 service, __u32 choice)
{
	return is_syn(packet) && !choice && scratch->ahead_service == service;
}

#endif
