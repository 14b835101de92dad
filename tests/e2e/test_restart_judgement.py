"""What rules held against a backend is held against it by the next daemon too."""

from __future__ import annotations

import time

import pytest
from conftest import Site, running
from restarting import STAY, end, restart_after_end
from test_rules import refused_connects, sources_of, web

from lab.waiting import wait_until


def start_successor(site: Site, *, kill: bool) -> None:
    """Without waiting for every backend to be healthy."""
    end(site.daemon, kill=kill)
    site.daemon.start()
    wait_until(site.daemon.control_answers, "the successor answers")


def fall(site: Site, backend: str) -> None:
    killed = site.nginx[backend].kill()
    site.daemon.wait_for_audit(killed, kind="health", backend=backend, now="down")
    restarted = time.monotonic_ns()
    site.nginx[backend].start()
    site.daemon.wait_for_audit(restarted, kind="health", backend=backend, measured="up")


def test_an_ejected_backend_stays_out_over_a_kill_until_its_time_is_over() -> None:
    with running("tc", lambda lab: web(lab, {"port": 80, "passive": "eject"}, ports=(81, 80)), daemon=STAY) as site:
        sources = sources_of(site, 4)
        before = time.monotonic_ns()
        down = wait_until(lambda: refused_connects(site, sources, 4) >= 0 and site.daemon.audit(
            before, kind="health", backend="b1", now="down"), "b1 is ejected")[0]
        file = site.daemon.folder / "state" / "state.json"
        wait_until(lambda: '"ejected_for_ns"' in file.read_text(), "the ejection is written down")
        start_successor(site, kill=True)
        backend = site.daemon.backend("b1")
        assert (backend["state"], backend.get("ruled_by"), backend["because"]) == ("down", "clients_failed", "clients_failed")
        assert refused_connects(site, sources, 20) == 0
        up = site.daemon.wait_for_audit(before, timeout=8, kind="health", backend="b1", now="up")
        assert up["because"] == "released"
        assert 4.5 < (up["mono_ns"] - down["mono_ns"]) / 1e9 < 6


@pytest.mark.parametrize("stays", [True, False], ids=["killed", "stopped and detached"])
def test_falls_before_a_restart_and_after_it_damp_a_backend_together(stays: bool) -> None:
    rules = {"damping": "4s", "down_interval": "200ms", "interval": "200ms", "passive": "off"}
    with running("tc", lambda lab: web(lab, rules), daemon=STAY if stays else {}) as site:
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
        start_successor(site, kill=stays)
        wait_until(lambda: (b := site.daemon.backend("b1"))["state"] == "down" and b.get("ruled_by") == "flapping",
                   "the rule holds again and is published")
        site.daemon.wait_for_state("b1", "up", timeout=12)
