// SPDX-License-Identifier: GPL-2.0
/*
 * A packet generator at the speed of the kernel, and the far end that counts what arrives (see flood.py).
 * flood_send is run by BPF_PROG_TEST_RUN with live frames, which come back here with whatever was written
 * into them on their way: hence the whole frame is written each time.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FRAME 60

struct plan {
    __u32 ifindex;      /* where frames leave */
    __u32 flows;        /* so many source ports in turn */
    __u32 cpus;         /* each sends flows of its own */
    __u16 first_port;   /* the first of them */
    __u16 backend_port; /* what arrives has this destination, host order */
    __u8 frame[FRAME];  /* UDP over IPv4 without a UDP checksum */
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct plan);
} flood_plan SEC(".maps");

/* Frames sent, frames seen. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, __u64);
} flood_counts SEC(".maps");

static __always_inline __u64 count(__u32 which) {
    __u64* value = bpf_map_lookup_elem(&flood_counts, &which);

    return value ? (*value)++ : 0;
}

SEC("xdp")
int flood_send(struct xdp_md* context) {
    void* data = (void*)(long)context->data;
    struct udphdr* udp = data + ETH_HLEN + sizeof(struct iphdr);
    __u32 zero = 0;
    struct plan* plan = bpf_map_lookup_elem(&flood_plan, &zero);

    if (!plan || !plan->flows || data + FRAME > (void*)(long)context->data_end) return XDP_ABORTED;
    __builtin_memcpy(data, plan->frame, FRAME);
    udp->source =
        bpf_htons(plan->first_port + (count(0) * plan->cpus + bpf_get_smp_processor_id()) % plan->flows);
    return bpf_redirect(plan->ifindex, 0);
}

/* Is this one of the flood's? */
static __always_inline int is_seen(void* data, void* end) {
    struct ethhdr* eth = data;
    struct iphdr* ip = (void*)(eth + 1);
    struct udphdr* udp = (void*)(ip + 1);
    __u32 zero = 0;
    struct plan* plan = bpf_map_lookup_elem(&flood_plan, &zero);

    return plan && (void*)(udp + 1) <= end && eth->h_proto == bpf_htons(ETH_P_IP) &&
           ip->protocol == IPPROTO_UDP && udp->dest == bpf_htons(plan->backend_port);
}

SEC("xdp")
int flood_seen_xdp(struct xdp_md* context) {
    if (!is_seen((void*)(long)context->data, (void*)(long)context->data_end)) return XDP_PASS;
    count(1);
    return XDP_DROP;
}

SEC("tc")
int flood_seen_tc(struct __sk_buff* frame) {
    if (!is_seen((void*)(long)frame->data, (void*)(long)frame->data_end)) return TC_ACT_OK;
    count(1);
    return TC_ACT_SHOT;
}

char _license[] SEC("license") = "GPL";
