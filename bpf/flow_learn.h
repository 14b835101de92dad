/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the flow cache learns of a packet that went the long way: flow_cache.h says what it is for. */
#ifndef PM_FLOW_LEARN_H
#define PM_FLOW_LEARN_H

#include "flow_cache.h"

static __always_inline int learn_stranger(struct cached_flow *cached, const struct packet *packet)
{
	const __u32 half = session_half(packet->active);

	if (packet->active & PM_ACTIVE_CARRY_OVER) /* it may yet have a session */
		return CACHED_NOTHING;
	cached->set = candidate_set(half, packet->hash >> 32, 0);
	cached->second_set = candidate_set(half, packet->hash >> 32, 1);
	cached->longest = 0xffff;
	return CACHED_STRANGER;
}

static __always_inline void learn_nat(struct cached_flow *cached, const struct packet *packet,
				      struct endpoint source, struct endpoint destination)
{
	cached->sums = nat_sums_of(packet, source, destination);
	octets_copy(&cached->source, source.address, sizeof(cached->source));
	octets_copy(&cached->destination, destination.address, sizeof(cached->destination));
	cached->source_port = source.port;
	cached->destination_port = destination.port;
}

static __always_inline int learn_answer(struct cached_flow *cached, const struct packet *packet,
					const struct parties *parties)
{
	const struct pm_session *session = &cached->session;

	cached->longest = 0xffff;
	learn_nat(cached, packet, (struct endpoint){&parties->service->address, session->service_port},
		  (struct endpoint){&session->client, session->client_port});
	return CACHED_NAT;
}

static __always_inline int learn_way_out(struct cached_flow *cached, const struct packet *packet,
					 const struct parties *parties)
{
	const struct pm_session *session = &cached->session;
	const struct pm_backend *backend = parties->backend;
	const __u8 forward = parties->service->forward;
	const struct pm_addr *nat;

	cached->longest = fitting_length(packet, parties->service, backend);
	if (!cached->longest)
		cached->longest = 0xffff;
	if (forward != PM_FORWARD_NAT)
		return forward == PM_FORWARD_DSR ? CACHED_ADDRESSED : CACHED_TUNNEL;
	nat = session_nat_address(session, packet->active);
	if (!nat)
		return CACHED_NOTHING;
	learn_nat(cached, packet, (struct endpoint){nat, session->nat_port},
		  (struct endpoint){&backend->address, backend_port(backend, session->service_port)});
	return CACHED_NAT;
}

/* Of a packet that left its session as it was, and has been sent. */
static __always_inline int learn_session(PM_CONTEXT *ctx, struct cached_flow *cached,
					 const struct packet *packet, const struct session_copy *copy)
{
	const struct parties parties = parties_of(&copy->session, packet->active);
	const __be32 *mac = context_data(ctx);

	if (!packet->unchanged || !parties.service || !parties.backend || !goes_on(copy->state) ||
	    (copy->state & (PM_SESSION_CLOSED | PM_SESSION_CUT)) || (void *)(mac + 3) > context_data_end(ctx))
		return CACHED_NOTHING;
	cached->set = (packet->unchanged - 1) / PM_SESSION_WAYS;
	cached->way = (packet->unchanged - 1) % PM_SESSION_WAYS;
	cached->state = copy->state;
	octets_copy(&cached->session, &copy->session, sizeof(cached->session));
	cached->out_ifindex = packet->out_ifindex;
	cached->out_flags = packet->out_flags;
	cached->out_mac[0] = mac[0];
	cached->out_mac[1] = mac[1];
	cached->out_mac[2] = mac[2];
	return copy->direction == PM_TO_CLIENT ? learn_answer(cached, packet, &parties)
					       : learn_way_out(cached, packet, &parties);
}

/* Writes down what became of the packet that recall() noted in the slot. */
__noinline int learn(PM_CONTEXT *ctx, __u32 slot, __u32 verdict)
{
	struct flow_cache *cache = array_at(&pm_flow_cache, 0);
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct cached_flow *cached;
	const struct packet *packet;
	int step = CACHED_NOTHING;

	if (!cache || !scratch || slot >= PM_CACHED_FLOWS)
		return 0;
	cached = &cache->flow[slot];
	packet = &scratch->packet;
	if (verdict == PM_PASS_NOT_OURS)
		step = learn_stranger(cached, packet);
	else if (verdict == PM_FORWARD_TO_BACKEND || verdict == PM_FORWARD_TO_CLIENT)
		step = learn_session(ctx, cached, packet, &scratch->copy);
	cached->hash = packet->hash;
	cached->active = packet->active;
	cached->link = packet->link;
	cached->protocol = packet->flow.protocol;
	cached->verdict = verdict;
	cached->step = step;
	return 0;
}

#endif
