"""Tunnels to backends, as a backend's socket sees them."""

from __future__ import annotations

import socket
import struct

import pytest
from conftest import physical

from lab import Lab, Pointsman, Service
from lab.host import Host

UDP_SEGMENT = 103
IPIP = 4
GUE_PORT = 6080
PORT = 5353


def _end_of_tunnel(host: Host, forward: str) -> tuple[socket.socket, int]:
    """Receives what comes through the tunnel, and how many octets are before the inner packet."""
    with host.inside():
        if forward == "ipip":
            tunnel = socket.socket(socket.AF_INET, socket.SOCK_RAW, IPIP)
        else:
            tunnel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            tunnel.bind(("", GUE_PORT))
    tunnel.settimeout(5)
    return tunnel, 20 if forward == "ipip" else 4


@pytest.mark.parametrize("forward", ["ipip", "gue"])
@pytest.mark.parametrize("segments", [1, 3])
def test_datagrams_arrive_in_their_tunnel(attach: str, segments: int, forward: str) -> None:
    """Several may come as one frame (UDP_SEGMENT) that is cut later: on links that do so, the tunnel is around it."""
    with Lab(physical=physical(attach), backends=1) as lab:
        backend = lab.backends[0]
        service = Service("dns", lab.service_address, [(backend.name, backend.address, PORT)], port=PORT, protocol="udp",
                          check={"type": "none"}, keys={"forward": forward})
        tunnel, before = _end_of_tunnel(backend, forward)
        with tunnel:
            Pointsman(lab, [service], attach=attach).start().ready()
            with lab.client.socket(socket.SOCK_DGRAM) as sender:
                sender.setsockopt(socket.SOL_UDP, UDP_SEGMENT, 1000)
                sender.sendto(b"x" * 1000 * segments, (lab.service_address, PORT))
            received = 0
            while received < 1000 * segments:
                inner = tunnel.recv(65536)[before:]
                assert inner[9] == socket.IPPROTO_UDP
                assert socket.inet_ntoa(inner[12:16]) == lab.client.address
                assert struct.unpack("!H", inner[22:24])[0] == PORT
                received += len(inner) - 28
            assert received == 1000 * segments
