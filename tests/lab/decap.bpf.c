// SPDX-License-Identifier: GPL-2.0
/*
 * A backend's end of a tunnel, at tc ingress: takes off an IPv4 or IPv6 header, and UDP and GUE after it, and
 * lets the host see what was inside. For kernels without ipip and fou devices (see forwarding.py).
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define GUE_PORT 6080
/* Younger than the headers of Linux 6.1: the family that comes to light is another one. */
#define DECAP_L3_IPV4 (1ULL << 7)
#define DECAP_L3_IPV6 (1ULL << 8)

struct gue {
    unsigned char length;
    unsigned char protocol;
    __be16 flags;
};

/* `length` octets of headers around a packet of this protocol number; 0: this is no tunnel. */
struct outer {
    __u32 length;
    __u8 inner;
};

static __always_inline struct outer read_outer(struct __sk_buff* frame) {
    void* end = (void*)(long)frame->data_end;
    void* ip = (void*)(long)frame->data + ETH_HLEN;
    bool v6 = frame->protocol == bpf_htons(ETH_P_IPV6);
    struct outer outer = {v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)};
    struct udphdr* udp = ip + outer.length;
    struct gue* gue = (void*)(udp + 1);

    if ((void*)(gue + 1) > end) return (struct outer){0, 0};
    outer.inner = v6 ? ((struct ipv6hdr*)ip)->nexthdr : ((struct iphdr*)ip)->protocol;
    if (outer.inner == IPPROTO_UDP && udp->dest == bpf_htons(GUE_PORT)) {
        outer.length += sizeof(*udp) + sizeof(*gue);
        outer.inner = gue->protocol;
    }
    if (outer.inner != IPPROTO_IPIP && outer.inner != IPPROTO_IPV6) outer.length = 0;
    return outer;
}

SEC("tc")
int decap(struct __sk_buff* frame) {
    const bool was_v6 = frame->protocol == bpf_htons(ETH_P_IPV6);
    struct outer outer;
    __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;
    __be16 type;

    if (!was_v6 && frame->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
    bpf_skb_pull_data(frame, frame->len < 128 ? frame->len : 128);
    outer = read_outer(frame);
    if (!outer.length) return TC_ACT_OK;
    type = bpf_htons(outer.inner == IPPROTO_IPV6 ? ETH_P_IPV6 : ETH_P_IP);
    if (was_v6 && outer.inner == IPPROTO_IPIP) flags |= DECAP_L3_IPV4;
    if (!was_v6 && outer.inner == IPPROTO_IPV6) flags |= DECAP_L3_IPV6;
    if (bpf_skb_adjust_room(frame, -(__s32)outer.length, BPF_ADJ_ROOM_MAC, flags) ||
        bpf_skb_store_bytes(frame, ETH_HLEN - sizeof(type), &type, sizeof(type), 0))
        return TC_ACT_SHOT;
    return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
