// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Runs another XDP program on a fresh packet every time: BPF_PROG_TEST_RUN with `repeat` gives a program its
 * own output back. A head that the last run moved goes back, the first bytes of the frame are restored from a
 * table, one entry after the other, then the program under test runs by a tail call, unmodified.
 */
#include <linux/bpf.h>

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FRAME_WORDS 10

struct frame {
    __u64 word[FRAME_WORDS];
};

/* Entry 0 of runner_cursor. Written by the bench before a block and by the runner. */
struct cursor {
    __u32 next; /* frame to run, modulo the number of frames */
    __u32 mask; /* the number of frames minus one; that is a power of two */
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct frame);
} runner_frames SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct cursor);
} runner_cursor SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} runner_program SEC(".maps");

/* What a session is found by, in the smallest balancer that there could be. */
struct floor_key {
    __be32 source;
    __be32 destination;
    __be32 ports;
    __u32 protocol;
};

/* Written by the bench: one entry a flow. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __type(key, struct floor_key);
    __type(value, __u64);
} runner_lookup SEC(".maps");

SEC("xdp")
int runner(struct xdp_md* ctx) {
    int moved = (int)(ctx->data_end - ctx->data) - (int)sizeof(struct frame);
    struct frame *packet, *frame;
    struct cursor* cursor;
    __u32 index = 0;

    if (moved != 0 && bpf_xdp_adjust_head(ctx, moved)) return XDP_ABORTED;
    packet = (void*)(long)ctx->data;
    cursor = bpf_map_lookup_elem(&runner_cursor, &index);
    if (!cursor || (void*)(packet + 1) > (void*)(long)ctx->data_end) return XDP_ABORTED;
    index = cursor->next++ & cursor->mask;
    frame = bpf_map_lookup_elem(&runner_frames, &index);
    if (!frame) return XDP_ABORTED;
    *packet = *frame;
    bpf_tail_call(ctx, &runner_program, 0);
    return XDP_ABORTED;
}

/* What the runner costs by itself. */
SEC("xdp")
int empty(struct xdp_md* ctx) {
    return XDP_TX;
}

/* Moves the head and nothing else: half of what this costs is the runner's, who moves it back. */
SEC("xdp")
int moved(struct xdp_md* ctx) {
    return bpf_xdp_adjust_head(ctx, -20) ? XDP_ABORTED : XDP_TX;
}

/* The same at tc, where packets that a program leaves alone need no restoring. */
SEC("tc")
int empty_tc(struct __sk_buff* ctx) {
    return 0;
}

/* The floor of all that finds a flow: parse, and one lookup of 16 octets in a hash. */
SEC("xdp")
int lookup(struct xdp_md* ctx) {
    void* data_end = (void*)(long)ctx->data_end;
    struct ethhdr* eth = (void*)(long)ctx->data;
    struct iphdr* ip = (void*)(eth + 1);
    struct tcphdr* tcp = (void*)(ip + 1);
    struct floor_key key = {};

    if ((void*)(tcp + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
        ip->protocol != IPPROTO_TCP)
        return XDP_PASS;
    key.source = ip->saddr;
    key.destination = ip->daddr;
    key.ports = *(__be32*)tcp;
    key.protocol = ip->protocol;
    return bpf_map_lookup_elem(&runner_lookup, &key) ? XDP_TX : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
