/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A cache of decisions: what was done to a flow's last packet is done to its next one, without asking for the
 * reasons again, as long as all of them are the same to the last bit: the tables, the session, and how the
 * packet comes. Each CPU has its own; Open vSwitch calls the like an exact match cache. Only packets whose
 * headers lie where they mostly do and which leave their session as it is are looked up, and what is learned
 * is what steer.h did. A flow is learned with its second packet in a row, so that many flows do not wear the
 * cache out.
 */
#ifndef PM_FLOW_CACHE_H
#define PM_FLOW_CACHE_H

#include "parse.h"
#include "steer.h"

#define PM_CACHED_FLOW_BITS 7
#define PM_CACHED_FLOWS	    (1u << PM_CACHED_FLOW_BITS) /* per CPU: the most that a map takes for one (32 KB) */
#define PM_NO_SLOT	    PM_CACHED_FLOWS

enum cached_step {
	CACHED_NOTHING = 0,
	CACHED_STRANGER,  /* passes: no session, no service */
	CACHED_NAT,	  /* to a backend or to a client */
	CACHED_ADDRESSED, /* to a backend: MAC addresses alone */
	CACHED_TUNNEL,	  /* likewise, with an outer header */
};

#define FLOW_WORDS 8

struct cached_flow {
	/* What its packets look like, beside the protocol. */
	__u64 word[FLOW_WORDS]; /* flow_words(); of IPv4 five */
	__u32 ifindex;
	/* What was decided by. */
	__u32 active;
	__u64 hash;
	__u32 set;	  /* index in pm_sessions */
	__u32 second_set; /* of a stranger: neither of them has its tag */
	__u32 state;
	__u8 way; /* in its set */
	__u8 protocol;
	/* What was decided. */
	__u8 step;		   /* enum cached_step; CACHED_NOTHING while the rest is written */
	__u8 verdict;		   /* enum pm_verdict */
	struct pm_session session; /* what was decided by, too */
	__u32 longest;		   /* IP packet that this holds for, in octets */
	__u32 link;		   /* slot in pm_links: whose counters */
	__u32 out_ifindex;	   /* where it leaves, as in struct packet */
	__u32 out_flags;
	__be32 out_mac[3];  /* destination and source */
	__be16 source_port; /* of NAT, as all that follows */
	__be16 destination_port;
	struct nat_sums sums;
	struct pm_addr source;
	struct pm_addr destination;
};

struct flow_cache {
	__u32 asked[PM_CACHED_FLOWS]; /* mixed_flow() of the packet that was looked up there last */
	struct cached_flow flow[PM_CACHED_FLOWS];
};
_Static_assert(sizeof(struct flow_cache) <= 32 << 10, "a value of a per-CPU map");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_cache);
} pm_flow_cache SEC(".maps");

/*
 * What the frames of a flow have alike, in the words in which they lie: MAC addresses, EtherType, version and
 * header length, that it is no fragment, protocol, addresses and ports. The rest of the words is left out.
 */
static __always_inline void flow_words(const octets_t *frame, int v6, __u64 *word)
{
	word[0] = frame[0];
	word[1] = frame[1] & bpf_cpu_to_be64(v6 ? 0xfffffffffffff000 : 0xffffffffffffff00);
	word[2] = frame[2] & bpf_cpu_to_be64(v6 ? 0x00000000ff00ffff : 0x000000003fff00ff);
	if (v6) {
		word[3] = frame[3];
		word[4] = frame[4];
		word[5] = frame[5];
		word[6] = frame[6];
		word[7] = *(const __u16 *)(frame + 7);
	} else {
		word[3] = frame[3] & bpf_cpu_to_be64(0x0000ffffffffffff);
		word[4] = frame[4] & bpf_cpu_to_be64(0xffffffffffff0000);
	}
}

/* Those in which flows mostly differ. The tables' hash is keyed, and costs more; who aims at a slot wears out
 * a cache, no more. */
static __always_inline __u32 mixed_flow(int v6, const __u64 *word)
{
	const __u64 mixed = v6 ? word[3] ^ word[4] ^ word[5] ^ word[6] ^ word[7] : word[3] ^ word[4];

	return (__u32)(mixed ^ mixed >> 32) * 0x9e3779b1u;
}

static __always_inline int is_of_flow(const struct cached_flow *cached, int v6, const __u64 *word)
{
	return cached->word[3] == word[3] && cached->word[4] == word[4] &&
	       (!v6 ||
		(cached->word[5] == word[5] && cached->word[6] == word[6] && cached->word[7] == word[7]));
}

/* Does it come from where, and to whom, the one before it did? */
static __always_inline int comes_alike(PM_CONTEXT *ctx, const struct cached_flow *cached, const __u64 *word)
{
	return cached->word[0] == word[0] && cached->word[1] == word[1] && cached->word[2] == word[2] &&
	       cached->ifindex == context_ifindex(ctx);
}

/* Are its headers where flow_words() takes them from? */
static __always_inline int is_plain_frame(const void *ip, int v6)
{
	const struct iphdr *ip4 = ip;
	const __u8 first = *(const __u8 *)ip;
	const __u8 protocol = v6 ? ((const struct ipv6hdr *)ip)->nexthdr : ip4->protocol;

	return (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) &&
	       (v6 ? (first & 0xf0) == 0x60
		   : first == 0x45 && !(ip4->frag_off & bpf_htons(IP_FRAGMENT_OFFSET | IP_MORE_FRAGMENTS)));
}

/* Octets of the L4 header; 0 when it is not whole, or when the packet may change its session. */
static __always_inline __u32 plain_l4_header(PM_CONTEXT *ctx, const void *l4, __u8 protocol)
{
	const struct tcphdr *tcp = l4;
	__u32 length;

	if (protocol == IPPROTO_UDP)
		return sizeof(struct udphdr);
	if ((void *)(tcp + 1) > context_data_end(ctx) ||
	    (((const __be16 *)tcp)[TCP_FLAG_BYTE / 2] & bpf_htons(TCP_SYN | TCP_FIN | TCP_RST)))
		return 0;
	length = (((const __u8 *)tcp)[TCP_FLAG_BYTE - 1] & 0xf0) / 4;
	return length < sizeof(*tcp) ? 0 : length;
}

/* Is the session that was found then still there, the same, and in no need to hear of the packet? */
static __always_inline int session_stands(const struct cached_flow *cached, __u32 now)
{
	const struct pm_session_set *set = array_at(&pm_sessions, cached->set);
	const octets_t *a = (const void *)&cached->session, *b;
	const __u32 way = cached->way % PM_SESSION_WAYS;

	if (!set || !entry_has_hash(set, way, cached->hash) || READ_ONCE(set->state[way]) != cached->state ||
	    (set->last_seen[way] ^ now) / PM_SEEN_TICKS)
		return 0;
	barrier();
	b = (const void *)&set->way[way];
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) |
		(a[5] ^ b[5])) == 0;
}
_Static_assert(sizeof(struct pm_session) == 6 * sizeof(octets_t), "session_stands() compares all of it");

static __always_inline int is_stranger_yet(const struct cached_flow *cached)
{
	const struct pm_session_set *first = array_at(&pm_sessions, cached->set);
	const struct pm_session_set *second = array_at(&pm_sessions, cached->second_set);
	const __u32 tag = pm_session_tag(cached->hash);

	return first && second && !set_has_tag(first, tag) && !set_has_tag(second, tag);
}

/* Do the reasons of then hold for a packet of now? */
static __always_inline int holds(const struct cached_flow *cached, const struct packet *packet)
{
	return cached->active == packet->active &&
	       (cached->step == CACHED_STRANGER ? is_stranger_yet(cached)
						: session_stands(cached, packet->now));
}

static __always_inline int address_as_cached(PM_CONTEXT *ctx, const struct cached_flow *cached)
{
	__be32 *mac = context_data(ctx);

	if ((void *)(mac + 3) > context_data_end(ctx))
		return PM_DROP_REWRITE_FAILED;
	mac[0] = cached->out_mac[0];
	mac[1] = cached->out_mac[1];
	mac[2] = cached->out_mac[2];
	return cached->verdict;
}

static __always_inline int send_as_cached(PM_CONTEXT *ctx, struct packet *packet,
					  const struct cached_flow *cached)
{
	const struct endpoint source = {&cached->source, cached->source_port};
	const struct endpoint destination = {&cached->destination, cached->destination_port};
	const struct nat_sums sums = {cached->sums.pseudo, cached->sums.header}; /* not octet by octet */
	struct parties parties;
	int verdict = rewrite_ttl(ctx, packet);

	if (verdict != PM_CONTINUE)
		return verdict;
	packet->out_ifindex = cached->out_ifindex;
	packet->out_flags = cached->out_flags;
	if (cached->step == CACHED_TUNNEL) {
		parties = parties_of(&cached->session, packet->active);
		return parties.service && parties.backend
			       ? encapsulate(ctx, packet, parties.service, parties.backend)
			       : PM_DROP_NO_BACKEND;
	}
	if (cached->step == CACHED_NAT && rewrite_nat_by(ctx, packet, source, destination, sums))
		return PM_DROP_REWRITE_FAILED;
	return address_as_cached(ctx, cached);
}

static __always_inline int do_as_cached(PM_CONTEXT *ctx, struct packet *packet,
					const struct cached_flow *cached)
{
	int verdict;

	packet->link = cached->link;
	if (cached->step == CACHED_STRANGER)
		return cached->verdict;
	verdict = send_as_cached(ctx, packet, cached);
	if (verdict == PM_FORWARD_TO_BACKEND)
		count_to_backend(packet, cached->session.backend);
	else if (verdict == PM_FORWARD_TO_CLIENT)
		count_to_client(packet, cached->session.backend);
	return verdict;
}

/* Writes down what the packet looks like, before steer() changes it. */
static __always_inline void note_flow(PM_CONTEXT *ctx, struct cached_flow *cached, int v6, const __u64 *word)
{
	cached->step = CACHED_NOTHING;
	cached->ifindex = context_ifindex(ctx);
#pragma unroll
	for (__u32 i = 0; i < (v6 ? FLOW_WORDS : 5); i++)
		cached->word[i] = word[i];
}

static __always_inline int recall_family(PM_CONTEXT *ctx, struct packet *packet, int v6, __u32 *slot)
{
	const __u32 ip_header = v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	const void *data = context_data(ctx), *ip = data + ETH_HLEN, *l4 = ip + ip_header;
	struct flow_cache *cache = array_at(&pm_flow_cache, 0);
	struct cached_flow *cached;
	__u64 word[FLOW_WORDS];
	__u32 mixed, place, header;

	if (!cache || l4 + sizeof(struct udphdr) > context_data_end(ctx))
		return PM_CONTINUE;
	flow_words(data, v6, word);
	mixed = mixed_flow(v6, word);
	place = mixed >> (32 - PM_CACHED_FLOW_BITS);
	if (cache->asked[place] != mixed) {
		cache->asked[place] = mixed;
		return PM_CONTINUE;
	}
	cached = &cache->flow[place];
	if (unlikely(!is_of_flow(cached, v6, word) || !comes_alike(ctx, cached, word) || !cached->step)) {
		if (is_plain_frame(ip, v6)) {
			note_flow(ctx, cached, v6, word);
			*slot = place;
		}
		return PM_CONTINUE;
	}
	packet->length = context_length(ctx);
	packet->l3_length = v6 ? sizeof(struct ipv6hdr) + bpf_ntohs(((const struct ipv6hdr *)ip)->payload_len)
			       : bpf_ntohs(((const struct iphdr *)ip)->tot_len);
	header = plain_l4_header(ctx, l4, cached->protocol);
	if (unlikely(!header || packet->l3_length < ip_header + header ||
		     packet->l3_length > packet->length - ETH_HLEN || packet->l3_length > cached->longest))
		return PM_CONTINUE;
	if (unlikely(!holds(cached, packet))) {
		cached->step = CACHED_NOTHING;
		*slot = place;
		return PM_CONTINUE;
	}
	packet->v6 = v6;
	packet->flow.protocol = cached->protocol;
	packet->hash = cached->hash;
	packet->l3_offset = ETH_HLEN;
	packet->l4_offset = ETH_HLEN + ip_header;
	return do_as_cached(ctx, packet, cached);
}

/*
 * A verdict, when the packet was done with; else PM_CONTINUE, and it is as it came. `slot` then says where to
 * learn() what becomes of it, unless it is not of those that are learned.
 */
static __always_inline int recall(PM_CONTEXT *ctx, struct packet *packet, __u32 *slot)
{
	const struct ethhdr *eth = context_data(ctx);
	__be16 protocol;

	if ((void *)(eth + 1) > context_data_end(ctx))
		return PM_CONTINUE;
	protocol = ((const __be16 *)eth)[ETH_ALEN]; /* h_proto, at once */
	if (likely(protocol == bpf_htons(ETH_P_IP)))
		return recall_family(ctx, packet, 0, slot);
	return protocol == bpf_htons(ETH_P_IPV6) ? recall_family(ctx, packet, 1, slot) : PM_CONTINUE;
}

#endif
