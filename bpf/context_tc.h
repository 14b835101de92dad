/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What differs between the two hooks, for tc: packets may be fragmented in memory, longer than the MTU (GSO),
 * and carry only the pseudo-header's checksum (CHECKSUM_PARTIAL), which the kernel's checksum calls know how
 * to keep.
 */
#ifndef PM_CONTEXT_H
#define PM_CONTEXT_H

#include "checksum.h"
#include "maps.h"
#include "tunnel.h"
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define PM_CONTEXT	  struct __sk_buff
#define PM_HAS_FLOW_CACHE 0 /* the stack before it costs a hundred times what the cache would save */

enum {
	CONTEXT_PASS = TC_ACT_UNSPEC, /* the next program, then the stack */
	CONTEXT_DROP = TC_ACT_SHOT,
};

static __always_inline void *context_data(struct __sk_buff *ctx)
{
	return CONTEXT_POINTER(ctx, data);
}

static __always_inline void *context_data_end(struct __sk_buff *ctx)
{
	return CONTEXT_POINTER(ctx, data_end);
}

#include "context_l2.h"

static __always_inline __u32 context_length(struct __sk_buff *ctx)
{
	return ctx->len;
}

static __always_inline __u32 context_ifindex(struct __sk_buff *ctx)
{
	return ctx->ifindex;
}

/* The first `length` octets, or as many as there are, come to lie where they can be read. Packet pointers are
 * void afterwards. */
static __always_inline void context_make_linear(struct __sk_buff *ctx, __u32 length)
{
	if (length > ctx->len)
		length = ctx->len;
	if (ctx->data_end - ctx->data < length)
		bpf_skb_pull_data(ctx, length);
}

/* For generic XDP, as in context_xdp.h. */
static __always_inline int context_is_joined(struct __sk_buff *ctx)
{
	return ctx->gso_size != 0;
}

static __always_inline int context_mark(struct __sk_buff *ctx)
{
	return -1;
}

/* Was this frame left by generic XDP? The mark comes off: it is for this program only. */
static __always_inline int context_take_mark(struct __sk_buff *ctx)
{
	__u32 *mark = CONTEXT_POINTER(ctx, data_meta);

	if ((void *)(mark + 1) > context_data(ctx) || *mark != PM_LEFT_MARK)
		return 0;
	*mark = 0;
	return 1;
}

/* Octets of IP packet that go on the wire at once: a segment of a GSO frame, whose length is not its own. */
static __always_inline __u32 context_wire_length(struct __sk_buff *ctx, __u32 l3_length, __u32 headers)
{
	return ctx->gso_size ? ctx->gso_size + headers : l3_length;
}

/*
 * The IP packet's sum of all octets became so much larger, with no checksum field that makes up for it. Some
 * NICs deliver that sum (CHECKSUM_COMPLETE), and a container's stack would take the packet for broken by it.
 */
static __always_inline void context_add_to_sum(struct __sk_buff *ctx, __u64 difference)
{
	bpf_csum_update(ctx, checksum_fold_32(difference));
}

/* The kernel's packet, as far as it is looked at. */
struct sk_buff {
	__u8 ip_summed : 2;
} __attribute__((preserve_access_index));

/* Since Linux 6.2. Costs nothing: it tells the verifier that the context is the packet. */
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

/* How far a packet's checksum has got: CHECKSUM_* in linux/skbuff.h. */
enum sum_state {
	SUM_IN_PACKET = 0, /* or UNNECESSARY, 1: the NIC found it right */
	SUM_COMPLETE = 2,  /* and the NIC brings a sum of all octets along, which has to follow changes */
	SUM_PARTIAL = 3,   /* only the pseudo-header's so far */
	SUM_UNKNOWN = 4,
};

static __always_inline __u32 context_sum_state(struct __sk_buff *ctx)
{
	struct sk_buff *packet;

	if (!bpf_cast_to_kern_ctx)
		return SUM_UNKNOWN;
	packet = bpf_cast_to_kern_ctx(ctx);
	return BPF_CORE_READ_BITFIELD(packet, ip_summed);
}

/*
 * By the kernel's calls, as context_adjust_l4_checksum does it without. The order matters: a UDP checksum of
 * zero must be seen before anything is added. The kernel takes every pseudo-header for one of IPv4, whose
 * header's own checksum makes up for its addresses.
 */
static __always_inline int context_have_checksum_adjusted(struct __sk_buff *ctx, __u32 offset, __u64 pseudo,
							  __u64 header, int udp)
{
	__u64 flags = udp ? BPF_F_MARK_MANGLED_0 : 0;
	__u16 checksum;

	if (udp) {
		if (bpf_skb_load_bytes(ctx, offset, &checksum, sizeof(checksum)))
			return -1;
		if (!checksum) {
			context_add_to_sum(ctx, header);
			return 0;
		}
	}
	if (bpf_l4_csum_replace(ctx, offset, 0, checksum_fold_32(pseudo), flags | BPF_F_PSEUDO_HDR))
		return -1;
	return bpf_l4_csum_replace(ctx, offset, 0, checksum_fold_32(header), flags) ? -1 : 0;
}

/* As in context_xdp.h. Two calls into the kernel for each packet are saved wherever it tells enough. */
static __always_inline int context_adjust_l4_checksum(struct __sk_buff *ctx, __u32 offset, __u64 pseudo,
						      __u64 header, int udp)
{
	const __u32 state = context_sum_state(ctx);
	__u16 *checksum = checksum_at(ctx, offset);

	if (state == SUM_UNKNOWN || state == SUM_COMPLETE)
		return context_have_checksum_adjusted(ctx, offset, pseudo, header, udp);
	if ((void *)(checksum + 1) > context_data_end(ctx))
		return -1;
	checksum_adjust(checksum, pseudo, header, udp, state == SUM_PARTIAL);
	return 0;
}

/*
 * Does the kernel still have to complete the checksum at this offset? Tried out, which destroys the checksum:
 * adding to the header's part changes a complete one and leaves a partial one alone. 1, 0, or negative.
 */
static __always_inline int context_checksum_is_partial(struct __sk_buff *ctx, __u32 offset)
{
	__u16 checksum = 0x1234;
	const __u16 before = checksum;

	if (bpf_skb_store_bytes(ctx, offset, &checksum, sizeof(checksum), 0) ||
	    bpf_l4_csum_replace(ctx, offset, 0, 1, 0) ||
	    bpf_skb_load_bytes(ctx, offset, &checksum, sizeof(checksum)))
		return -1;
	return checksum == before;
}

/* As in context_xdp.h, also where the kernel has to complete the checksum. */
static __always_inline int context_set_l4_checksum(struct __sk_buff *ctx, __u32 offset, __u64 pseudo,
						   __u64 header)
{
	const int partial = context_checksum_is_partial(ctx, offset);
	__u16 checksum = partial ? checksum_fold(pseudo) : ~checksum_fold(pseudo + header);

	return partial < 0 || bpf_skb_store_bytes(ctx, offset, &checksum, sizeof(checksum), 0) ? -1 : 0;
}

/*
 * For a frame that is to become one of another protocol. A checksum that the kernel has to complete will be
 * completed, whatever is written at its place: over all that follows the present L4 header's start. So that
 * is made to follow the new frame's `length` octets from `l3_offset` on: the frame begins earlier in memory,
 * and ends with PARKED octets, to be zero, of which the kernel makes at most one word 0xffff, and that adds
 * nothing to any checksum. Returns the octets that the frame is to have in addition, or negative.
 */
static __always_inline int context_park_checksum(struct __sk_buff *ctx, __u32 l3_offset, __u32 l4_offset,
						 __u32 checksum_offset, __u32 length)
{
	const __u32 room = l3_offset + length - l4_offset;
	int partial;

	if (room > 0x7f) /* negative: longer headers than any local sender's */
		return 0;
	partial = context_checksum_is_partial(ctx, l4_offset + checksum_offset);
	if (partial <= 0)
		return partial;
	if (bpf_skb_change_tail(ctx, l4_offset + PARKED, 0) || bpf_skb_change_head(ctx, room, 0))
		return -1;
	context_make_linear(ctx, ctx->len);
	return context_move_l2(ctx, room) ? -1 : PARKED;
}

static __always_inline int context_store(struct __sk_buff *ctx, __u32 offset, const void *from, __u32 length)
{
	return bpf_skb_store_bytes(ctx, offset, from, length, 0) ? -1 : 0;
}

static __always_inline int context_load(struct __sk_buff *ctx, void *to, __u32 length)
{
	return bpf_skb_load_bytes(ctx, 0, to, length) ? -1 : 0;
}

/* The tag that the kernel or the NIC took off the frame: TPID and TCI, 0 when there was none. */
static __always_inline __u32 context_tag_beside(struct __sk_buff *ctx)
{
	return ctx->vlan_present ? (__u32)bpf_ntohs(ctx->vlan_proto) << 16 | (ctx->vlan_tci & 0xffff) : 0;
}

/* For a frame of which hardly anything stays: the kernel gives up the NIC's sum of one that grows. */
static __always_inline int context_forget_sum(struct __sk_buff *ctx)
{
	return bpf_skb_change_tail(ctx, ctx->len + 1, 0) ? -1 : 0;
}

static __always_inline int context_resize(struct __sk_buff *ctx, __u32 length)
{
	return bpf_skb_change_tail(ctx, length, 0) ? -1 : 0;
}

/* The tag at this offset of the frame, as one number. 0 when the frame is shorter than it was parsed. */
static __always_inline __u32 tag_at(struct __sk_buff *ctx, __u32 offset)
{
	__u32 tag = 0;

	bpf_skb_load_bytes(ctx, offset, &tag, sizeof(tag));
	return bpf_ntohl(tag);
}

/*
 * The kernel makes room for a tunnel behind an Ethernet header only. The outermost tag stands beside the
 * frame, where the kernel or the NIC put it when it came; one or two are in the frame (parse_vlan). All come
 * off, and are kept in skb->cb, innermost first, which belongs to the program while it runs. Returns how
 * many, or negative.
 */
__noinline int take_tags_off(struct __sk_buff *ctx, __u32 l3_offset)
{
	const __u32 first = tag_at(ctx, ETH_HLEN - 2);
	const __u32 beside = context_tag_beside(ctx);
	int tags = ctx->vlan_present ? 2 : 1;

	if (l3_offset == ETH_HLEN + 8) {
		tags++;
		ctx->cb[0] = tag_at(ctx, ETH_HLEN + 2);
		ctx->cb[1] = first;
		ctx->cb[2] = beside;
	} else {
		ctx->cb[0] = first;
		ctx->cb[1] = beside;
	}
#pragma unroll
	for (int i = 0; i < FRAME_TAGS; i++)
		if (i < tags && bpf_skb_vlan_pop(ctx))
			return -1;
	return tags;
}

/*
 * Makes room for `length` octets before the IP header, which `flags` say what they will be. Packet pointers
 * are void afterwards. Segments that a frame is to be cut into later keep their size: is_too_big() knows that
 * they fit.
 */
static __always_inline int context_encapsulate(struct __sk_buff *ctx, struct tunnel *tunnel)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	if (tunnel->l3_offset != ETH_HLEN) {
		tunnel->tags = take_tags_off(ctx, tunnel->l3_offset);
		if (tunnel->tags < 0)
			return -1;
		tunnel->l3_offset = ETH_HLEN;
	}
	flags |= tunnel->v6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
	if (tunnel->gue)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	return bpf_skb_adjust_room(ctx, tunnel->length, BPF_ADJ_ROOM_MAC, flags) ? -1 : 0;
}

/* What was taken off for the tunnel comes back around it. Packet pointers are void afterwards. */
__noinline int put_tags_on(struct __sk_buff *ctx, int tags)
{
	const __u32 kept[FRAME_TAGS] = {ctx->cb[0], ctx->cb[1], ctx->cb[2]};

#pragma unroll
	for (int i = 0; i < FRAME_TAGS; i++)
		if (i < tags && bpf_skb_vlan_push(ctx, bpf_htons(kept[i] >> 16), kept[i] & 0xffff))
			return -1;
	return 0;
}

static __always_inline int context_finish_tunnel(struct __sk_buff *ctx, const struct tunnel *tunnel)
{
	return tunnel->tags ? put_tags_on(ctx, tunnel->tags) : 0;
}

static __always_inline int context_send(struct __sk_buff *ctx, __u32 ifindex, __u32 out_flags)
{
	return out_flags & PM_OUT_PEER ? bpf_redirect_peer(ifindex, 0) : bpf_redirect(ifindex, 0);
}

#endif
