// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The XDP entry: physical and virtio NICs. */
#include "context_xdp.h"
#include "finish.h"

/* The daemon sets it when it loads the program for generic XDP. The verifier leaves one of the two bodies. */
const volatile __u32 generic;

SEC("xdp")
int pm_xdp(struct xdp_md *ctx)
{
	return generic ? balance(ctx, 1) : balance(ctx, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
