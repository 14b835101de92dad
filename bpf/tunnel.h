/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a tunnel puts before an IP packet, as the two hooks need to know it to make room. */
#ifndef PM_TUNNEL_H
#define PM_TUNNEL_H

#include <linux/types.h>

#define TUNNEL_LENGTH_MASK 0x3f
#define LONGEST_L2	   22 /* Ethernet and two VLAN tags */
#define FRAME_TAGS	   3  /* VLAN tags of a frame at most, one that the NIC took off among them */
#define PARKED		   20 /* octets for a checksum of TCP or UDP that is to be of no account */

struct tunnel {
	__u32 length;	 /* of the new headers: IP, and for GUE, UDP and GUE */
	__u32 l3_offset; /* where they begin */
	int tags;	 /* tc: VLAN tags that are off while the tunnel is made */
	__u8 v6;	 /* the outer IP header */
	__u8 gue;
	__u8 traffic_class; /* DSCP and ECN of the packet inside, and so of the outer one */
};

#endif
