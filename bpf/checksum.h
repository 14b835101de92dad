/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Internet checksums as differences (RFC 1624), byte order free. The 32-bit words of a sum are added up in 64
 * bits, and the carries at the end: by a branch, each would depend on the packet's addresses, which no
 * processor predicts.
 */
#ifndef PM_CHECKSUM_H
#define PM_CHECKSUM_H

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* The difference that replacing `from` by `to` makes. Also right for 16-bit values. */
static __always_inline __u64 checksum_replace(__u64 difference, __u32 from, __u32 to)
{
	return difference + (__u32)~from + to;
}

static __always_inline __u64 checksum_carry(__u64 sum)
{
	return (__u32)sum + (sum >> 32);
}

/* As the kernel's own calls want it. */
static __always_inline __u32 checksum_fold_32(__u64 sum)
{
	return checksum_carry(checksum_carry(sum));
}

static __always_inline __u16 checksum_fold(__u64 sum)
{
	sum = checksum_carry(sum);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m') */
static __always_inline __u16 checksum_apply(__u16 checksum, __u64 difference)
{
	return ~checksum_fold((__u16)~checksum + difference);
}

/*
 * Adjusts an L4 checksum in its place by what changed in the pseudo-header and in the L4 header. A partial
 * one is the sum of the pseudo-header alone, to which the kernel or the NIC adds the rest later. A UDP
 * checksum of zero means none and stays.
 */
static __always_inline void checksum_adjust(__u16 *checksum, __u64 pseudo, __u64 header, int udp, int partial)
{
	if (udp && *checksum == 0)
		return;
	*checksum = partial ? checksum_fold(*checksum + pseudo) : checksum_apply(*checksum, pseudo + header);
	if (udp && *checksum == 0)
		*checksum = 0xffff;
}

#endif
