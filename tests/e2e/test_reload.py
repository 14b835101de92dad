"""A new configuration applies as a whole or not at all."""

from __future__ import annotations

import time

import pytest
from conftest import Site, running

from lab import ConnectClient, HeldConnections, Lab, Service


def only_b1(lab: Lab) -> list[Service]:
    return [Service("web", lab.service_address, [("b1", lab.backends[0].address, 80)])]


@pytest.mark.parametrize("text", ["this is not TOML", '[datapath]\ninterfaces = ["eth0"]\nadress = 1\n'])
def test_a_bad_file_changes_nothing_and_exits_3(site: Site, text: str) -> None:
    before = site.daemon.status()
    site.daemon.write(text)
    done = site.daemon.command("reload")
    assert done.returncode == 3, done.stderr
    assert f"{site.daemon.config}:" in done.stderr
    site.daemon.write()
    after = site.daemon.status()
    assert (after["generation"], after["config"]["hash"]) == (before["generation"], before["config"]["hash"])
    assert site.lab.client.answers(site.address, 80)


def test_a_backend_that_is_added_gets_its_share_and_moves_no_connection(attach: str) -> None:
    with running(attach, only_b1) as site:
        held = HeldConnections(site.lab.client, site.address, count=32, interval_ms=20)
        site.daemon.services[0].backends = [(host.name, host.address, 80) for host in site.lab.backends]
        site.daemon.write()
        done = site.daemon.command("reload")
        assert done.returncode == 0, done.stderr
        site.daemon.ready()
        connections = ConnectClient(site.lab.client, site.address, count=500, seconds=10).finish()
        assert [c for c in connections if c.hurt] == []
        assert {c.backend for c in connections} == {"b1", "b2"}
        assert {(h.backend, h.broke_ns) for h in held.release()} == {("b1", 0)}


def test_a_weight_of_zero_takes_new_connections_away_and_leaves_the_old_ones(site: Site) -> None:
    held = HeldConnections(site.lab.client, site.address, count=32, interval_ms=20)
    first, second = site.lab.backends
    site.daemon.services[0].backends = [
        {"name": "b1", "address": first.address, "port": 80, "weight": 0}, ("b2", second.address, 80)]
    site.daemon.write()
    done = site.daemon.command("reload")
    assert done.returncode == 0, done.stderr
    connections = ConnectClient(site.lab.client, site.address, count=300, seconds=10).finish()
    assert {c.backend for c in connections} == {"b2"}
    report = held.release()
    assert {h.backend for h in report} == {"b1", "b2"}
    assert [h for h in report if h.broke_ns] == []


def test_a_reload_never_makes_a_failed_backend_healthy(site: Site) -> None:
    killed = site.nginx["b1"].kill()
    site.daemon.wait_for_audit(killed, kind="health", backend="b1", now="down")
    site.daemon.services[0].keys = {"idle_timeout": "10m"}
    site.daemon.write()
    reloaded = time.monotonic_ns()
    done = site.daemon.command("reload")
    assert done.returncode == 0, done.stderr
    site.daemon.wait_for_audit(reloaded, kind="reload")
    assert site.daemon.backend("b1")["state"] == "down"
    connections = ConnectClient(site.lab.client, site.address, count=300, seconds=10).finish()
    assert {c.backend for c in connections} == {"b2"}
    assert site.daemon.audit(reloaded, kind="health", now="up") == []


def test_sighup_reloads(site: Site) -> None:
    assert site.daemon.process is not None
    site.daemon.services[0].keys = {"idle_timeout": "10m"}
    site.daemon.write()
    asked = time.monotonic_ns()
    site.lab.balancer.run("kill", "-HUP", str(site.daemon.process.pid))
    site.daemon.wait_for_audit(asked, kind="reload")
    assert site.lab.client.answers(site.address, 80)

