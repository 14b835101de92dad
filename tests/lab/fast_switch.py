"""Gives a lab's bridge a fast path (fast_switch.bpf.c), for benchmarks: a real switch costs the hosts nothing, while a Linux
bridge takes about as much CPU for a packet as a balancer does, and a balanced packet crosses it twice."""

from __future__ import annotations

import struct

from lab import paths
from lab.bpf import attach_ingress, fill, loaded
from lab.topology import Lab

PORTS, PORT_SIZE = 8, 16  # as in fast_switch.bpf.c


def speed_up(lab: Lab) -> None:
    """For a lab with one leg and at most eight hosts."""
    ports = [(host, f"{host.name}-front") for host in [lab.client, lab.balancer, *lab.backends]]
    if len(ports) > PORTS:
        raise ValueError(f"the fast switch has {PORTS} ports, not {len(ports)}")
    table = b""
    for host, port in ports:
        by_wire = lab.physical and host is lab.balancer
        table += host.mac() + bytes(2) + struct.pack("=II", lab.bridge.ifindex(port), by_wire)
    with loaded(lab, paths.fast_switch()) as pins:
        fill(pins / "switch_ports", table.ljust(PORTS * PORT_SIZE, b"\0"))
        for _, port in ports:
            attach_ingress(lab, lab.bridge, port, pins / "fast_switch")
