// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The tc entry: veth, bridges and containers, where checksum offload and GSO make XDP the wrong hook. */
#include "context_tc.h"
#include "finish.h"

SEC("tc")
int pm_tc(struct __sk_buff *ctx)
{
	return balance(ctx, 0);
}

/* Behind generic XDP: what that left (behind.h). */
SEC("tc")
int pm_tc_behind(struct __sk_buff *ctx)
{
	return context_take_mark(ctx) ? balance(ctx, 0) : CONTEXT_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
