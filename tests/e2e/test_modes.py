"""Every way to forward, in both families and at both hooks: traffic arrives whole, and a failure is handled alike."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Iterator

import pytest
from ways import ACROSS, WAYS, WaySite, ask, noise_file, running_way

from lab import ConnectClient

FILE_BYTES = 50_000_000
REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"


HOOKED = [(way, hook) for way in WAYS + ACROSS for hook in ("tc", "native", *(["generic"] if way in WAYS[:5] else []))]


@pytest.fixture(scope="module", params=HOOKED, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def site(request: pytest.FixtureRequest) -> Iterator[WaySite]:
    way, hook = request.param
    with running_way(way, hook) as made:
        yield made


@pytest.fixture(scope="module")
def file() -> Iterator[tuple[pathlib.Path, str]]:
    with noise_file(FILE_BYTES) as made:
        yield made


def test_requests_are_served_by_every_backend(site: WaySite) -> None:
    connections = ConnectClient(site.lab.client, site.address, count=500, rate=1000, seconds=20).finish()
    assert [c for c in connections if c.hurt] == []
    assert {c.backend for c in connections} == {"b1", "b2"}


def test_backends_see_the_clients_address_unless_it_is_translated(site: WaySite) -> None:
    seen = site.lab.client.get(site.address, 80, "/whoami").decode().split()[0]
    pooled = site.way.translates and site.way.source == "pool"
    assert seen == site.way.address(site.lab.balancer if pooled else site.lab.client)


def test_a_large_answer_arrives_intact(site: WaySite, file: tuple[pathlib.Path, str]) -> None:
    path, digest = file
    url = [nginx.add_file(path) for nginx in site.nginx.values()][0]
    assert site.download(url) == digest


def test_a_large_upload_arrives_intact(site: WaySite) -> None:
    assert site.upload(os.urandom(FILE_BYTES))


def test_udp_requests_are_answered_and_a_flow_stays_on_its_backend(site: WaySite) -> None:
    backends = set()
    for _ in range(32):
        with site.udp() as client:
            answers = {ask(client, payload) for payload in [b"first"] * 3}
        assert [payload for _, payload in answers] == [b"first"]
        backends |= {name for name, _ in answers}
    assert backends == {"b1", "b2"}


def test_a_backend_that_is_killed_takes_no_new_connections(site: WaySite) -> None:
    killed = site.nginx["b1"].kill()
    try:
        publish = site.daemon.wait_for_audit(killed, kind="publish")
        client = ConnectClient(site.lab.client, site.address, count=200, rate=1000, seconds=20)
        connections = client.finish()
        assert [c for c in connections if c.hurt] == []
        assert {c.backend for c in connections if c.start_ns > publish["mono_ns"]} == {"b2"}
    finally:
        site.nginx["b1"].start()
        site.daemon.wait_for_state("b1", "up")


def test_a_held_connection_of_a_stopped_backend_is_reset(site: WaySite) -> None:
    """The backend's own kernel still acknowledges everything: the RST is the balancer's."""
    with site.lab.client.connect(site.address, 80) as connection:
        connection.sendall(REQUEST)
        victim = connection.recv(4096).split()[-1].decode()
        with stopped(site, victim):
            site.daemon.wait_for_state(victim, "down")
            asked = time.monotonic()
            with pytest.raises(ConnectionResetError):
                connection.sendall(REQUEST)
                connection.recv(4096)
            assert time.monotonic() - asked < 0.5
    site.daemon.wait_for_state(victim, "up")


@contextlib.contextmanager
def stopped(site: WaySite, backend: str) -> Iterator[None]:
    """Its processes do not run."""
    pids = site.nginx[backend].process.family()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_every_packet_is_accounted_for(site: WaySite) -> None:
    metrics = site.daemon.metrics()
    assert metrics["pointsman_unaccounted_packets"] == 0
