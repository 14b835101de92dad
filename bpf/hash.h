/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The hash of a flow. Compiled into the programs and the daemon, so that both find the same session and slot.
 */
#ifndef PM_HASH_H
#define PM_HASH_H

#include "abi.h"

/* What a packet looks like on the wire: the key of a session. */
struct pm_flow {
	struct pm_addr source;
	struct pm_addr destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 reserved[3];      /* zero */
} __attribute__((aligned(8))); /* programs compare addresses by halves */

static __attribute__((always_inline)) inline __u64 pm_mix(__u64 hash, __u64 value, __u64 multiplier)
{
	hash = (hash ^ value) * multiplier;
	return hash ^ (hash >> 32);
}

static __attribute__((always_inline)) inline __u64 pm_pair(__u32 high, __u32 low)
{
	return ((__u64)high << 32) | low;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PM_V4_MAPPED	    0xffff0000u
#define PM_V4_HALF(address) ((__u64)(address) << 32 | PM_V4_MAPPED)
#else
#define PM_V4_MAPPED	    0x0000ffffu
#define PM_V4_HALF(address) ((__u64)PM_V4_MAPPED << 32 | (address))
#endif

static __attribute__((always_inline)) inline int pm_addr_is_v4(const struct pm_addr *address)
{
	return (address->word[0] | address->word[1]) == 0 && address->word[2] == PM_V4_MAPPED;
}

/*
 * Multiply-xorshift over the 5-tuple, keyed so that a client cannot aim at one set without knowing the seed.
 * An IPv4 flow takes three multiplications; the constants are those of splitmix64 (Steele et al., OOPSLA
 * 2014) and wyhash.
 */
static __attribute__((always_inline)) inline __u64 pm_family_hash(const struct pm_flow *flow,
								  const volatile __u64 *key, int v4)
{
	const struct pm_addr *s = &flow->source;
	const struct pm_addr *d = &flow->destination;
	__u64 hash = key[0];

	if (!v4) {
		hash = pm_mix(hash, pm_pair(s->word[0], s->word[1]), 0xa0761d6478bd642full);
		hash = pm_mix(hash, pm_pair(d->word[0], d->word[1]), 0xe7037ed1a0b428dbull);
		hash = pm_mix(hash, pm_pair(s->word[2], d->word[2]), 0x8ebc6af09c88c6e3ull);
	}
	hash = pm_mix(hash, pm_pair(s->word[3], d->word[3]), 0xbf58476d1ce4e5b9ull);
	hash = pm_mix(hash,
		      pm_pair(((__u32)flow->source_port << 16) | flow->destination_port, flow->protocol) ^
			      key[1],
		      0x94d049bb133111ebull);
	hash *= 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 32);
}

static __attribute__((always_inline)) inline __u64 pm_flow_hash(const struct pm_flow *flow,
								const volatile __u64 *key)
{
	return pm_family_hash(flow, key, pm_addr_is_v4(&flow->source));
}

/* Maps the high half of a uniform 32-bit value onto [0, count) without a division (Lemire, 2019). */
static __attribute__((always_inline)) inline __u32 pm_scale(__u32 uniform, __u32 count)
{
	return (__u32)(((__u64)uniform * count) >> 32);
}

static __attribute__((always_inline)) inline __u32 pm_session_tag(__u64 hash)
{
	__u32 tag = (__u32)hash;

	return tag > PM_TAG_CLAIMED ? tag : tag + 2;
}

static __attribute__((always_inline)) inline __u32 pm_first_set(__u32 hash_high, __u32 sets)
{
	return pm_scale(hash_high, sets);
}

/* The second candidate depends on the high half alone, so that an entry can be moved without its packet. */
static __attribute__((always_inline)) inline __u32 pm_second_set(__u32 hash_high, __u32 sets)
{
	return pm_scale((hash_high ^ (hash_high >> 15)) * 0x2c1b3c6du + 0x9e3779b9u, sets);
}

static __attribute__((always_inline)) inline __u32 pm_slot_hash(const struct pm_addr *address, __be16 port,
								__u8 protocol)
{
	__u64 hash = pm_mix(pm_pair(address->word[0], address->word[1]),
			    pm_pair(address->word[2], address->word[3]), 0xbf58476d1ce4e5b9ull);

	return (__u32)pm_mix(hash, pm_pair(port, protocol), 0x94d049bb133111ebull);
}

#endif
