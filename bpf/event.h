/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Connection events for the daemon: one ring buffer, one record per connection event, never one per packet.
 */
#ifndef PM_EVENT_H
#define PM_EVENT_H

#include "packet.h"

#define EVIDENCE_TICKS 1 /* at most one urgent event per backend, CPU and jiffy */

static __always_inline void event_count(const struct pm_session *session, struct pm_counters *counts,
					__u32 type)
{
	struct pm_backend_counters *backend = backend_counters(session->backend);

	if (counts && type < PM_EVENTS)
		counts->event[type]++;
	if (!backend)
		return;
	backend->established += type == PM_EVENT_ESTABLISHED;
	backend->closed += type == PM_EVENT_CLOSED;
	backend->cut += type == PM_EVENT_CUT;
}

/*
 * Counts an event and sends it. Urgent events wake the daemon at once; the others wait for its next round (or
 * the next urgent one), so that a busy balancer does not spend its time waking up.
 */
__noinline int event_send(const struct pm_session *session, __u32 active, __u32 type, __u32 handshake_us,
			  int urgent)
{
	struct pm_counters *counts = counters(PM_LINK_SLOTS);
	struct pm_event *event;

	if (!session)
		return 0;
	event_count(session, counts, type);
	event = bpf_ringbuf_reserve(&pm_events, sizeof(*event), 0);
	if (!event) {
		if (counts)
			counts->events_lost++;
		return 0;
	}
	event->time_ns = bpf_ktime_get_ns();
	event->active = active;
	event->backend = session->backend;
	event->incarnation = session->incarnation;
	event->service = session->service;
	event->type = type;
	event->protocol = session->protocol;
	event->client = session->client;
	event->client_port = session->client_port;
	event->service_port = session->service_port;
	event->handshake_us = handshake_us;
	bpf_ringbuf_submit(event, urgent ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	return 1;
}

/* Evidence against a backend: urgent, and so many a second that a flood of them costs nothing. */
static __always_inline void event_send_evidence(const struct pm_session *session, __u32 active, __u32 type,
						__u64 now)
{
	struct pm_backend_counters *counts = backend_counters(session->backend);

	if (!counts)
		return;
	if (type == PM_EVENT_REFUSED)
		counts->refused++;
	if ((__u32)now - (__u32)counts->last_evidence < EVIDENCE_TICKS && counts->last_evidence)
		return;
	counts->last_evidence = now;
	event_send(session, active, type, 0, 1);
}

#endif
