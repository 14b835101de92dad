"""passive = "replace": handshakes of clients take the place of tcp probes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from conftest import Site, running

from lab import ConnectClient, HeldConnections, Lab, Service
from lab.host import Host
from lab.waiting import wait_until

INTERVAL_MS = 400
REPLACED = "pointsman_probes_replaced_total"


def replacing(lab: Lab) -> list[Service]:
    backends = [(host.name, host.address, 80) for host in lab.backends]
    return [Service("web", lab.service_address, backends,
                    check={"type": "tcp", "passive": "replace", "interval": f"{INTERVAL_MS}ms"})]


@pytest.fixture
def busy(attach: str) -> Iterator[Site]:
    with running(attach, replacing) as site:
        yield site


def begun(host: Host) -> int:
    """Connections that the host's kernel saw begin, with probes, which end before they are complete."""
    names, values = (line.split() for line in host.run("grep", "^Tcp:", "/proc/net/snmp").stdout.splitlines())
    return sum(int(values[names.index(name)]) for name in ("PassiveOpens", "AttemptFails"))


def b1(site: Site) -> Host:
    return next(host for host in site.lab.backends if host.name == "b1")


def handshake_ago_ms(site: Site, backend: str = "b1") -> int | None:
    return site.daemon.backend(backend)["checks"][0].get("last_handshake_ago_ms")


def test_backends_are_probed_while_no_client_comes_and_not_while_they_do(busy: Site) -> None:
    before = begun(b1(busy))
    wait_until(lambda: begun(b1(busy)) >= before + 3, "a backend without clients is probed")
    assert busy.daemon.metrics()[REPLACED] == 0
    assert handshake_ago_ms(busy) is None

    before = begun(b1(busy))
    served = ConnectClient(busy.lab.client, busy.address, rate=200, seconds=4).finish()
    probes = begun(b1(busy)) - before - len([c for c in served if c.backend == "b1"])
    assert probes <= 3, "some ten are made without clients"
    assert busy.daemon.metrics()[REPLACED] >= 10
    ago = handshake_ago_ms(busy)
    assert ago is not None and ago < 1000
    assert "; handshake 0s ago" in busy.daemon.command("status").stdout


def test_probes_are_back_within_an_interval_of_the_last_client(busy: Site) -> None:
    client = ConnectClient(busy.lab.client, busy.address, rate=200, seconds=30)
    wait_until(lambda: busy.daemon.metrics()[REPLACED] >= 4, "handshakes replace probes")
    client.stop()
    ended, before = time.monotonic(), begun(b1(busy))
    wait_until(lambda: begun(b1(busy)) > before, "the first probe after it", interval=0.01)
    assert (time.monotonic() - ended) * 1000 < INTERVAL_MS * 1.1 + 300


def test_a_backend_killed_under_load_is_out_as_soon_as_with_probes(busy: Site) -> None:
    client = ConnectClient(busy.lab.client, busy.address, rate=1000, parallel=64, timeout_ms=1000)
    wait_until(lambda: busy.daemon.metrics()[REPLACED] >= 4, "handshakes replace probes")
    killed = busy.nginx["b1"].kill()
    down = busy.daemon.wait_for_audit(killed, kind="health", backend="b1", now="down")
    assert (down["mono_ns"] - killed) / 1e6 < 150
    assert [probe["outcome"] for probe in down["evidence"]] == ["L4CON"] * 3
    assert down["last_handshake_us"] < 1_500_000
    busy.nginx["b1"].start()
    busy.daemon.wait_for_state("b1", "up")
    client.stop()


def test_a_backend_killed_without_clients_is_out_within_its_interval(busy: Site) -> None:
    killed = busy.nginx["b1"].kill()
    down = busy.daemon.wait_for_audit(killed, kind="health", backend="b1", now="down")
    assert (down["mono_ns"] - killed) / 1e6 < INTERVAL_MS * 1.1 + 300


def test_open_connections_stand_for_no_probe(busy: Site) -> None:
    before = begun(b1(busy))
    wait_until(lambda: begun(b1(busy)) >= before + 2, "the daemon has looked at the backend's traffic")
    held = HeldConnections(busy.lab.client, busy.address, count=16, interval_ms=20)
    wait_until(lambda: (ago := handshake_ago_ms(busy)) is not None and ago > INTERVAL_MS, "their handshakes are old")
    before, replaced = begun(b1(busy)), busy.daemon.metrics()[REPLACED]
    wait_until(lambda: begun(b1(busy)) >= before + 3, "probes go on")
    assert busy.daemon.metrics()[REPLACED] == replaced
    held.release()
