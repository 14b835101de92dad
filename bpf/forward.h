/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Sending a packet of a session on its way: to its backend, as the service forwards, or back to its client.
 */
#ifndef PM_FORWARD_H
#define PM_FORWARD_H

#include "mss.h"

/* A frame for a backend, as far as NAT and DSR have it in common: its next hop. */
static __always_inline int address_backend(PM_CONTEXT *ctx, struct packet *packet,
					   const struct pm_backend *backend)
{
	struct ethhdr *eth = context_data(ctx);

	if ((void *)(eth + 1) > context_data_end(ctx))
		return PM_DROP_REWRITE_FAILED;
	rewrite_ethernet(eth, backend->next_hop, backend->source);
	return PM_FORWARD_TO_BACKEND;
}

static __always_inline int forward_nat(PM_CONTEXT *ctx, struct packet *packet,
				       const struct pm_session *session, const struct pm_backend *backend)
{
	const struct pm_addr *nat = session_nat_address(session, packet->active);

	if (!nat)
		return PM_DROP_NO_BACKEND;
	if (rewrite_nat(ctx, packet, (struct endpoint){nat, session->nat_port},
			(struct endpoint){&backend->address, backend_port(backend, session->service_port)}))
		return PM_DROP_REWRITE_FAILED;
	return address_backend(ctx, packet, backend);
}

static __always_inline void count_to_backend(const struct packet *packet, __u32 backend)
{
	struct pm_backend_counters *counts = backend_counters(backend);

	if (!counts)
		return;
	counts->packets_to_backend++;
	counts->bytes_to_backend += packet->length;
}

/* Sends a packet of a session to its backend. */
static __always_inline int to_backend(PM_CONTEXT *ctx, struct packet *packet,
				      const struct pm_session *session, const struct parties *parties)
{
	const struct pm_service *service = parties->service;
	const struct pm_backend *backend = parties->backend;
	__u32 fitting;
	int verdict;

	if (!service || !backend)
		return PM_DROP_NO_BACKEND;
	if (!backend->ifindex)
		return PM_DROP_NO_NEXT_HOP;
	fitting = fitting_length(packet, service, backend);
	if (unlikely(is_too_big(ctx, packet, fitting)))
		return answer_too_big(ctx, packet, fitting);
	verdict = rewrite_ttl(ctx, packet);
	if (unlikely(verdict == PM_CONTINUE && (packet->tcp_flags & TCP_SYN)))
		verdict = limit_segments(ctx, packet, service, fitting);
	if (verdict != PM_CONTINUE)
		return verdict;
	packet->out_ifindex = backend->ifindex;
	packet->out_flags = backend->out_flags;
	if (service->forward == PM_FORWARD_NAT)
		verdict = forward_nat(ctx, packet, session, backend);
	else if (service->forward == PM_FORWARD_DSR)
		verdict = address_backend(ctx, packet, backend);
	else
		verdict = encapsulate(ctx, packet, service, backend);
	if (verdict == PM_FORWARD_TO_BACKEND)
		count_to_backend(packet, session->backend);
	return verdict;
}

static __always_inline void count_to_client(const struct packet *packet, __u32 backend)
{
	struct pm_backend_counters *counts = backend_counters(backend);

	if (!counts)
		return;
	counts->packets_to_client++;
	counts->bytes_to_client += packet->length;
}

/* Aims a frame at the MAC and the interface that the client's packets came from. */
static __always_inline int address_client(PM_CONTEXT *ctx, struct packet *packet,
					  const struct pm_session *session)
{
	struct pm_link *link = link_at(packet->active, session->link);
	struct ethhdr *eth = context_data(ctx);

	if (!link || !link->ifindex)
		return PM_DROP_NO_NEXT_HOP;
	if ((void *)(eth + 1) > context_data_end(ctx))
		return PM_DROP_REWRITE_FAILED;
	rewrite_ethernet(eth, session->client_mac, link->mac);
	packet->out_ifindex = link->ifindex;
	packet->out_flags = link->out_flags;
	return PM_CONTINUE;
}

/* Sends an answer of a NAT backend to its client. */
static __always_inline int to_client(PM_CONTEXT *ctx, struct packet *packet, const struct pm_session *session,
				     const struct parties *parties)
{
	const struct pm_service *service = parties->service;
	int verdict;

	if (!service || !parties->backend)
		return PM_DROP_NO_NEXT_HOP;
	verdict = rewrite_ttl(ctx, packet);
	if (unlikely(verdict == PM_CONTINUE && (packet->tcp_flags & TCP_SYN)))
		verdict = limit_segments(ctx, packet, service, parties->backend->mtu);
	if (verdict == PM_CONTINUE)
		verdict = address_client(ctx, packet, session);
	if (verdict != PM_CONTINUE)
		return verdict;
	if (rewrite_nat(ctx, packet, (struct endpoint){&service->address, session->service_port},
			(struct endpoint){&session->client, session->client_port}))
		return PM_DROP_REWRITE_FAILED;
	count_to_client(packet, session->backend);
	return PM_FORWARD_TO_CLIENT;
}

/* An ICMP error about a packet of this session, which went the other way. */
static __always_inline int forward_error(PM_CONTEXT *ctx, struct packet *packet, const struct quote *quote,
					 const struct pm_session *session)
{
	const struct parties parties = parties_of(session, packet->active);
	const struct pm_service *service = parties.service;
	const struct pm_backend *backend = parties.backend;
	const int to_backend = session->direction == PM_TO_BACKEND;
	struct ends ends;
	int verdict;

	if (!service || !backend || !session_is_valid(session, &parties) ||
	    ends_towards(session, packet->active, to_backend, &ends))
		return PM_DROP_BACKEND_DOWN;
	if (to_backend && !backend->ifindex)
		return PM_DROP_NO_NEXT_HOP;
	verdict = rewrite_ttl(ctx, packet);
	if (verdict != PM_CONTINUE)
		return verdict;
	packet->out_ifindex = backend->ifindex;
	packet->out_flags = backend->out_flags;
	if (service->forward == PM_FORWARD_IPIP || service->forward == PM_FORWARD_GUE)
		verdict = encapsulate(ctx, packet, service, backend);
	else if (service->forward == PM_FORWARD_NAT && translate_error(ctx, packet, quote, &ends))
		verdict = PM_DROP_REWRITE_FAILED;
	else
		verdict = to_backend ? address_backend(ctx, packet, backend)
				     : address_client(ctx, packet, session);
	return verdict == PM_CONTINUE || verdict == PM_FORWARD_TO_BACKEND ? PM_FORWARD_ICMP_ERROR : verdict;
}

/* An ICMP error goes to the flow that it quotes. PM_CONTINUE when that is none of ours. */
__noinline int steer_error(PM_CONTEXT *ctx, struct packet *packet)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct quote quote = {};
	place_t place;

	if (!packet || !scratch)
		return PM_PASS_NOT_OURS;
	context_make_linear(ctx, packet->l4_offset + LONGEST_QUOTE);
	if (read_quote(ctx, packet, &quote))
		return PM_CONTINUE;
	packet->hash = pm_flow_hash(&quote.flow, options.hash_key);
	place = session_peek(packet->hash, &quote.flow, packet->active);
	if (!entry_read(entry_at(place), &scratch->copy))
		return PM_CONTINUE;
	return forward_error(ctx, packet, &quote, &scratch->copy.session);
}

#endif
