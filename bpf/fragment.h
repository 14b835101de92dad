/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Later fragments have no ports: they follow the first one of their packet, and one that comes before it
 * follows the last fragmented packet of its hosts, since what fragments goes on doing so.
 */
#ifndef PM_FRAGMENT_H
#define PM_FRAGMENT_H

#include "packet.h"

struct fragment_key {
	struct pm_addr source;
	struct pm_addr destination;
	__u32 identification;
	__u8 protocol;
	__u8 any; /* 1: of the last fragmented packet; identification is 0 */
	__u8 reserved[2];
};

/*
 * Sessions of fragmented packets. Written and read by the programs. An entry lives until it is the least
 * recently used; its session is checked like any other. A lost one costs a packet, which its sender repeats.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PM_FRAGMENTED);
	__type(key, struct fragment_key);
	__type(value, struct session_copy);
} pm_fragments SEC(".maps");

static __always_inline struct fragment_key fragment_key(const struct packet *packet)
{
	return (struct fragment_key){
		.source = packet->flow.source,
		.destination = packet->flow.destination,
		.identification = packet->fragment_id,
		.protocol = packet->l4_type,
	};
}

/*
 * Remembers the session of a first fragment. Answers to the NAT addresses of the pool are of all clients:
 * what comes before its first fragment is nobody's there, lest one client gets what is another's.
 */
__noinline int fragment_follow(const struct packet *packet, const struct session_copy *session)
{
	struct fragment_key key;

	if (!packet || !session)
		return 0;
	key = fragment_key(packet);
	bpf_map_update_elem(&pm_fragments, &key, session, BPF_ANY);
	if (session->direction == PM_TO_CLIENT && session->nat_address)
		return 1;
	key.identification = 0;
	key.any = 1;
	bpf_map_update_elem(&pm_fragments, &key, session, BPF_ANY);
	return 1;
}

/* The session that a later fragment belongs to, NULL when none is known. */
static __always_inline struct session_copy *fragment_session(const struct packet *packet)
{
	struct fragment_key key = fragment_key(packet);
	struct session_copy *session = bpf_map_lookup_elem(&pm_fragments, &key);

	if (session)
		return session;
	key.identification = 0;
	key.any = 1;
	return bpf_map_lookup_elem(&pm_fragments, &key);
}

#endif
