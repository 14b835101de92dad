"""Fragments in any order: those that come before the first one of their packet wait for it, in every way of forwarding,
both families, through every hook."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from conftest import physical
from ways import UDP_PORT, WAYS, services

from lab import Lab, Nginx, Pointsman, Service, UdpEcho, Way, wait_until
from lab.fragments import RawClient, RawConnection
from lab.frames import UDP, Tap

OTHER_PORT = UDP_PORT + 1
HELD, AHEAD = "pass_fragment_held", "drop_fragment_ahead"
REQUEST = b"GET /whoami HTTP/1.1\r\nHost: x\r\nX-Fill: " + b"x" * 800 + b"\r\n\r\n"
PAYLOAD = os.urandom(900)


@dataclass
class Site:
    """An address with two UDP services, each at a backend of its own, and one of TCP."""

    way: Way
    lab: Lab
    daemon: Pointsman
    tap: Tap

    @property
    def address(self) -> str:
        return self.way.service(self.lab)

    def client(self, number: int = 60) -> RawClient:
        return RawClient(self.lab, self.tap, self.address, number)

    def verdicts(self, name: str) -> float:
        return self.daemon.metrics()[f'pointsman_verdicts_total{{verdict="{name}"}}']

    def given_back(self, end: str) -> float:
        return self.daemon.metrics()[f'pointsman_held_fragments_total{{end="{end}"}}']


def udp_services(lab: Lab, way: Way) -> list[Service]:
    return [Service(name, way.service(lab), [(host.name, way.backend_address(host), port)], port=port, protocol="udp",
                    keys=way.keys, check={"type": "none"})
            for name, port, host in zip(["names", "others"], [UDP_PORT, OTHER_PORT], lab.backends, strict=True)]


@contextlib.contextmanager
def running(way: Way, attach: str) -> Iterator[Site]:
    with contextlib.ExitStack() as held:
        lab = held.enter_context(Lab(physical=physical(attach), two_legs=way.source == "client"))
        way.prepare(lab)
        for host, port in zip(lab.backends, [UDP_PORT, OTHER_PORT], strict=True):
            Nginx(host)
            held.enter_context(UdpEcho(host, port, way.address(host) if way.translates else way.service(lab)))
        tap = held.enter_context(Tap(lab.client))
        daemon = Pointsman(lab, [services(lab, way)[0], *udp_services(lab, way)], attach=attach).start().ready()
        try:
            yield Site(way, lab, daemon, tap)
        except BaseException:
            print(f"--- pointsman's log\n{daemon.log()}\n{daemon.command('drops').stdout}")
            raise


@pytest.fixture(scope="module", params=["tc", "native", "generic"])
def hook(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=WAYS, ids=str)
def site(hook: str, request: pytest.FixtureRequest) -> Iterator[Site]:
    with running(request.param, hook) as made:
        yield made


def is_answered(client: RawClient, source_port: int, port: int, fragments: list[bytes]) -> bool:
    for fragment in fragments:
        client.tap.send(fragment)
    return client.answer(source_port, port).endswith(PAYLOAD)


def test_datagrams_in_reverse_order_reach_the_service_that_their_first_fragment_names(site: Site) -> None:
    """From a host that never sent a fragment before, to either service in turn: no guess would do."""
    client, held = site.client(), site.verdicts(HELD)
    for number in range(6):
        source_port, port = 4000 + number, (UDP_PORT, OTHER_PORT)[number % 2]
        fragments = client.fragments(UDP, client.datagram(source_port, port, PAYLOAD))
        assert is_answered(client, source_port, port, fragments[::-1])
    assert site.verdicts(HELD) > held and site.given_back("in_vain") == 0


def test_a_segment_in_reverse_order_reaches_its_connection(site: Site) -> None:
    client = site.client(61)
    for source_port in (4000, 4001):
        connection = RawConnection(client, source_port, 80)
        for fragment in connection.request(REQUEST)[::-1]:
            site.tap.send(fragment)
        assert connection.answer().startswith(b"HTTP/1.1 200")
        connection.reset()
