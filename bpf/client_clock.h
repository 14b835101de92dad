/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Tells whether a backend in TIME_WAIT will take a new SYN for a new connection: when the SYN's timestamp
 * (RFC 7323) is later than the last one of the connection before (RFC 6191). Timestamps count milliseconds in
 * nearly all stacks, so what they are ahead of our own clock stays the same for as long as a connection lives
 * and after; the start differs from host to host, and since Linux 6.18 from connection to connection.
 */
#ifndef PM_CLIENT_CLOCK_H
#define PM_CLIENT_CLOCK_H

#include "packet.h"

#define TCP_OPTION_TIMESTAMP 8
#define TIMESTAMP_LENGTH     10
#define OPTIONS_WALKED	     8 /* before the timestamp: more than any stack sends */
#define OPTION_OFFSET_MASK   0x1ff

#define CLOCK_UNIT_SHIFT 16 /* 65.5 seconds: 16 bits of them span all timestamps */
#define NS_PER_MS	 1000000

/* The timestamp of a TCP packet's sender. 0: it has none, or a coincidence. */
static __always_inline __u32 tcp_timestamp(PM_CONTEXT *ctx, const struct packet *packet)
{
	const __u32 end = packet->l4_offset + packet->l4_header_length;
	__u32 offset = packet->l4_offset + sizeof(struct tcphdr);

#pragma nounroll
	for (int i = 0; i < OPTIONS_WALKED && offset + TIMESTAMP_LENGTH <= end; i++) {
		__u32 at = offset;
		__u8 *option;

		OPAQUE(at);
		option = context_data(ctx) + (at & OPTION_OFFSET_MASK);
		if ((void *)(option + TIMESTAMP_LENGTH) > context_data_end(ctx) ||
		    option[0] == TCP_OPTION_END)
			break;
		if (option[0] == TCP_OPTION_TIMESTAMP && option[1] == TIMESTAMP_LENGTH)
			return (__u32)option[2] << 24 | option[3] << 16 | option[4] << 8 | option[5];
		if (option[0] != TCP_OPTION_NOP && option[1] < 2)
			break;
		offset += option[0] == TCP_OPTION_NOP ? 1 : option[1];
	}
	return 0;
}

/* What the sender's clock is ahead of ours, in the upper half of a session's state (PM_SESSION_CLOCK). */
static __always_inline __u32 client_clock(PM_CONTEXT *ctx, const struct packet *packet, __u64 now_ns)
{
	const __u32 timestamp = tcp_timestamp(ctx, packet);
	const __u32 ahead = (timestamp - (__u32)(now_ns / NS_PER_MS)) >> CLOCK_UNIT_SHIFT;

	if (!timestamp)
		return 0;
	return (ahead ? ahead : 1) << PM_SESSION_CLOCK_SHIFT;
}

/*
 * Given the states of a closed connection and of a new one: are the new one's timestamps later? Less than two
 * units apart are known to be so only if one address sends both, whose host has one clock for all.
 */
static __always_inline int clock_goes_on(__u32 closed, __u32 opened, int same_address)
{
	const __s16 ahead = (opened >> PM_SESSION_CLOCK_SHIFT) - (closed >> PM_SESSION_CLOCK_SHIFT);

	if (!(closed >> PM_SESSION_CLOCK_SHIFT) || !(opened >> PM_SESSION_CLOCK_SHIFT))
		return 0;
	return ahead > 1 || (ahead >= -1 && same_address);
}

#endif
