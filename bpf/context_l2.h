/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The part of context_xdp.h and context_tc.h that needs nothing but the frame's bounds, which they define. */
#ifndef PM_CONTEXT_L2_H
#define PM_CONTEXT_L2_H

/* Before the frame, as XDP's metadata: generic XDP left the frame to the tc program behind it (behind.h). */
#define PM_LEFT_MARK 0x706d6c66u

/* Moves the headers before IP to the front of a frame that has got `room` octets there. */
static __always_inline int context_move_l2(PM_CONTEXT *ctx, __u32 room)
{
	__u16 *to = context_data(ctx), *from;

	OPAQUE(room);
	from = context_data(ctx) + (room & 0x7f);
	if ((void *)(from + LONGEST_L2 / 2) > context_data_end(ctx) ||
	    (void *)(to + LONGEST_L2 / 2) > context_data_end(ctx))
		return -1;
#pragma unroll
	for (__u32 i = 0; i < LONGEST_L2 / 2; i++)
		to[i] = from[i];
	return 0;
}

/* The checksum at an offset below 512. */
static __always_inline __u16 *checksum_at(PM_CONTEXT *ctx, __u32 offset)
{
	OPAQUE(offset);
	return context_data(ctx) + (offset & 0x1ff);
}

#endif
