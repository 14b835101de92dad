/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Internet checksums as differences (RFC 1624): 32-bit one's complement sums of 16-bit words, byte order
 * free. */
#ifndef PM_CHECKSUM_H
#define PM_CHECKSUM_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

static __always_inline __u32 checksum_add(__u32 a, __u32 b)
{
	__u32 sum = a + b;

	return sum + (sum < a);
}

/* The difference that replacing `from` by `to` makes. Also right for 16-bit values. */
static __always_inline __u32 checksum_replace(__u32 difference, __u32 from, __u32 to)
{
	return checksum_add(checksum_add(difference, ~from), to);
}

static __always_inline __u16 checksum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m') */
static __always_inline __u16 checksum_apply(__u16 checksum, __u32 difference)
{
	return ~checksum_fold(checksum_add((__u16)~checksum, difference));
}

#endif
