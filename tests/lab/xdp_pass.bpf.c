// SPDX-License-Identifier: GPL-2.0
/* What the far end of a veth needs before native XDP_TX reaches it (see README.md). */
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))

SEC("xdp")
int pass(struct xdp_md* packet) {
    return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
