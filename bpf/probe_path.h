/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Probes on the way of traffic. The daemon's socket connects to the backend's own address, so the host's
 * routes and neighbours do as for any other probe. On its way out the packet is aimed at the service's
 * address and sent on as a client's would be: by MAC address, or in the tunnel. The backend answers from the
 * service's address; on its way in the answer comes from the backend's again, before the host's stack sees
 * it.
 */
#ifndef PM_PROBE_PATH_H
#define PM_PROBE_PATH_H

#include "forward.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PM_PROBES);
	__type(key, __u64);
	__type(value, struct pm_probe);
} pm_probes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PM_PROBES);
	__type(key, struct pm_probe_answer);
	__type(value, struct pm_addr);
} pm_probe_answers SEC(".maps");

/* What the stack has no room for; for one packet, as struct scratch. */
struct probe_scratch {
	struct pm_session session; /* of no flow: what is counted is counted for no backend */
	struct pm_backend backend;
	struct pm_probe_answer answer;
	struct quote quote;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct probe_scratch);
} pm_probe_scratch SEC(".maps");

/* Reads a frame of the host's own, or for it, with ports or without. PM_CONTINUE, or it is none of a probe.
 */
static __always_inline int probe_parse(PM_CONTEXT *ctx, struct packet *packet)
{
	struct ethhdr *eth;
	int verdict;

	packet->active = READ_ONCE(pm_control.active);
	packet->now = bpf_jiffies64();
	packet->link = PM_LINK_SLOTS;
	packet->out_flags = 0;
	packet->fragment = WHOLE;
	packet->tcp_flags = 0;
	packet->v6 = 0;
	packet->length = context_length(ctx);
	context_make_linear(ctx, LONGEST_L2 + sizeof(struct iphdr) + sizeof(struct tcphdr));
	eth = context_data(ctx);
	if ((void *)(eth + 1) > context_data_end(ctx))
		return PM_PASS_NOT_IP;
	verdict = parse_network(ctx, packet, eth->h_proto);
	return verdict == PM_CONTINUE_ASIDE ? PM_CONTINUE : verdict;
}

/*
 * The backend with its next hop. While the daemon knows none, it is the one that the kernel found for this
 * very frame: the backend's own address was dialled.
 */
static __always_inline int probe_backend(PM_CONTEXT *ctx, const struct pm_backend *known,
					 struct pm_backend *backend)
{
	struct ethhdr *eth = context_data(ctx);

	*backend = *known;
	if (backend->ifindex)
		return 0;
	if ((void *)(eth + 1) > context_data_end(ctx))
		return -1;
	mac_copy(backend->next_hop, eth->h_dest);
	mac_copy(backend->source, eth->h_source);
	backend->ifindex = context_ifindex(ctx);
	return 0;
}

/* Sends a probe's packet, already read, as its service forwards. */
static __always_inline int probe_forward(PM_CONTEXT *ctx, struct packet *packet, const struct pm_probe *probe,
					 struct probe_scratch *scratch)
{
	struct pm_backend *known = backend_at(packet->active, probe->backend);
	struct pm_service *service = known ? service_at(packet->active, known->service) : NULL;
	const struct parties parties = {service, &scratch->backend};
	const struct pm_flow flow = packet->flow;

	/* a reload may have come between */
	if (!service || service->forward == PM_FORWARD_NAT ||
	    !addr_equal(&service->address, &probe->service) || !addr_equal(&known->address, &probe->dialled))
		return PM_DROP_NO_BACKEND;
	if (packet->fragment || probe_backend(ctx, known, &scratch->backend))
		return PM_DROP_REWRITE_FAILED;
	if (rewrite_nat(ctx, packet, (struct endpoint){&flow.source, flow.source_port},
			(struct endpoint){&probe->service, flow.destination_port}))
		return PM_DROP_REWRITE_FAILED;
	packet->flow.destination = probe->service;
	packet->hash = pm_flow_hash(&packet->flow, options.hash_key);
	if (is_too_big(ctx, packet, fitting_length(packet, service, &scratch->backend)))
		return PM_DROP_TOO_BIG;
	return to_backend(ctx, packet, &scratch->session, &parties);
}

/*
 * Leaving frames. A frame that was changed here meets this again if it leaves by another interface than the
 * kernel thought; it has another destination or protocol then.
 */
static __always_inline int probe_out(PM_CONTEXT *ctx)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct probe_scratch *own = array_at(&pm_probe_scratch, 0);
	struct pm_probe *probe;
	struct packet *packet;
	__u64 cookie;

	if (!ctx->sk || !scratch || !own)
		return CONTEXT_PASS;
	cookie = bpf_get_socket_cookie(ctx);
	probe = bpf_map_lookup_elem(&pm_probes, &cookie);
	if (!probe)
		return CONTEXT_PASS;
	packet = &scratch->packet;
	if (probe_parse(ctx, packet) != PM_CONTINUE || is_icmp(packet) ||
	    !addr_equal(&packet->flow.destination, &probe->dialled))
		return CONTEXT_PASS;
	if (probe_forward(ctx, packet, probe, own) != PM_FORWARD_TO_BACKEND)
		return CONTEXT_DROP;
	return packet->out_ifindex == context_ifindex(ctx) ? CONTEXT_PASS
							   : bpf_redirect(packet->out_ifindex, 0);
}

/* The address that was dialled, if `flow` is that of an answer to a probe. */
static __always_inline const struct pm_addr *probe_dialled(const struct pm_flow *flow,
							   struct pm_probe_answer *key)
{
	key->service = flow->source;
	key->port = flow->source_port;
	key->own_port = flow->destination_port;
	key->protocol = flow->protocol;
	return bpf_map_lookup_elem(&pm_probe_answers, key);
}

/* An error about a probe's packet quotes what the backend was sent. */
static __always_inline int probe_error(PM_CONTEXT *ctx, struct packet *packet, struct probe_scratch *scratch)
{
	const struct pm_flow *flow = &scratch->quote.flow;
	const struct pm_addr *dialled;
	struct ends ends;

	if (!is_icmp_error(packet))
		return 0;
	context_make_linear(ctx, packet->l4_offset + LONGEST_QUOTE);
	if (read_quote(ctx, packet, &scratch->quote))
		return 0;
	dialled = probe_dialled(flow, &scratch->answer);
	if (!dialled)
		return 0;
	ends.near = (struct endpoint){&flow->destination, flow->destination_port};
	ends.far = (struct endpoint){dialled, flow->source_port};
	return translate_error(ctx, packet, &scratch->quote, &ends);
}

static __always_inline int probe_in(PM_CONTEXT *ctx)
{
	struct scratch *scratch = array_at(&pm_scratch, 0);
	struct probe_scratch *own = array_at(&pm_probe_scratch, 0);
	const struct pm_addr *dialled;
	struct packet *packet;

	if (!scratch || !own)
		return CONTEXT_PASS;
	packet = &scratch->packet;
	if (probe_parse(ctx, packet) != PM_CONTINUE || packet->fragment)
		return CONTEXT_PASS;
	if (is_icmp(packet))
		return probe_error(ctx, packet, own) ? CONTEXT_DROP : CONTEXT_PASS;
	dialled = probe_dialled(&packet->flow, &own->answer);
	if (!dialled)
		return CONTEXT_PASS;
	return rewrite_nat(ctx, packet, (struct endpoint){dialled, packet->flow.source_port},
			   (struct endpoint){&packet->flow.destination, packet->flow.destination_port})
		       ? CONTEXT_DROP
		       : CONTEXT_PASS;
}

#endif
