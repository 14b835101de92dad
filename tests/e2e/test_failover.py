"""A backend dies, and what its clients and those of the others notice."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest
from conftest import Site

from lab import ConnectClient, HeldConnections, Wrk

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"
BOUND_MS = 100


def test_kill_9_under_load_moves_the_traffic_within_100_ms_and_hurts_nobody_later(site: Site) -> None:
    wrk = Wrk(site.lab.client, site.address, seconds=30, connections=16, threads=1)
    client = ConnectClient(site.lab.client, site.address, rate=2000, parallel=64, timeout_ms=1000)
    client.wait_for(1000, backend="b1")
    killed = site.nginx["b1"].kill()
    site.daemon.wait_for_audit(killed, kind="publish")
    client.wait_for(4000, since_ns=killed)
    client.stop()
    wrk.stop()
    hurt = client.hurt()
    assert not hurt or (hurt[-1].start_ns - killed) / 1e6 <= BOUND_MS, hurt[-5:]
    assert len(client.since(killed, "b2")) > 3000


def test_without_traffic_a_killed_backend_is_out_within_its_interval(site: Site) -> None:
    killed = site.nginx["b1"].kill()
    down = site.daemon.wait_for_audit(killed, kind="health", backend="b1", now="down")
    assert (down["mono_ns"] - killed) / 1e6 < 1300


def test_connections_to_the_other_backend_are_undisturbed(site: Site) -> None:
    held = HeldConnections(site.lab.client, site.address, count=64, interval_ms=20)
    killed = site.nginx["b1"].kill()
    site.daemon.wait_for_audit(killed, kind="publish")
    site.nginx["b1"].start()
    site.daemon.wait_for_state("b1", "up")
    report = held.release()
    others = [h for h in report if h.backend == "b2"]
    assert len(others) > 10
    assert [h for h in others if h.broke_ns or h.worst_ns > 500_000_000] == []
    assert all(h.broke_ns for h in report if h.backend == "b1")


def test_a_backend_returns_after_rise_passed_probes(site: Site) -> None:
    killed = site.nginx["b1"].kill()
    site.daemon.wait_for_audit(killed, kind="health", backend="b1", now="down")
    restarted = time.monotonic_ns()
    site.nginx["b1"].start()
    up = site.daemon.wait_for_audit(restarted, kind="health", backend="b1", now="up")
    assert [probe["outcome"] for probe in up["evidence"]] == ["L7OK", "L7OK"]
    assert (up["mono_ns"] - restarted) / 1e6 < 1500
    client = ConnectClient(site.lab.client, site.address)
    client.wait_for(10, backend="b1")
    client.stop()
    assert client.hurt() == []


def test_the_audit_trail_tells_the_failover_without_a_gap(site: Site) -> None:
    client = ConnectClient(site.lab.client, site.address, rate=1000)
    client.wait_for(200, backend="b1")
    killed = site.nginx["b1"].kill()
    down = site.daemon.wait_for_audit(killed, kind="health", backend="b1", now="down")
    publish = site.daemon.wait_for_audit(down["mono_ns"], kind="publish")
    client.stop()

    assert (down["service"], down["was"], down["now"], down["because"]) == ("web", "up", "down", "l4_refused")
    assert [probe["outcome"] for probe in down["evidence"]] == ["L4CON"] * 3
    assert publish["cause_seq"] == down["seq"]
    assert publish["generation"]["to"] == publish["generation"]["from"] + 1
    spans = {**down, **publish}
    assert 0 <= spans["switch_us"] < 50_000
    assert 0 < spans["detect_us"] <= (down["mono_ns"] - killed) / 1000 + 1000
    records = site.daemon.audit()
    assert [r["seq"] for r in records] == list(range(records[0]["seq"], records[0]["seq"] + len(records)))
    assert [r["mono_ns"] for r in records] == sorted(r["mono_ns"] for r in records)
    assert records[0]["kind"] == "start"


@pytest.mark.parametrize("fault", ["stopped process", "dark host"])
def test_an_established_connection_of_a_dead_backend_is_reset_on_its_next_packet(site: Site, fault: str) -> None:
    """Neither fault lets the backend's own kernel close anything: the RST is the balancer's."""
    with site.lab.client.connect(site.address, 80) as connection:
        connection.sendall(REQUEST)
        victim = connection.recv(4096).split()[-1].decode()
        nginx = site.nginx[victim]
        if fault == "dark host":
            nginx.host.run("ip", "link", "set", "eth0", "down")
        else:
            for pid in nginx.process.family():
                os.kill(pid, signal.SIGSTOP)
        try:
            site.daemon.wait_for_state(victim, "down", timeout=5)
            asked = time.monotonic()
            with pytest.raises(ConnectionResetError):
                connection.sendall(REQUEST)
                connection.recv(4096)
            assert time.monotonic() - asked < 0.1
        finally:
            with contextlib.suppress(ProcessLookupError):
                for pid in nginx.process.family():
                    os.kill(pid, signal.SIGCONT)


def test_a_dark_host_under_traffic_is_out_within_1200_ms_and_new_connections_avoid_it(site: Site) -> None:
    client = ConnectClient(site.lab.client, site.address, rate=500, parallel=256, timeout_ms=2000)
    client.wait_for(100, backend="b1")
    dark = time.monotonic_ns()
    site.nginx["b1"].host.run("ip", "link", "set", "eth0", "down")
    down = site.daemon.wait_for_audit(dark, kind="health", backend="b1", now="down")
    publish = site.daemon.wait_for_audit(down["mono_ns"], kind="publish")
    client.wait_for(300, since_ns=publish["mono_ns"], timeout=15)
    client.stop()
    assert (publish["mono_ns"] - dark) / 1e6 < 1200
    assert [c for c in client.hurt() if c.start_ns > publish["mono_ns"]] == []
