"""What rules held against a backend is held against it by the next daemon too, from its first generation on."""

from __future__ import annotations

import os
import signal
import time

import pytest
from conftest import Site, running
from restarting import STAY, end, restart_after_end
from test_rules import refused_connects, sources_of, web

from lab import ConnectClient
from lab.pointsman import Record
from lab.waiting import wait_until

DAMPING = {"damping": "4s", "down_interval": "200ms", "interval": "200ms", "passive": "off"}
STAYS = pytest.mark.parametrize("stays", [True, False], ids=["killed", "stopped and detached"])


def start(site: Site) -> int:
    """Without waiting for every backend to be healthy. CLOCK_MONOTONIC in ns, just before."""
    before = time.monotonic_ns()
    site.daemon.start()
    wait_until(site.daemon.control_answers, "the successor answers", interval=0.005)
    return before


def start_successor(site: Site, *, kill: bool) -> int:
    end(site.daemon, kill=kill)
    return start(site)


def fall(site: Site, backend: str) -> None:
    killed = site.nginx[backend].kill()
    site.daemon.wait_for_audit(killed, kind="health", backend=backend, now="down")
    restarted = time.monotonic_ns()
    site.nginx[backend].start()
    site.daemon.wait_for_audit(restarted, kind="health", backend=backend, measured="up")


def treatment(site: Site, backend: str) -> tuple[object, ...]:
    shown = site.daemon.backend(backend)
    return shown["state"], shown.get("ruled_by"), shown["eligible"]


def admitted(site: Site, backend: str, since: int) -> list[Record]:
    """The publishes that gave it new flows."""
    return [record for record in site.daemon.audit(since, kind="publish") for change in record["changes"]
            if (change["kind"], change.get("backend"), change["now"]) == ("backend", backend, "up")]


def wait_until_written(site: Site, words: str) -> None:
    file = site.daemon.folder / "state" / "state.json"
    wait_until(lambda: words in file.read_text(), f"{words} is written down")


def eject(site: Site, sources: list[str]) -> Record:
    before = time.monotonic_ns()
    ejected = wait_until(lambda: refused_connects(site, sources, 4) >= 0 and site.daemon.audit(
        before, kind="health", backend="b1", now="down"), "b1 is ejected")[0]
    wait_until_written(site, '"ejected_for_ns"')
    return ejected


@STAYS
def test_an_ejected_backend_stays_out_over_a_restart_until_its_time_is_over(stays: bool) -> None:
    checks = {"port": 80, "passive": "eject"}
    with running("tc", lambda lab: web(lab, checks, ports=(81, 80)), daemon=STAY if stays else {}) as site:
        sources = sources_of(site, 4)
        down = eject(site, sources)
        started = start_successor(site, kill=stays)
        assert treatment(site, "b1") == ("down", "clients_failed", False)
        assert site.daemon.backend("b1")["because"] == "clients_failed"
        site.daemon.wait_for_state("b2", "up")
        assert refused_connects(site, sources, 20) == 0
        assert admitted(site, "b1", started) == []
        up = site.daemon.wait_for_audit(started, timeout=8, kind="health", backend="b1", now="up")
        assert up["because"] == "released"
        assert 4.5 < (up["mono_ns"] - down["mono_ns"]) / 1e9 < 6


@pytest.mark.parametrize("stays, init", [(True, "down"), (False, "down"), (False, "up")],
                         ids=["killed", "stopped and detached", "stopped and detached, taken for up"])
def test_falls_before_a_restart_and_after_it_damp_a_backend_together(stays: bool, init: str) -> None:
    with running("tc", lambda lab: web(lab, {**DAMPING, "init": init}), daemon=STAY if stays else {}) as site:
        fall(site, "b1")
        fall(site, "b1")
        penalty = site.daemon.backend("b1")["flap_penalty"]
        assert penalty > 1000
        if stays:
            end(site.daemon, kill=True)
            restart_after_end(site.daemon)
        else:
            end(site.daemon, kill=False)
            site.daemon.start().ready()
        assert 500 < site.daemon.backend("b1")["flap_penalty"] < penalty
        fall(site, "b1")
        fall(site, "b1")
        assert site.daemon.backend("b1").get("ruled_by") == "flapping"
        wait_until_written(site, '"ruled":"down"')  # and up by its probes, which a kill would forget
        clients = ConnectClient(site.lab.client, site.address, rate=500, timeout_ms=300)
        started = start_successor(site, kill=stays)
        assert treatment(site, "b1") == ("down", "flapping", False)
        site.daemon.wait_for_state("b1", "up", timeout=12)
        released = site.daemon.wait_for_audit(started, kind="health", backend="b1", because="released")["mono_ns"]
        assert [publish["mono_ns"] > released for publish in admitted(site, "b1", started)] == [True]
        clients.wait_for(10, released, "b1")
        early = [c for c in clients.stop() if started < c.start_ns < released]
        assert {c.backend for c in early if c.result == "ok"} == {"b2"}


def damp(site: Site, backend: str) -> None:
    for _ in range(3):
        fall(site, backend)
    assert treatment(site, backend) == ("down", "flapping", False)


def test_a_damped_backend_waits_for_what_the_first_probes_of_the_others_find() -> None:
    """b2 passes its first probe, but takes a second for it."""
    with running("tc", lambda lab: web(lab, {**DAMPING, "timeout": "4s"})) as site:
        damp(site, "b1")
        end(site.daemon, kill=False)
        hanging = site.nginx["b2"].process.family()
        for pid in hanging:
            os.kill(pid, signal.SIGSTOP)
        started = start(site)
        assert treatment(site, "b1") == ("down", "flapping", False)
        site.daemon.wait_for_audit(started, kind="health", backend="b1", measured="up")
        assert treatment(site, "b1") == ("down", "flapping", False)
        assert treatment(site, "b2") == ("down", None, False)
        for pid in hanging:
            os.kill(pid, signal.SIGCONT)
        site.daemon.wait_for_state("b2", "up")
        assert treatment(site, "b1") == ("down", "flapping", False)
        assert admitted(site, "b1", started) == []


def test_a_damped_backend_that_is_the_last_healthy_one_takes_flows_after_a_restart() -> None:
    with running("tc", lambda lab: web(lab, DAMPING)) as site:
        damp(site, "b1")
        end(site.daemon, kill=False)
        site.nginx["b2"].kill()
        start(site)
        site.daemon.wait_for_state("b1", "up")
        assert treatment(site, "b1") == ("up", None, True)
        site.nginx["b2"].start()
        site.daemon.wait_for_state("b2", "up")
        wait_until(lambda: treatment(site, "b1") == ("down", "flapping", False), "the rule holds again")


def test_a_damped_backend_that_was_needed_takes_flows_as_soon_as_it_passes_a_probe() -> None:
    """b2 is down when the daemon stops, and tells nothing of itself after it."""
    with running("tc", lambda lab: web(lab, {**DAMPING, "timeout": "4s"})) as site:
        damp(site, "b1")
        site.nginx["b2"].kill()
        site.daemon.wait_for_state("b1", "up")
        end(site.daemon, kill=False)
        site.nginx["b2"].start()
        hanging = site.nginx["b2"].process.family()
        for pid in hanging:
            os.kill(pid, signal.SIGSTOP)
        start(site)
        site.daemon.wait_for_state("b1", "up", timeout=2)
        for pid in hanging:
            os.kill(pid, signal.SIGCONT)
        site.daemon.wait_for_state("b2", "up")
        wait_until(lambda: treatment(site, "b1") == ("down", "flapping", False), "the rule holds again")


def test_a_fall_behind_a_dead_link_of_ours_waits_on_over_a_kill() -> None:
    fast = {"interval": "100ms", "down_interval": "100ms", "timeout": "200ms"}
    with running("tc", two_legs=True, daemon=STAY, health=fast) as site:
        link = site.lab.balancer
        link.run("ip", "link", "set", "eth1", "down")
        wait_until_written(site, '"held_for_ns"')
        started = start_successor(site, kill=True)
        assert [treatment(site, backend) for backend in ("b1", "b2")] == [("up", "held", True)] * 2
        site.daemon.wait_for_audit(started, kind="alarm", because="own_link_down")
        link.run("ip", "link", "set", "eth1", "up")
        wait_until(lambda: [treatment(site, backend) for backend in ("b1", "b2")] == [("up", None, True)] * 2, "both answer again")
        assert site.daemon.audit(started, kind="health", now="down") == []
