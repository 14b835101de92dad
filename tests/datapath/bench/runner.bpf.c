// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Runs another XDP program on a fresh packet every time: BPF_PROG_TEST_RUN with `repeat` gives a program its
 * own output back. The first bytes of the frame are restored from a table, one entry after the other, then
 * the program under test runs by a tail call, unmodified.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define FRAME_WORDS 8

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

SEC("xdp")
int runner(struct xdp_md* ctx) {
    void* data = (void*)(long)ctx->data;
    void* data_end = (void*)(long)ctx->data_end;
    struct frame *packet = data, *frame;
    struct cursor* cursor;
    __u32 index = 0;

    cursor = bpf_map_lookup_elem(&runner_cursor, &index);
    if (!cursor || (void*)(packet + 1) > data_end) return XDP_ABORTED;
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
