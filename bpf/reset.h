/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Answers a TCP packet by the RST that its sender takes for its peer's (RFC 9293 §3.5.2). A packet with ACK
 * gets a RST with the sequence number that its sender expects, which RFC 5961 demands to the byte.
 */
#ifndef PM_RESET_H
#define PM_RESET_H

#include "answer.h"

/* What the RST says, from the packet that it answers. */
static __always_inline int reset_numbers(PM_CONTEXT *ctx, const struct packet *packet, __be32 *seq,
					 __be32 *ack)
{
	const struct tcphdr *tcp = l4_header(ctx, packet);
	__u32 segment;

	if ((void *)(tcp + 1) > context_data_end(ctx))
		return -1;
	segment = packet->l3_length - (packet->l4_offset - packet->l3_offset) - tcp->doff * 4u;
	segment += !!(packet->tcp_flags & TCP_SYN) + !!(packet->tcp_flags & TCP_FIN);
	*seq = packet->tcp_flags & TCP_ACK ? tcp->ack_seq : 0;
	*ack = packet->tcp_flags & TCP_ACK ? 0 : bpf_htonl(bpf_ntohl(tcp->seq) + segment);
	return 0;
}

/* Turns a TCP packet into the RST that answers it and sends it back where it came from. */
__noinline int answer_reset(PM_CONTEXT *ctx, struct packet *packet)
{
	struct tcphdr *tcp;
	__be32 seq, ack;
	__u32 pseudo;

	if (!packet || reset_numbers(ctx, packet, &seq, &ack) ||
	    answer_headers(ctx, packet, IPPROTO_TCP, sizeof(*tcp)))
		return PM_DROP_REWRITE_FAILED;
	tcp = l4_header(ctx, packet);
	if ((void *)(tcp + 1) > context_data_end(ctx))
		return PM_DROP_REWRITE_FAILED;
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = packet->flow.destination_port;
	tcp->dest = packet->flow.source_port;
	tcp->seq = seq;
	tcp->ack_seq = ack;
	tcp->doff = 5;
	tcp->rst = 1;
	tcp->ack = !(packet->tcp_flags & TCP_ACK);
	pseudo = answer_pseudo_sum(packet, IPPROTO_TCP, sizeof(*tcp));
	if (context_set_l4_checksum(ctx, packet->l4_offset + offsetof(struct tcphdr, check), pseudo,
				    sum_words(tcp, 10)))
		return PM_DROP_REWRITE_FAILED;
	return PM_FORWARD_RESET;
}

#endif
