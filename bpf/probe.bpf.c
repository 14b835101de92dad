// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Probes on the way of traffic: at both ends of the host's own stack, however the datapath is attached. */
#include "context_tc.h"
#include "probe_path.h"

SEC("tc")
int pm_probe_out(struct __sk_buff *ctx)
{
	return probe_out(ctx);
}

SEC("tc")
int pm_probe_in(struct __sk_buff *ctx)
{
	return probe_in(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
