"""Fragments in any order: those that come before the first one of their packet wait for it, in every way of forwarding,
both families, through every hook."""

from __future__ import annotations

import contextlib
import os
import pathlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from conftest import physical
from restarting import end
from ways import UDP_PORT, WAYS, services

from lab import Lab, Nginx, Pointsman, Service, UdpEcho, Way, wait_until
from lab.fragments import RawClient, RawConnection, fragments_of
from lab.frames import ETH_P_8021Q, UDP, Tap, decode, udp, with_checksum

OTHER_PORT, HOST_PORT = UDP_PORT + 1, UDP_PORT + 2
HELD, AHEAD = "pass_fragment_held", "drop_fragment_ahead"
REQUEST = b"GET /whoami HTTP/1.1\r\nHost: x\r\nX-Fill: " + b"x" * 800 + b"\r\n\r\n"
PAYLOAD = os.urandom(900)


def resident(daemon: Pointsman) -> int:
    """Octets of its memory."""
    assert daemon.process is not None
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


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


HOOKS = ["tc", "native", "generic"]
PLACES = [(way, hook) for hook in HOOKS for way in WAYS]
# Generic XDP does not see a tag that was taken off, and the backend's decapsulator knows none.
TAGGED = [(way, hook) for way, hook in PLACES if hook != "generic" and way.forward in ("nat", "dsr")]
# Where answers to all clients come to an address of the balancer's.
ANSWERED = [(way, hook) for way, hook in PLACES if way.translates and way.source == "pool"]


def place_name(place: tuple[Way, str]) -> str:
    way, hook = place
    return f"{hook}-{way}"


def at(places: list[tuple[Way, str]]) -> pytest.MarkDecorator:
    """The test runs in these places. Those of one place run one after the other, in one lab."""
    return pytest.mark.parametrize("site", places, ids=place_name, indirect=True, scope="module")


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with running(*request.param) as made:
        yield made


def is_answered(client: RawClient, source_port: int, port: int, fragments: list[bytes]) -> bool:
    for fragment in fragments:
        client.tap.send(fragment)
    return client.answer(source_port, port).endswith(PAYLOAD)


@at(PLACES)
def test_datagrams_in_reverse_order_reach_the_service_that_their_first_fragment_names(site: Site) -> None:
    """From a host that never sent a fragment before, to either service in turn: no guess would do."""
    client, held = site.client(), site.verdicts(HELD)
    for number in range(6):
        source_port, port = 4000 + number, (UDP_PORT, OTHER_PORT)[number % 2]
        fragments = client.fragments(UDP, client.datagram(source_port, port, PAYLOAD))
        assert is_answered(client, source_port, port, fragments[::-1])
    assert site.verdicts(HELD) > held and site.given_back("in_vain") == 0


@at(PLACES)
def test_a_segment_in_reverse_order_reaches_its_connection(site: Site) -> None:
    client = site.client(61)
    for source_port in (4000, 4001):
        connection = RawConnection(client, source_port, 80)
        for fragment in connection.request(REQUEST)[::-1]:
            site.tap.send(fragment)
        assert connection.answer().startswith(b"HTTP/1.1 200")
        connection.reset()


@at(TAGGED)
def test_fragments_keep_their_vlan_tag(site: Site) -> None:
    """In tc it stands beside the frame."""
    tag = (ETH_P_8021Q, 42)
    client = RawClient(site.lab, site.tap, site.address, 62, tags=(tag,))
    fragments = client.fragments(UDP, client.datagram(4000, UDP_PORT, PAYLOAD))
    with Tap(site.lab.backends[0]) as backend:
        for fragment in fragments[::-1]:
            site.tap.send(fragment)
        seen = [backend.receive(lambda frame: frame.tags == (tag,)).payload for _ in fragments]
    sent = [frame.payload for frame in map(decode, fragments) if frame]
    assert sorted(map(len, seen)) == sorted(map(len, sent))


@at(ANSWERED)
def test_an_answer_in_reverse_order_reaches_its_client(site: Site) -> None:
    client = site.client(63)
    with Tap(site.lab.backends[0]) as backend:
        client.send_whole(UDP, client.datagram(4000, UDP_PORT, b"question"))
        asked = backend.receive(lambda frame: frame.payload.endswith(b"question"))
        assert client.answer(4000, UDP_PORT).endswith(b"question")
        answer = replace(asked, source_mac=asked.destination_mac, destination_mac=asked.source_mac, source=asked.destination,
                         destination=asked.source, payload=udp(asked.ports[1], asked.ports[0], PAYLOAD))
        fragments = fragments_of(with_checksum(answer), 256, 4711)
        for fragment in fragments[::-1]:
            backend.send(fragment)
    head = 8 if site.way.v6 else 0  # the fragment header
    came = [site.tap.receive(lambda frame: frame.destination == client.source).payload[head:] for _ in fragments]
    assert came[0][:4] == udp(UDP_PORT, 4000, b"")[:4]  # the first one is not held
    assert sorted([came[0][8:], *came[1:]]) == sorted([PAYLOAD[:248], *(PAYLOAD[at:at + 256] for at in range(248, 900, 256))])


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("v6", [False, True], ids=["v4", "v6"])
def test_at_the_hosts_own_address_services_and_the_host_get_what_is_theirs(hook: str, v6: bool) -> None:
    """In either order; what is in the usual one is not kept, whoever it is for."""
    way = Way("nat", v6=v6)
    with contextlib.ExitStack() as held:
        lab = held.enter_context(Lab(physical=physical(hook), own_address=True))
        address = way.service(lab)
        for host, port in zip(lab.backends, [UDP_PORT, OTHER_PORT], strict=True):
            held.enter_context(UdpEcho(host, port, way.address(host)))
        held.enter_context(UdpEcho(lab.balancer, HOST_PORT, address))
        daemon = Pointsman(lab, udp_services(lab, way), attach=hook).start().ready()
        site = Site(way, lab, daemon, held.enter_context(Tap(lab.client)))
        client = site.client()
        lab.balancer.run("ip", "neigh", "replace", client.source, "lladdr", client.macs[0].hex(":"), "dev", "eth0")
        for port in (HOST_PORT, UDP_PORT, HOST_PORT, OTHER_PORT):
            for order in (1, -1):
                kept = site.verdicts(HELD)
                fragments = client.fragments(UDP, client.datagram(4000, port, PAYLOAD))
                assert is_answered(client, 4000, port, fragments[::order]), (port, order)
                assert (site.verdicts(HELD) > kept) == (order < 0)


@at(PLACES)
def test_a_flood_of_lonely_fragments_takes_little_and_nothing_from_others(site: Site) -> None:
    """They are given back after a quarter of a second, as many as the daemon took, and end as those it did not take."""
    before, began = site.verdicts(HELD), time.monotonic()
    memory = resident(site.daemon)
    in_vain = site.given_back("in_vain")
    client = site.client(64)
    lonely = [client.fragments(UDP, client.datagram(4000, UDP_PORT, os.urandom(1400)), 1200)[1] for _ in range(500)]
    for _ in range(10):
        for fragment in lonely:
            site.tap.send(fragment)
    held = site.verdicts(HELD) - before
    assert 0 < held <= 64 * ((time.monotonic() - began) / 0.05 + 2)
    connection = RawConnection(site.client(65), 4002, 80)
    site.tap.send(site.client(65).frame(6, connection.segment(24, REQUEST)))
    assert connection.answer().startswith(b"HTTP/1.1 200")
    connection.reset()
    wait_until(lambda: site.given_back("in_vain") - in_vain == site.verdicts(HELD) - before, "all are given back")
    metrics = site.daemon.metrics()
    assert metrics["pointsman_unaccounted_packets"] == 0 and metrics["pointsman_events_lost_total"] == 0
    assert resident(site.daemon) - memory < 4 << 20
    assert is_answered(client, 4003, OTHER_PORT,
                       client.fragments(UDP, client.datagram(4003, OTHER_PORT, PAYLOAD))[::-1])


def test_a_daemon_that_is_gone_keeps_no_fragment_and_the_next_one_does() -> None:
    with running(Way("nat"), "tc") as site:
        client = site.client()
        assert is_answered(client, 4000, UDP_PORT, client.fragments(UDP, client.datagram(4000, UDP_PORT, PAYLOAD))[::-1])
        end(site.daemon, kill=True)
        strangers = [site.client(100 + number) for number in range(100)]
        for stranger in strangers:
            site.tap.send(stranger.fragments(UDP, stranger.datagram(4000, UDP_PORT, PAYLOAD))[-1])
        site.daemon.start().ready()
        assert site.verdicts(AHEAD) >= len(strangers) - 64
        stranger = site.client(99)
        assert is_answered(stranger, 4000, OTHER_PORT,
                           stranger.fragments(UDP, stranger.datagram(4000, OTHER_PORT, PAYLOAD))[::-1])
