"""Tunnels to backends, as a backend's socket sees them."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace

import pytest
from conftest import physical

from lab import Lab, Pointsman, Service, Way
from lab.frames import UDP, Frame, Tap, mac_of, udp, with_checksum
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


@pytest.mark.parametrize("way", [Way("ipip"), Way("gue"), Way("ipip", v6=True), Way("gue", v6=True),
                                 Way("ipip", across=True), Way("ipip", v6=True, across=True)], ids=str)
@pytest.mark.parametrize("traffic_class", [0xB8 | 2, 0x28 | 3, 1], ids=["ef-ect0", "af11-ce", "be-ect1"])
def test_the_outer_header_has_dscp_and_ecn_of_the_inner(attach: str, way: Way, traffic_class: int) -> None:
    with Lab(physical=physical(attach), backends=1) as lab:
        backend = lab.backends[0]
        service = Service("dns", way.service(lab), [(backend.name, way.backend_address(backend), PORT)], port=PORT,
                          protocol="udp", check={"type": "none"}, keys=way.keys)
        Pointsman(lab, [service], attach=attach).start().ready()
        request = with_checksum(Frame(mac_of(lab.client), mac_of(lab.balancer), way.address(lab.client), way.service(lab),
                                      UDP, udp(4000, PORT, b"question"), traffic_class=traffic_class))
        with Tap(lab.client) as client, Tap(backend) as seen:
            client.send(request)
            outer = seen.receive(lambda frame: frame.payload.endswith(b"question"))
    assert outer.destination == way.backend_address(backend)
    assert outer.traffic_class == traffic_class
    inner = replace(request, hops=request.hops - 1).encode()[14:]
    assert outer.payload.endswith(inner)
