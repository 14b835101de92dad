"""Gives a lab's bridge a fast path (fast_switch.bpf.c), for benchmarks: a real switch costs the hosts nothing, while a Linux
bridge takes about as much CPU for a packet as a balancer does, and a balanced packet crosses it twice.

Where the lab models physical NICs, frames cross it as frames (native XDP), in the order in which they came, and its hosts'
NICs have GRO, as real ones. A veth's end by itself puts what it receives into a queue of the CPU that sent it: the frames of
one connection overtake each other, which no cable does, and TCP pays for it with acknowledgements and resets."""

from __future__ import annotations

import struct

from lab import paths
from lab.bpf import attach_ingress, fill, loaded
from lab.topology import Lab

PORTS, PORT_SIZE = 8, 16  # as in fast_switch.bpf.c
SENDS_FINISHED = ("tx", "off", "tso", "off", "gso", "off")  # what leaves a NIC has its checksums, and the size of a frame


def speed_up(lab: Lab) -> None:
    """For a lab with one leg and at most eight hosts."""
    ports = [(host, f"{host.name}-front") for host in [lab.client, lab.balancer, *lab.backends]]
    if len(ports) > PORTS:
        raise ValueError(f"the fast switch has {PORTS} ports, not {len(ports)}")
    table = b"".join(host.mac() + bytes(2) + struct.pack("=I4x", lab.bridge.ifindex(port)) for host, port in ports)
    with loaded(lab, paths.fast_switch()) as pins:
        fill(pins / "switch_ports", table.ljust(PORTS * PORT_SIZE, b"\0"))
        for host, port in ports:
            if not lab.physical:
                attach_ingress(lab, lab.bridge, port, pins / "fast_switch")
                continue
            host.run("ethtool", "-K", host.devices[0], *SENDS_FINISHED, "gro", "on")
            lab.bridge.run("bpftool", "net", "attach", "xdpdrv", "pinned", pins / "fast_switch_xdp", "dev", port, "overwrite")
