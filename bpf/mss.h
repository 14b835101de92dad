/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The maximum segment size that a SYN announces (RFC 9293 section 3.7.1): whoever receives it sends no longer
 * segments. A service may have it lowered to what the way to the backend takes. Only SYNs come here.
 */
#ifndef PM_MSS_H
#define PM_MSS_H

#include "too_big.h"

#define TCP_OPTIONS	  40 /* octets, and so the most options that there can be */
#define TCP_OPTION_MSS	  2
#define MSS_OPTION_LENGTH 4
#define TCP_OFFSET_MASK	  0x3f

/* Octets of segment that fit where so long an IP packet does; 0: any number. */
static __always_inline __u32 fitting_segment(const struct packet *packet, __u32 fitting)
{
	const __u32 headers = l3_header_length(packet) + sizeof(struct tcphdr);

	if (!fitting)
		return 0;
	return fitting > headers + PM_LEAST_MSS ? fitting - headers : PM_LEAST_MSS;
}

/* The octet at an offset of the TCP header, and three behind it; NULL when the packet is shorter. */
static __always_inline __u8 *tcp_option_at(PM_CONTEXT *ctx, const struct packet *packet, __u32 offset)
{
	__u8 *option;

	OPAQUE(offset);
	option = l4_header(ctx, packet) + (offset & TCP_OFFSET_MASK);
	return option + MSS_OPTION_LENGTH > (__u8 *)context_data_end(ctx) ? NULL : option;
}

/*
 * Where the option after this one begins, from the TCP header on; of the MSS option, where it is itself; 0
 * when there are no more. A function that the verifier checks once for any offset, or it would follow every
 * path through forty options.
 */
__noinline __u32 next_option(PM_CONTEXT *ctx, struct packet *packet, __u32 offset)
{
	const __u8 *option;

	if (!packet || offset + MSS_OPTION_LENGTH > packet->l4_header_length)
		return 0;
	option = tcp_option_at(ctx, packet, offset);
	if (!option || option[0] == TCP_OPTION_END)
		return 0;
	if (option[0] == TCP_OPTION_NOP)
		return offset + 1;
	if (option[0] == TCP_OPTION_MSS && option[1] == MSS_OPTION_LENGTH)
		return offset;
	return option[1] < 2 ? 0 : offset + option[1];
}

/* Where the MSS option begins, from the TCP header on; 0 when there is none. */
static __always_inline __u32 mss_option(PM_CONTEXT *ctx, struct packet *packet)
{
	__u32 offset = sizeof(struct tcphdr);

#pragma nounroll
	for (int i = 0; i < TCP_OPTIONS; i++) {
		const __u32 next = next_option(ctx, packet, offset);

		if (next == offset || !next)
			return next;
		offset = next;
	}
	return 0;
}

/*
 * Announces no more than `most` octets. A SYN without the option stands for the least there is, and stays.
 * PM_CONTINUE, or why the packet ends here.
 */
__noinline int clamp_mss(PM_CONTEXT *ctx, struct packet *packet, __u32 most)
{
	__u32 offset, mss;
	__u64 difference;
	__u8 *option;

	if (!packet)
		return PM_DROP_REWRITE_FAILED;
	context_make_linear(ctx, packet->l4_offset + packet->l4_header_length);
	offset = mss_option(ctx, packet);
	option = tcp_option_at(ctx, packet, offset);
	if (!offset || !option)
		return PM_CONTINUE;
	mss = option[2] << 8 | option[3];
	if (mss <= most)
		return PM_CONTINUE;
	option[2] = most >> 8;
	option[3] = most;
	difference = checksum_replace(0, bpf_htons(mss), bpf_htons(most));
	if (offset & 1) /* its octets are the other ones of their 16-bit words */
		difference = checksum_replace(0, __builtin_bswap16(bpf_htons(mss)),
					      __builtin_bswap16(bpf_htons(most)));
	return context_adjust_l4_checksum(ctx, packet->l4_offset + l4_checksum_offset(packet), 0, difference,
					  0)
		       ? PM_DROP_REWRITE_FAILED
		       : PM_CONTINUE;
}

/* What a SYN of either direction may announce as its service wants it, on a way that takes IP packets of
 * `fitting` octets. */
static __always_inline int limit_segments(PM_CONTEXT *ctx, struct packet *packet,
					  const struct pm_service *service, __u32 fitting)
{
	__u32 most = service->mss_clamp;

	if (most == PM_MSS_AUTO)
		most = fitting_segment(packet, fitting);
	return most && !packet->fragment ? clamp_mss(ctx, packet, most) : PM_CONTINUE;
}

#endif
