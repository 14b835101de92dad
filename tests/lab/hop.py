"""The floor under a balancer: a program in its place that only sends frames on (hop.bpf.c), so that a benchmark tells what the
place costs and what the balancer adds."""

from __future__ import annotations

import socket

from lab import paths
from lab.bpf import attach_ingress, fill, loaded
from lab.topology import Lab


def put_between(lab: Lab, attach: str) -> None:
    """From now on the frames between client and first backend pass the balancer, which runs hop.bpf.c and nothing else:
    `attach` is "tc" or "native"."""
    ends = [lab.client, lab.backends[0]]
    for host, other in (ends, reversed(ends)):
        host.run("ip", "neigh", "replace", other.address, "lladdr", lab.balancer.mac().hex(":"), "dev", host.devices[0],
                 "nud", "permanent")
    device = lab.balancer.devices[0]
    with loaded(lab, paths.hop()) as pins:
        fill(pins / "hop_ends", b"".join(socket.inet_aton(host.address) + host.mac() + bytes(2) for host in ends))
        if attach == "tc":
            attach_ingress(lab, lab.balancer, device, pins / "hop_tc")
        else:
            lab.balancer.run("bpftool", "net", "attach", "xdpdrv", "pinned", pins / "hop_xdp", "dev", device)
