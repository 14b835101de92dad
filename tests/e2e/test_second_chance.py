"""A backend fails that its checks call healthy: only the datapath can help its clients."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from conftest import Site, running

from lab import ConnectClient, Lab, Service
from lab.load import Connection

FIRST_REPETITION_NS = 1_000_000_000  # of a SYN, by Linux


def unchecked(lab: Lab, **keys: object) -> list[Service]:
    """One service whose backends count as up, whatever happens."""
    return [Service("web", lab.service_address, [(host.name, host.address, 80) for host in lab.backends],
                    check={"type": "none"}, keys=keys)]


@pytest.fixture
def blind(attach: str) -> Iterator[Site]:
    with running(attach, unchecked) as site:
        yield site


@contextlib.contextmanager
def new_connections(site: Site) -> Iterator[ConnectClient]:
    """A client that goes on connecting, for three seconds more at least once the block is done."""
    client = ConnectClient(site.lab.client, site.address, rate=200, parallel=300, timeout_ms=5000)
    client.wait_for(100, backend="b1")
    yield client
    client.wait_for(600, since_ns=time.monotonic_ns(), timeout=20)
    client.stop()


def begun(client: ConnectClient, since_ns: int) -> list[Connection]:
    """Those whose SYN met the failure: under way when it happened they may have been cut."""
    return client.since(since_ns + 50_000_000)


def test_a_refused_connection_is_made_with_the_other_backend_at_once(blind: Site) -> None:
    with new_connections(blind) as client:
        killed = blind.nginx["b1"].kill()
    seen = begun(client, killed)
    assert len(seen) > 400
    assert [c for c in seen if c.result != "ok"] == []
    slow = [c for c in seen if c.duration_ns > 100_000_000]
    assert len(slow) <= len(seen) // 100, slow  # none but for a machine that is busy with other things
    assert {c.backend for c in seen} == {"b2"}
    assert blind.daemon.backend("b1")["state"] == "up", "the checks saw nothing"
    assert blind.daemon.metrics()['pointsman_second_chances_total{service="web",backend="b1"}'] > 100
    assert blind.daemon.metrics()['pointsman_verdicts_total{verdict="forward_second_chance"}'] > 100


def test_a_connection_that_a_dark_host_does_not_answer_is_made_after_the_first_repetition(blind: Site) -> None:
    with new_connections(blind) as client:
        blind.nginx["b1"].host.run("ip", "link", "set", "eth0", "down")
        dark = time.monotonic_ns()
    seen = begun(client, dark)
    assert len(seen) > 400
    assert [c for c in seen if c.result != "ok"] == []
    waited = [c for c in seen if c.duration_ns > FIRST_REPETITION_NS // 2]
    assert len(waited) > 100, "those whose first choice was the dark one"
    in_time = [c for c in waited if c.duration_ns < 2 * FIRST_REPETITION_NS]
    assert len(in_time) >= len(waited) * 0.98, sorted(c.duration_ns for c in waited)[-5:]


def test_switched_off_the_refusal_is_the_clients(attach: str) -> None:
    with running(attach, lambda lab: unchecked(lab, second_chance=False)) as site:
        site.nginx["b1"].kill()
        client = ConnectClient(site.lab.client, site.address, rate=500, count=200)
        refused = [c for c in client.finish() if c.result != "ok"]
        assert len(refused) > 40
        assert site.daemon.metrics()['pointsman_verdicts_total{verdict="forward_second_chance"}'] == 0


def test_a_reload_switches_it(attach: str) -> None:
    with running(attach, unchecked) as site:
        site.daemon.services = unchecked(site.lab, second_chance=False)
        site.daemon.write()
        assert "second_chance" in site.daemon.command("plan", "-c", str(site.daemon.config)).stdout
        assert site.daemon.command("reload").returncode == 0
        site.nginx["b1"].kill()
        client = ConnectClient(site.lab.client, site.address, rate=500, count=200)
        assert [c for c in client.finish() if c.result != "ok"] != []
