// SPDX-License-Identifier: GPL-2.0
/*
 * The lab's switch at the price of a real one, which costs its hosts no CPU: known unicast frames go from
 * port to port here, everything else (broadcast, unknown) through the bridge that the ports belong to. See
 * fast_switch.py.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

struct port {
    __u32 ifindex;
    __u32 by_wire; /* 1: transmitted as on a wire, so that native XDP at the far end sees it */
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, unsigned char[ETH_ALEN]);
    __type(value, struct port);
} switch_ports SEC(".maps");

SEC("tc")
int fast_switch(struct __sk_buff* frame) {
    struct ethhdr* header = (void*)(long)frame->data;
    struct port* port;

    if ((void*)(header + 1) > (void*)(long)frame->data_end) return TC_ACT_OK;
    port = bpf_map_lookup_elem(&switch_ports, header->h_dest);
    if (!port) return TC_ACT_OK;
    return port->by_wire ? bpf_redirect(port->ifindex, 0) : bpf_redirect_peer(port->ifindex, 0);
}

char _license[] SEC("license") = "GPL";
