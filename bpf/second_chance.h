/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A connection that its backend does not take goes to the next choice of the Maglev table, before any verdict
 * of the daemon's: when the client repeats its SYN, or at once when the backend refuses it. Only the flow
 * moves: what it says about the backend is evidence for the daemon like before.
 */
#ifndef PM_SECOND_CHANCE_H
#define PM_SECOND_CHANCE_H

#include "follow.h"
#include "open.h"

#define SECOND_CHANCES 2   /* to so many further backends a flow goes; PM_SESSION_CHANCES counts to 3 */
#define NEXT_LOOKS     128 /* slots that are looked at for another backend: four cache lines */

/*
 * Units of 1024 ns from a SYN to a repeated one that moves the flow. Clients wait for a second; what comes
 * much sooner is a duplicate that the network made. Where answers do not pass here, that second is no proof:
 * if the SYN-ACK was lost, the backend repeats it as well, and a client that takes it after its flow moved
 * ends with a RST. Only the next silence is.
 */
#define REPEATED_AFTER	     244141u  /* 250 ms */
#define REPEATED_TWICE_AFTER 1464844u /* 1.5 s */

static __always_inline __u32 chances_of(const struct session_copy *copy)
{
	return (copy->state & PM_SESSION_CHANCES) >> PM_SESSION_CHANCE_SHIFT;
}

/* The backend in a slot of a service's Maglev table, whose chunks begin at `base`; 0 when the flow had it. */
__noinline __u32 other_choice(__u32 base, __u32 slot, __u32 tried, __u32 first, __u32 active)
{
	struct pm_maglev_chunk *chunk = array_at(&pm_maglev, base + slot / PM_MAGLEV_CHUNK);
	struct pm_backend *backend;
	__u32 found;

	if (!chunk)
		return 0;
	found = chunk->backend[slot % PM_MAGLEV_CHUNK];
	if (found == tried || found == first)
		return 0;
	backend = backend_at(active, found);
	return backend && backend->ifindex ? found : 0;
}

/*
 * A backend that takes new flows and did not have this one: neither `tried` nor the flow's first choice. 0
 * when none is found. The walk begins where the flow's hash and the number of the chance say, so that the
 * flows of a backend that failed spread over all the others by their weight.
 */
__noinline __u32 next_choice(__u32 service_index, __u64 hash, __u32 tried, __u32 chance, __u32 active)
{
	struct pm_service *service = service_at(active, service_index);
	__u32 base, first, start, found;

	if (!service || !service->maglev_size)
		return 0;
	base = (table_half(active) * options.services + service_index) * options.maglev_chunks;
	first = maglev_select(service, service_index, hash, active);
	start = pm_scale((__u32)pm_mix(hash, chance, 0x9e3779b97f4a7c15ull), service->maglev_size);
#pragma nounroll
	for (__u32 i = 0; i < NEXT_LOOKS; i++) {
		found = other_choice(base, (start + i) % service->maglev_size, tried, first, active);
		if (found)
			return found;
	}
	return 0;
}

/* Where a repeated SYN goes that nobody answered: choice_of(), or 0 for where it went before. */
static __always_inline __u32 choice_for_repeated(const struct packet *packet, const struct session_copy *copy,
						 const struct pm_service *service)
{
	const __u32 chance = chances_of(copy) + 1;
	__u32 age;

	if (!service || !(service->flags & PM_SERVICE_SECOND_CHANCE) || chance > SECOND_CHANCES ||
	    packet->fragment)
		return 0;
	age = (__u32)(bpf_ktime_get_ns() >> 10) - copy->opened_low;
	if (age < (service->forward == PM_FORWARD_NAT ? REPEATED_AFTER : REPEATED_TWICE_AFTER))
		return 0;
	return choice_of(next_choice(copy->service, packet->hash, copy->backend, chance, packet->active),
			 chance);
}

/* Sends a SYN, of the flow whose session at `place` was `copy`, to another backend. */
static __always_inline int try_elsewhere(PM_CONTEXT *ctx, struct packet *packet,
					 const struct session_copy *copy, place_t place, __u32 choice)
{
	const int verdict = open_session(ctx, packet, copy->service, place, choice);
	struct pm_backend_counters *counts = backend_counters(copy->backend);

	if (verdict != PM_FORWARD_TO_BACKEND)
		return verdict;
	nat_abandon(&copy->session, PM_TO_CLIENT, packet->active);
	if (counts)
		counts->second_chances++;
	return PM_FORWARD_SECOND_CHANCE;
}

/* Is this the RST that a backend answers a SYN with, of a connection that it said nothing else about? */
static __always_inline int is_refusal(const struct packet *packet, const struct session_copy *copy)
{
	return copy->direction == PM_TO_CLIENT && packet->tcp_flags == (TCP_RST | TCP_ACK) &&
	       !(copy->state & PM_SESSION_PROGRESS);
}

/* The client's session of a refused flow, in the active half; 0 when that belongs to another pair by now. */
static __always_inline place_t refused_place(struct scratch *scratch, __u64 hash, __u32 active)
{
	const struct session_copy *refused = &scratch->copy, *client = &scratch->found;
	place_t place = session_find(session_half(active), hash, &scratch->partner, active);

	if (!place && (active & PM_ACTIVE_CARRY_OVER))
		place = session_carry_over(hash, &scratch->partner, active);
	if (!entry_read(entry_at(place), &scratch->found) || client->backend != refused->backend ||
	    client->nat_port != refused->nat_port || client->incarnation != refused->incarnation)
		return 0;
	return place;
}

/* Gives the IP header what the client's had. */
static __always_inline int restore_ip(PM_CONTEXT *ctx, const struct packet *packet, const struct pm_syn *syn)
{
	const __be32 service_type = bpf_htonl(0x00ff0000);
	struct iphdr *ip = l3_header(ctx, packet);
	struct ipv6hdr *ip6 = (void *)ip;
	__be32 *first = (void *)ip, was;
	__u64 difference;

	if ((void *)(ip6 + 1) > context_data_end(ctx)) /* longer than IPv4's, and a SYN is behind that */
		return -1;
	was = *first;
	if (packet->v6) {
		*first = syn->ip;
		ip6->hop_limit = syn->ttl;
		return 0;
	}
	*first = (was & ~service_type) | (syn->ip & service_type);
	difference = checksum_replace(0, was, *first);
	difference = checksum_replace(difference, bpf_htons(ip->ttl << 8), bpf_htons(syn->ttl << 8));
	ip->ttl = syn->ttl;
	ip->check = checksum_apply(ip->check, difference);
	return 0;
}

/* Writes the TCP header that the client sent. */
static __always_inline int restore_tcp(PM_CONTEXT *ctx, const struct packet *packet, struct scratch *scratch,
				       __u32 length)
{
	const struct pm_syn *syn = &scratch->syn;
	__be32 *word = scratch->tcp;
	__u64 sum = 0;

	((__be16 *)word)[0] = scratch->partner.source_port;
	((__be16 *)word)[1] = scratch->partner.destination_port;
	word[1] = syn->sequence;
	word[2] = 0;
	word[3] = syn->offset_flags;
	word[4] = 0;
#pragma unroll
	for (__u32 i = 0; i < 10; i++)
		word[5 + i] = 20 + i * 4 < length ? syn->option[i] : 0;
#pragma unroll
	for (__u32 i = 0; i < 15; i++) {
		sum += word[i];
		OPAQUE(sum); /* one after the other: all at once they would fill the stack */
	}
	OPAQUE(length);
	length &= 0x3f;
	if (length < sizeof(struct tcphdr) || length > sizeof(scratch->tcp) ||
	    context_store(ctx, packet->l4_offset, word, length))
		return -1;
	return context_set_l4_checksum(ctx, packet->l4_offset + offsetof(struct tcphdr, check),
				       answer_pseudo_sum(packet, IPPROTO_TCP, length), sum);
}

/* The flow the other way round: an answer to it has its addresses. */
static __always_inline void answered_flow(struct pm_flow *answered, const struct pm_flow *flow)
{
	answered->source = flow->destination;
	answered->destination = flow->source;
	answered->source_port = flow->destination_port;
	answered->destination_port = flow->source_port;
}

/* The RST becomes the SYN of scratch->partner that it answers, as it came from the client. */
static __always_inline int restore_syn(PM_CONTEXT *ctx, struct packet *packet, struct scratch *scratch,
				       __u64 hash)
{
	const __u32 length = (bpf_ntohl(scratch->syn.offset_flags) >> 28) * 4;
	struct ethhdr *eth;

	answered_flow(&packet->flow, &scratch->partner);
	if (answer_headers(ctx, packet, IPPROTO_TCP, length) || restore_ip(ctx, packet, &scratch->syn) ||
	    restore_tcp(ctx, packet, scratch, length))
		return -1;
	eth = context_data(ctx);
	if ((void *)(eth + 1) > context_data_end(ctx))
		return -1;
	mac_copy(eth->h_source, scratch->copy.client_mac);
	packet->flow = scratch->partner;
	packet->hash = hash;
	packet->tcp_flags = (__u8)(bpf_ntohl(scratch->syn.offset_flags) >> 16);
	packet->l4_header_length = length;
	packet->l3_length = l3_header_length(packet) + length;
	packet->length = packet->l3_offset + packet->l3_length;
	return 0;
}

static __always_inline __be32 acknowledged(PM_CONTEXT *ctx, const struct packet *packet)
{
	const struct tcphdr *tcp = l4_header(ctx, packet);

	return (void *)(tcp + 1) > context_data_end(ctx) ? 0 : tcp->ack_seq;
}

#define PM_RETRY -2 /* the packet is the client's SYN now, and scratch->retry_choice where it goes */

/*
 * A backend refused the connection of the session in scratch->copy. PM_RETRY; PM_CONTINUE when the client has
 * to be told; or the verdict when it need not be, since its SYN will come again.
 */
__noinline int retry_refused(PM_CONTEXT *ctx, struct packet *packet)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct pm_service *service;
	__u32 chance, backend;
	__u64 hash;

	if (!packet || !scratch)
		return PM_CONTINUE;
	service = service_at(packet->active, scratch->copy.service);
	chance = chances_of(&scratch->copy) + 1;
	if (!service || !(service->flags & PM_SERVICE_SECOND_CHANCE) || chance > SECOND_CHANCES ||
	    nat_client_flow(&scratch->copy.session, packet->active, &scratch->partner))
		return PM_CONTINUE;
	hash = pm_flow_hash(&scratch->partner, options.hash_key);
	backend = next_choice(scratch->copy.service, hash, scratch->copy.backend, chance, packet->active);
	if (!backend)
		return PM_CONTINUE;
	scratch->retry_choice = choice_of(backend, chance);
	scratch->retry_place = refused_place(scratch, hash, packet->active);
	if (!scratch->retry_place)
		return PM_CONTINUE;
	if (!syn_read(hash, &scratch->syn) || !scratch->syn.is_whole)
		return PM_DROP_REFUSAL;
	if (acknowledged(ctx, packet) != bpf_htonl(bpf_ntohl(scratch->syn.sequence) + 1))
		return PM_CONTINUE; /* the client will not believe it either */
	return restore_syn(ctx, packet, scratch, hash) ? PM_DROP_REFUSAL : PM_RETRY;
}

/* A backend refused the connection of the session `copy`. PM_CONTINUE when the client is to hear it. */
static __always_inline int on_refusal(PM_CONTEXT *ctx, struct packet *packet, const struct session_copy *copy)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	const __u32 link = packet->link;
	int verdict = retry_refused(ctx, packet);

	if (verdict == PM_CONTINUE || !scratch)
		return PM_CONTINUE;
	event_send_evidence(&copy->session, packet->active, PM_EVENT_REFUSED, packet->now);
	if (verdict != PM_RETRY)
		return verdict;
	packet->link = copy->link;
	verdict = try_elsewhere(ctx, packet, copy, scratch->retry_place, scratch->retry_choice);
	packet->link = link; /* where it is counted */
	return verdict;
}

#endif
