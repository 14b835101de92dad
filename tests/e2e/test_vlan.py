"""Frames with VLAN tags are balanced like others and keep their tags."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from conftest import physical

from lab import Lab, Nginx, Pointsman, Service, Way
from lab.frames import ETH_P_8021AD, ETH_P_8021Q, UDP, Frame, Tag, Tap, echo_request, mac_of, udp, with_checksum
from lab.host import Host

PORT = 5353
WAYS = [Way("nat"), Way("nat", v6=True), Way("dsr"), Way("dsr", v6=True)]
TUNNELS = [Way("ipip"), Way("gue", v6=True)]
ONE: tuple[Tag, ...] = ((ETH_P_8021Q, 42),)
TWO: tuple[Tag, ...] = ((ETH_P_8021AD, 7), (ETH_P_8021Q, 42))


@dataclass
class Tagged:
    way: Way
    lab: Lab
    daemon: Pointsman

    def from_client(self, protocol: int, payload: bytes, tags: tuple[Tag, ...]) -> Frame:
        lab = self.lab
        return with_checksum(Frame(mac_of(lab.client), mac_of(lab.balancer), self.way.address(lab.client),
                                   self.way.service(lab), protocol, payload, tags))

    def backend(self) -> Host:
        return self.lab.backends[0]


@pytest.fixture(params=WAYS + TUNNELS, ids=str)
def tagged(attach: str, request: pytest.FixtureRequest) -> Iterator[Tagged]:
    """One backend, so that it is known where a frame goes."""
    way = request.param
    with Lab(1, physical=physical(attach)) as lab:
        Nginx(lab.backends[0])
        backends = [(host.name, way.address(host), PORT) for host in lab.backends]
        keys = {**way.keys, "panic_threshold": 0}
        service = Service("names", way.service(lab), backends, port=PORT, protocol="udp", keys=keys,
                          check={"type": "tcp", "port": 80})
        daemon = Pointsman(lab, [service], attach=attach).start().ready()
        yield Tagged(way, lab, daemon)


@pytest.mark.parametrize("tags", [(), ONE, TWO], ids=["untagged", "802.1Q", "802.1ad"])
@pytest.mark.parametrize("tagged", WAYS, ids=str, indirect=True)
def test_a_request_keeps_its_tags(tagged: Tagged, tags: tuple[Tag, ...]) -> None:
    request = tagged.from_client(UDP, udp(4000, PORT, b"question"), tags)
    with Tap(tagged.lab.client) as client, Tap(tagged.backend()) as backend:
        client.send(request)
        seen = backend.receive(lambda frame: frame.payload.endswith(b"question"))
    assert seen.tags == tags
    assert seen.destination_mac == mac_of(tagged.backend())
    assert seen.destination == (tagged.way.address(tagged.backend()) if tagged.way.translates else request.destination)
    assert seen.hops == request.hops - 1
    assert seen.is_intact


@pytest.mark.parametrize("tags", [(), ONE, TWO], ids=["untagged", "802.1Q", "802.1ad"])
@pytest.mark.parametrize("tagged", [way for way in WAYS if way.translates], ids=str, indirect=True)
def test_an_answer_keeps_its_tags(tagged: Tagged, tags: tuple[Tag, ...]) -> None:
    request = tagged.from_client(UDP, udp(4000, PORT, b"question"), tags)
    with Tap(tagged.lab.client) as client, Tap(tagged.backend()) as backend:
        client.send(request)
        seen = backend.receive(lambda frame: frame.payload.endswith(b"question"))
        backend.send(with_checksum(Frame(seen.destination_mac, seen.source_mac, seen.destination, seen.source, UDP,
                                         udp(PORT, seen.ports[0], b"answer"), tags)))
        answer = client.receive(lambda frame: frame.payload.endswith(b"answer"))
    assert answer.tags == tags
    assert answer.ports == (PORT, 4000)
    assert (answer.source, answer.destination) == (request.destination, request.source)
    assert answer.is_intact


@pytest.mark.parametrize("tags", [ONE, TWO], ids=["802.1Q", "802.1ad"])
@pytest.mark.parametrize("tagged", WAYS[:2], ids=str, indirect=True)
def test_a_tagged_ping_is_answered_with_its_tags(tagged: Tagged, tags: tuple[Tag, ...]) -> None:
    protocol = socket.IPPROTO_ICMPV6 if tagged.way.v6 else socket.IPPROTO_ICMP
    request = tagged.from_client(protocol, echo_request(tagged.way.v6, b"ping"), tags)
    with Tap(tagged.lab.client) as client:
        client.send(request)
        pong = client.receive(lambda frame: frame.payload.endswith(b"ping") and frame.source == request.destination)
    assert pong.tags == tags
    assert pong.payload[0] == (129 if tagged.way.v6 else 0)
    assert pong.is_intact


@pytest.mark.parametrize("tags", [ONE, TWO], ids=["802.1Q", "802.1ad"])
@pytest.mark.parametrize("tagged", TUNNELS, ids=str, indirect=True)
def test_a_tunnel_is_in_the_vlans_of_what_it_carries(tagged: Tagged, tags: tuple[Tag, ...]) -> None:
    request = tagged.from_client(UDP, udp(4000, PORT, b"question"), tags)
    with Tap(tagged.lab.client) as client, Tap(tagged.backend()) as backend:
        client.send(request)
        outer = backend.receive(lambda frame: frame.payload.endswith(b"question"))
    inner = replace(request, hops=request.hops - 1).encode()[len(request.tags) * 4 + 14:]
    assert outer.tags == tags
    assert outer.destination == tagged.way.address(tagged.backend())
    assert outer.payload.endswith(inner)
