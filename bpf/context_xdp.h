/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What differs between the two hooks, for XDP. context_tc.h is the other one; nothing else is written twice.
 */
#ifndef PM_CONTEXT_H
#define PM_CONTEXT_H

#include "checksum.h"
#include "maps.h"
#include "tunnel.h"
#include <linux/if_ether.h>

#define PM_CONTEXT	  struct xdp_md
#define PM_HAS_FLOW_CACHE 1

enum {
	CONTEXT_PASS = XDP_PASS,
	CONTEXT_DROP = XDP_DROP,
};

static __always_inline void *context_data(struct xdp_md *ctx)
{
	return CONTEXT_POINTER(ctx, data);
}

static __always_inline void *context_data_end(struct xdp_md *ctx)
{
	return CONTEXT_POINTER(ctx, data_end);
}

#include "context_l2.h"

static __always_inline __u32 context_length(struct xdp_md *ctx)
{
	__u64 length = context_data_end(ctx) - context_data(ctx);

	OPAQUE(length);
	return length;
}

static __always_inline __u32 context_ifindex(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex;
}

/* XDP has no packets whose headers lie elsewhere. */
static __always_inline void context_make_linear(struct xdp_md *ctx, __u32 length)
{
}

/* Longer than the interface's MTU allows: the kernel's own judgement, and a call that generic XDP alone pays.
 */
static __always_inline int context_is_joined(struct xdp_md *ctx)
{
	__u32 length = 0;

	return bpf_check_mtu(ctx, 0, &length, 0, 0) == BPF_MTU_CHK_RET_FRAG_NEEDED;
}

/* For context_take_mark() in context_tc.h. Packet pointers are void afterwards. 0, or negative when there is
 * no room for it. */
static __always_inline int context_mark(struct xdp_md *ctx)
{
	__u32 *mark;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*mark)))
		return -1;
	mark = CONTEXT_POINTER(ctx, data_meta);
	if ((void *)(mark + 1) > context_data(ctx))
		return -1;
	*mark = PM_LEFT_MARK;
	return 0;
}

/* What goes on the wire at once is the frame: joined ones were left to tc. */
static __always_inline __u32 context_wire_length(struct xdp_md *ctx, __u32 l3_length, __u32 headers)
{
	return l3_length;
}

/* XDP packets carry no sum of their own. */
static __always_inline void context_add_to_sum(struct xdp_md *ctx, __u64 difference)
{
}

/*
 * Adds to the L4 checksum at `offset` what changed in the pseudo-header and what changed in the L4 header
 * (RFC 1624). A UDP checksum of zero means none and stays. Returns 0, or negative when the packet is too
 * short.
 */
static __always_inline int context_adjust_l4_checksum(struct xdp_md *ctx, __u32 offset, __u64 pseudo,
						      __u64 header, int udp)
{
	__u16 *checksum = checksum_at(ctx, offset);

	if ((void *)(checksum + 1) > context_data_end(ctx))
		return -1;
	checksum_adjust(checksum, pseudo, header, udp, 0);
	return 0;
}

/* Writes a checksum computed from the whole L4 packet: `pseudo` is the pseudo-header's sum, `header` the
 * rest's. */
static __always_inline int context_set_l4_checksum(struct xdp_md *ctx, __u32 offset, __u64 pseudo,
						   __u64 header)
{
	__u16 *checksum = checksum_at(ctx, offset);

	if ((void *)(checksum + 1) > context_data_end(ctx))
		return -1;
	*checksum = ~checksum_fold(pseudo + header);
	return 0;
}

/* In XDP every checksum is complete. */
static __always_inline int context_park_checksum(struct xdp_md *ctx, __u32 l3_offset, __u32 l4_offset,
						 __u32 checksum_offset, __u32 length)
{
	return 0;
}

/* Writes into the packet, whose checksums know nothing of it. */
static __always_inline int context_store(struct xdp_md *ctx, __u32 offset, const void *from, __u32 length)
{
	return bpf_xdp_store_bytes(ctx, offset, (void *)from, length) ? -1 : 0;
}

/* The first `length` octets, at least one, of a frame that has as many. */
static __always_inline int context_load(struct xdp_md *ctx, void *to, __u32 length)
{
	return bpf_xdp_load_bytes(ctx, 0, to, length) ? -1 : 0;
}

/* In XDP tags are octets of the frame like any others. */
static __always_inline __u32 context_tag_beside(struct xdp_md *ctx)
{
	return 0;
}

static __always_inline int context_forget_sum(struct xdp_md *ctx)
{
	return 0; /* no sum of the NIC's comes along */
}

/*
 * Makes the frame `length` octets long; only the headers before IP stay what they are. Packet pointers are
 * void afterwards. Room behind the frame is not a matter of course (a veth has none to speak of), before it
 * it is.
 */
static __always_inline int context_resize(struct xdp_md *ctx, __u32 length)
{
	const int more = (int)length - (int)context_length(ctx);

	if (!bpf_xdp_adjust_tail(ctx, more))
		return 0;
	if (more <= 0 || more > 0x7f || bpf_xdp_adjust_head(ctx, -more))
		return -1;
	return context_move_l2(ctx, more);
}

/*
 * Makes room for the tunnel's headers before the IP header; VLAN tags move to the front, MAC addresses and
 * the last EtherType are to be written. Packet pointers are void afterwards.
 */
static __always_inline int context_encapsulate(struct xdp_md *ctx, struct tunnel *tunnel)
{
	__u32 length = tunnel->length & TUNNEL_LENGTH_MASK;
	__u16 *to, *from;

	if (bpf_xdp_adjust_head(ctx, -(int)length))
		return -1;
	if (tunnel->l3_offset == ETH_HLEN)
		return 0;
	to = context_data(ctx);
	OPAQUE(length);
	from = context_data(ctx) + (length & TUNNEL_LENGTH_MASK);
	if ((void *)(from + LONGEST_L2 / 2) > context_data_end(ctx) ||
	    (void *)(to + LONGEST_L2 / 2) > context_data_end(ctx))
		return -1;
#pragma unroll
	for (__u32 i = ETH_ALEN; i < LONGEST_L2 / 2; i++)
		if (i < tunnel->l3_offset / 2)
			to[i] = from[i];
	return 0;
}

/* In XDP tags are octets of the frame like any others. */
static __always_inline int context_finish_tunnel(struct xdp_md *ctx, const struct tunnel *tunnel)
{
	return 0;
}

static __always_inline int context_send(struct xdp_md *ctx, __u32 ifindex, __u32 out_flags)
{
	return ifindex == ctx->ingress_ifindex ? XDP_TX : bpf_redirect(ifindex, 0);
}

#endif
