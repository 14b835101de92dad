"""`mss_clamp`: connections begin with segments that fit on the way to their backend, instead of learning it by an error."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct

import pytest
from conftest import physical

from lab import Lab, Pointsman, Service, TcpDigest, Way
from lab.frames import Frame, Tap

MTU = 1400
PORT = 9000
TIMESTAMPS = 12  # octets of each segment that the socket's own figure leaves out


def asked_in(segment: bytes) -> int:
    """The MSS option of a SYN, perhaps in a tunnel: the first of the 20 octets of options with which Linux ends it."""
    kind, length, value = struct.unpack_from("!BBH", segment[-20:])
    assert (kind, length) == (2, 4), segment.hex()
    return int(value)


def is_syn(frame: Frame) -> bool:
    return frame.protocol == socket.IPPROTO_TCP and frame.payload[13] & 0x12 == 2


def is_from_client(frame: Frame, way: Way, lab: Lab) -> bool:
    """And not a probe, whose port is none of NAT's."""
    return frame.source == way.address(lab.client) if way.source == "client" else frame.ports[0] < 32768


def start(lab: Lab, way: Way, attach: str, clamp: object) -> Pointsman:
    way.prepare(lab)
    for backend in lab.backends:
        lab.balancer.run("ip", "route", "replace", way.address(backend), "dev", lab.balancer.devices[-1], "mtu", "lock",
                         str(MTU))
    backends = [(host.name, way.address(host), PORT) for host in lab.backends]
    service = Service("digest", way.service(lab), backends, port=PORT, check={"type": "tcp"},
                      keys={**way.keys, "mss_clamp": clamp})
    return Pointsman(lab, [service], attach=attach).start().ready()


def too_big(daemon: Pointsman) -> float:
    return sum(value for key, value in daemon.metrics().items() if 'verdict="forward_too_big"' in key)


@pytest.mark.parametrize("way", [Way("nat"), Way("nat", "client"), Way("nat", v6=True), Way("nat", "client", v6=True)],
                         ids=str)
def test_both_ends_keep_below_the_way_to_the_backend(attach: str, way: Way) -> None:
    with Lab(1, physical=physical(attach), two_legs=way.source == "client") as lab, TcpDigest(lab.backends[0], PORT):
        daemon = start(lab, way, attach, "auto")
        fitting = MTU - (60 if way.v6 else 40)
        with Tap(lab.backends[0]) as backend, lab.client.connect(way.service(lab), PORT) as connection:
            syn = backend.receive(lambda frame: is_syn(frame) and is_from_client(frame, way, lab))
            assert asked_in(syn.payload) == fitting
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) == fitting - TIMESTAMPS
            connection.sendall(os.urandom(200_000))
            connection.shutdown(socket.SHUT_WR)
            assert len(connection.recv(64)) == 64
        assert too_big(daemon) == 0


@pytest.mark.parametrize("way", [Way("dsr"), Way("ipip"), Way("gue", v6=True)], ids=str)
def test_where_answers_pass_by_the_backend_keeps_to_the_number(attach: str, way: Way) -> None:
    with Lab(1, physical=physical(attach)) as lab, TcpDigest(lab.backends[0], PORT):
        start(lab, way, attach, 1000)
        with Tap(lab.backends[0]) as backend, lab.client.connect(way.service(lab), PORT):
            service = ipaddress.ip_address(way.service(lab)).packed
            syn = backend.receive(lambda frame: service in frame.encode() and frame.payload[-20:-18] == b"\x02\x04")
            assert asked_in(syn.payload) == 1000


def test_without_it_the_way_is_learned_by_an_error(attach: str) -> None:
    with Lab(1, physical=physical(attach)) as lab, TcpDigest(lab.backends[0], PORT):
        daemon = start(lab, Way("nat"), attach, "off")
        with lab.client.connect(lab.service_address, PORT) as connection:
            connection.sendall(os.urandom(200_000))
            connection.shutdown(socket.SHUT_WR)
            assert len(connection.recv(64)) == 64
        assert too_big(daemon) > 0
