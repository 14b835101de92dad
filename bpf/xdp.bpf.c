// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The XDP entry: physical and virtio NICs. */
#include "context_xdp.h"
#include "finish.h"

SEC("xdp")
int pm_xdp(struct xdp_md *ctx)
{
	return balance(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
