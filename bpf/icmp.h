/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * ICMP and ICMPv6: errors go to the flow that they quote, with the quote translated; a ping of a service's
 * address is answered while a backend is there for it; a packet that is too big for its way gets an answer.
 */
#ifndef PM_ICMP_H
#define PM_ICMP_H

#include "answer.h"
#include "nat.h"
#include "parse.h"

/* <linux/icmp.h> needs the C library's headers. Numbers of RFC 792 and RFC 4443. */
enum {
	ICMP_ECHOREPLY = 0,
	ICMP_DEST_UNREACH = 3,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETERPROB = 12,
	ICMP_FRAG_NEEDED = 4, /* code of ICMP_DEST_UNREACH */
	ICMPV6_DEST_UNREACH = 1,
	ICMPV6_PKT_TOOBIG = 2,
	ICMPV6_PARAMPROB = 4,
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
};

struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 rest; /* the MTU, of "too big" */
};

#define ICMP_HEADER   8
#define QUOTED_L4     8 /* octets of the L4 header that every error quotes (RFC 792) */
#define LONGEST_QUOTE (ICMP_HEADER + 60 + QUOTED_L4) /* of what is read: IPv4 with options, and ports */
#define V6_MIN_MTU    1280

/* A host's own echo requests and errors are no business of ours: this is for a service's address. */
static __always_inline int is_echo_request(const struct packet *packet)
{
	return packet->icmp_type == (packet->v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO);
}

static __always_inline int is_icmp_error(const struct packet *packet)
{
	if (packet->v6)
		return packet->icmp_type >= ICMPV6_DEST_UNREACH && packet->icmp_type <= ICMPV6_PARAMPROB;
	return packet->icmp_type == ICMP_DEST_UNREACH || packet->icmp_type == ICMP_TIME_EXCEEDED ||
	       packet->icmp_type == ICMP_PARAMETERPROB;
}

/* An answer begins its way with a hop count of its own: its request's may be used up. */
static __always_inline int renew_ttl(PM_CONTEXT *ctx, const struct packet *packet)
{
	struct iphdr *ip = l3_header(ctx, packet);
	struct ipv6hdr *ip6 = (void *)ip;

	if ((void *)(ip + 1) > context_data_end(ctx))
		return -1;
	if (packet->v6) {
		context_add_to_sum(ctx,
				   checksum_replace(0, bpf_htons(ip6->hop_limit), bpf_htons(ANSWER_TTL)));
		ip6->hop_limit = ANSWER_TTL;
	} else {
		ip->check = checksum_apply(
			ip->check, checksum_replace(0, bpf_htons(ip->ttl << 8), bpf_htons(ANSWER_TTL << 8)));
		ip->ttl = ANSWER_TTL;
	}
	return 0;
}

/* Turns the request into its answer: only addresses, hop count and type change. */
static __always_inline int answer_ping(PM_CONTEXT *ctx, struct packet *packet)
{
	const __be16 request = bpf_htons(packet->v6 ? ICMPV6_ECHO_REQUEST << 8 : ICMP_ECHO << 8);
	const __be16 reply = bpf_htons(packet->v6 ? ICMPV6_ECHO_REPLY << 8 : ICMP_ECHOREPLY << 8);
	struct ethhdr *eth = context_data(ctx), old;
	struct icmp_header *icmp;

	if ((void *)(eth + 1) > context_data_end(ctx))
		return PM_DROP_REWRITE_FAILED;
	old = *eth;
	rewrite_ethernet(eth, old.h_source, old.h_dest);
	if (rewrite_addresses(l3_header(ctx, packet), context_data_end(ctx), packet->v6,
			      &packet->flow.destination, &packet->flow.source, 0) ||
	    renew_ttl(ctx, packet))
		return PM_DROP_REWRITE_FAILED;
	icmp = l4_header(ctx, packet);
	if ((void *)(icmp + 1) > context_data_end(ctx))
		return PM_DROP_REWRITE_FAILED;
	icmp->type = packet->v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY;
	packet->out_ifindex = context_ifindex(ctx);
	if (context_adjust_l4_checksum(ctx, packet->l4_offset + offsetof(struct icmp_header, checksum), 0,
				       checksum_replace(0, request, reply), 0))
		return PM_DROP_REWRITE_FAILED;
	icmp = l4_header(ctx, packet);
	if ((void *)(icmp + 1) > context_data_end(ctx))
		return PM_DROP_REWRITE_FAILED;
	if (!icmp->checksum) /* of nothing but zeros only the other zero is right (RFC 1071) */
		icmp->checksum = 0xffff;
	return PM_FORWARD_PONG;
}

static __always_inline int ping(PM_CONTEXT *ctx, struct packet *packet)
{
	struct pm_service_slot *slot =
		service_slot(&packet->flow.destination, 0, packet->flow.protocol, packet->active);

	if (!slot || packet->fragment)
		return PM_PASS_NOT_OURS;
	if (is_bad_source(packet))
		return PM_DROP_SOURCE;
	return slot->flags & PM_SLOT_ALIVE ? answer_ping(ctx, packet) : PM_DROP_PING;
}

/* The packet that an error quotes. */
struct quote {
	struct pm_flow
		flow;	 /* the other way round: what its session is found by when that went the same way */
	__u32 l4_offset; /* of its L4 header, from the start of the frame */
};

/* Reads the quote. Negative when it is none of a flow that could be ours. */
static __always_inline int read_quote(PM_CONTEXT *ctx, const struct packet *packet, struct quote *quote)
{
	void *data_end = context_data_end(ctx);
	void *inner = l4_header(ctx, packet) + ICMP_HEADER;
	struct ipv6hdr *ip6 = inner;
	struct iphdr *ip = inner;
	struct fragment_header *fragment = (void *)(ip6 + 1);
	__u32 offset = packet->l4_offset + ICMP_HEADER;
	__be16 *ports;

	if (packet->v6) {
		if ((void *)(ip6 + 1) > data_end)
			return -1;
		addr_from_v6(&quote->flow.source, &ip6->daddr);
		addr_from_v6(&quote->flow.destination, &ip6->saddr);
		quote->flow.protocol = ip6->nexthdr;
		offset += sizeof(*ip6);
		if (ip6->nexthdr == IPPROTO_FRAGMENT) {
			if ((void *)(fragment + 1) > data_end || (fragment->offset & bpf_htons(0xfff8)))
				return -1;
			quote->flow.protocol = fragment->next;
			offset += sizeof(*fragment);
		}
	} else {
		if ((void *)(ip + 1) > data_end || ip->ihl < 5 ||
		    (ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET)))
			return -1;
		addr_from_v4(&quote->flow.source, ip->daddr);
		addr_from_v4(&quote->flow.destination, ip->saddr);
		quote->flow.protocol = ip->protocol;
		offset += ip->ihl * 4u;
	}
	if (quote->flow.protocol != IPPROTO_TCP && quote->flow.protocol != IPPROTO_UDP)
		return -1;
	quote->l4_offset = offset;
	OPAQUE(offset);
	ports = context_data(ctx) + (offset & 0x1ff);
	if ((void *)(ports + QUOTED_L4 / 2) > data_end ||
	    quote->l4_offset + QUOTED_L4 > packet->l3_offset + packet->l3_length) /* padding is no quote */
		return -1;
	quote->flow.source_port = ports[1];
	quote->flow.destination_port = ports[0];
	return 0;
}

/*
 * Translates the quoted packet, whose source and destination become these. The differences to the ICMP
 * checksum: an IPv4 header's own checksum balances its addresses; ports, and IPv6 addresses, count.
 */
static __always_inline int rewrite_quote(PM_CONTEXT *ctx, const struct packet *packet,
					 const struct quote *quote, struct endpoint source,
					 struct endpoint destination, __u64 *difference)
{
	const struct pm_flow *was = &quote->flow; /* the other way round */
	__u64 addresses = address_difference(0, &was->destination, source.address, packet->v6);
	__u32 offset = quote->l4_offset;
	__be16 *ports;

	addresses = address_difference(addresses, &was->source, destination.address, packet->v6);
	if (rewrite_addresses(l4_header(ctx, packet) + ICMP_HEADER, context_data_end(ctx), packet->v6,
			      source.address, destination.address, addresses))
		return -1;
	OPAQUE(offset);
	ports = context_data(ctx) + (offset & 0x1ff);
	if ((void *)(ports + QUOTED_L4 / 2) > context_data_end(ctx))
		return -1;
	*difference = packet->v6 ? addresses : 0;
	*difference = checksum_replace(*difference, was->destination_port, source.port);
	*difference = checksum_replace(*difference, was->source_port, destination.port);
	ports[0] = source.port;
	ports[1] = destination.port;
	return 0;
}

/* Both ends of a NAT flow, as one side of the balancer knows them. */
struct ends {
	struct endpoint near; /* whoever the error goes to */
	struct endpoint far;
};

static __always_inline int ends_towards(const struct pm_session *session, __u32 active, int to_backend,
					struct ends *ends)
{
	struct pm_service *service = service_at(active, session->service);
	struct pm_backend *backend = backend_at(active, session->backend);
	const struct pm_addr *nat = session_nat_address(session, active);

	if (!service || !backend || !nat)
		return -1;
	if (to_backend) {
		ends->near =
			(struct endpoint){&backend->address, backend_port(backend, session->service_port)};
		ends->far = (struct endpoint){nat, session->nat_port};
	} else {
		ends->near = (struct endpoint){&session->client, session->client_port};
		ends->far = (struct endpoint){&service->address, session->service_port};
	}
	return 0;
}

/*
 * Sends an error on to `near`, which sent the quoted packet towards `far`. A router that reports keeps its
 * address; the peer's own report comes from the peer as `near` knows it.
 */
static __always_inline int translate_error(PM_CONTEXT *ctx, struct packet *packet, const struct quote *quote,
					   const struct ends *ends)
{
	const struct pm_addr *source = addr_equal(&packet->flow.source, &quote->flow.source)
					       ? ends->far.address
					       : &packet->flow.source;
	__u64 pseudo, header;

	if (rewrite_quote(ctx, packet, quote, ends->near, ends->far, &header))
		return -1;
	pseudo = address_difference(0, &packet->flow.source, source, packet->v6);
	pseudo = address_difference(pseudo, &packet->flow.destination, ends->near.address, packet->v6);
	if (rewrite_addresses(l3_header(ctx, packet), context_data_end(ctx), packet->v6, source,
			      ends->near.address, pseudo))
		return -1;
	if (packet->v6)
		context_add_to_sum(ctx, pseudo);
	return context_adjust_l4_checksum(ctx, packet->l4_offset + offsetof(struct icmp_header, checksum),
					  packet->v6 ? pseudo : 0, header, 0);
}

#endif
