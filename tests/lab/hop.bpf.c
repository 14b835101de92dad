// SPDX-License-Identifier: GPL-2.0
/*
 * The least that anything at the balancer's place can do with a frame: give it its next MAC address, by a
 * compare with two IP addresses, and send it on. What is left between this and the direct way is the price of
 * the place. See hop.py.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct end {
    __u32 address; /* in network order */
    unsigned char mac[ETH_ALEN];
    unsigned char none[2];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct end[2]);
} hop_ends SEC(".maps");

/* Aims the frame at its end. 0 when it is for neither. */
static __attribute__((always_inline)) int aim(void* data, void* data_end) {
    struct ethhdr* eth = data;
    struct iphdr* ip = (void*)(eth + 1);
    __u32 zero = 0;
    struct end *ends = bpf_map_lookup_elem(&hop_ends, &zero), *end;

    if (!ends || (void*)(ip + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP)) return 0;
    if (ip->daddr == ends[0].address)
        end = &ends[0];
    else if (ip->daddr == ends[1].address)
        end = &ends[1];
    else
        return 0;
    __builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
    __builtin_memcpy(eth->h_dest, end->mac, ETH_ALEN);
    return 1;
}

SEC("xdp")
int hop_xdp(struct xdp_md* frame) {
    return aim((void*)(long)frame->data, (void*)(long)frame->data_end) ? XDP_TX : XDP_PASS;
}

SEC("tc")
int hop_tc(struct __sk_buff* frame) {
    if (!aim((void*)(long)frame->data, (void*)(long)frame->data_end)) return TC_ACT_OK;
    return bpf_redirect_peer(frame->ifindex, 0);
}

char _license[] SEC("license") = "GPL";
