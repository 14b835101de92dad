"""Killed at every step of a publish and of a takeover, at random, and over and over: nothing is lost by it.

The acceptance run takes some minutes: POINTSMAN_RESTARTS=100 POINTSMAN_UPGRADES=20.
"""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from conftest import Site, running
from restarting import STAY, broken, end, order, restart

from lab import ConnectClient, HeldConnections, Wrk, paths, wait_until

RESTARTS = int(os.environ.get("POINTSMAN_RESTARTS", "10"))
UPGRADES = int(os.environ.get("POINTSMAN_UPGRADES", "5"))


@pytest.mark.parametrize("call", ["membarrier:signal=KILL:when=1", "membarrier:signal=KILL:when=2",
                                  "membarrier:signal=KILL:when=3"])
def test_killed_while_it_swaps_sessions(staying: Site, call: str) -> None:
    """Membarrier 1: committed, nothing carried over yet. 2: carried over and the old half not cleared, or, if the next order came
    first, that one committed while the sessions are still carried over. 3: later still."""
    daemon = staying.daemon
    held = HeldConnections(staying.lab.client, staying.address, count=32, interval_ms=20)
    assert daemon.process is not None
    tracer = staying.lab.balancer.start("strace", "-f", "-p", str(daemon.process.pid), "-e", "trace=membarrier",
                                        "-e", f"inject={call}", log="strace.log")
    wait_until(lambda: "attached" in tracer.text(), "strace is attached")
    for command in ("maint", "ready") * 2:
        if not daemon.process.running:
            break
        daemon.command(command, "web/b1")
    wait_until(lambda: not daemon.process.running, "the daemon was killed")
    tracer.stop()
    before = time.monotonic_ns()
    daemon.start()
    wait_until(daemon.control_answers, "the successor answers")
    adopted = daemon.wait_for_audit(before, kind="adopt")
    assert adopted["tables"] == "same"
    assert adopted["carry_over_resumed"] or not call.endswith("when=1")
    order(daemon, "ready", "web/b1")
    daemon.ready()
    report = held.release()
    assert {h.backend for h in report if h.broke_ns} <= {"b1"}  # what maint cuts
    assert [h for h in report if h.backend == "b2" and h.broke_ns] == []
    assert staying.lab.client.answers(staying.address, 80)
    order(daemon, "maint", "web/b2")  # swaps again: the halves are in order
    assert {c.backend for c in ConnectClient(staying.lab.client, staying.address, count=100, seconds=10).finish()} == {"b1"}


@pytest.mark.parametrize("number", range(1, 4))
def test_killed_at_a_record_of_a_publish(staying: Site, number: int) -> None:
    """The order's record, the publish's record (after the commit), the one after it."""
    daemon = staying.daemon
    held = HeldConnections(staying.lab.client, staying.address, count=16, interval_ms=20)
    tracer = staying.lab.balancer.start("strace", "-f", "-p", str(daemon.process.pid), "-P", daemon.audit_file,
                                        "-e", "trace=write", "-e", f"inject=write:signal=KILL:when={number}", log="strace.log")
    wait_until(lambda: "attached" in tracer.text(), "strace is attached")
    assert daemon.process is not None
    for command in ("drain", "ready"):
        if daemon.process.running:
            daemon.command(command, "web/b1")
    wait_until(lambda: not daemon.process.running, "the daemon was killed")
    tracer.stop()
    daemon.start()
    wait_until(daemon.control_answers, "the successor answers")
    order(daemon, "ready", "web/b1")
    daemon.ready()
    assert broken(held) == []


@pytest.mark.parametrize("call", ["bpf:20", "bpf:139", "fsync:1", "rename:1"])
def test_killed_while_it_takes_over(call: str) -> None:
    """Loading, at the link's update, while it saves its state. (Where the 139th call is another, that one.)"""
    killed_while_it_takes_over(call)


@pytest.mark.parametrize("call", ["bpf:20", "bpf:112", "symlink:1", "rename:1", "bpf:153", "bpf:160", "unlinkat:3"])
def test_killed_while_it_moves_to_other_tables(call: str) -> None:
    """Making them, marking them as current, at the link's update, copying once more, removing the old ones."""
    killed_while_it_takes_over(call, sessions=100_000)


def killed_while_it_takes_over(call: str, **datapath: object) -> None:
    name, _, number = call.partition(":")
    with running("tc", daemon=STAY) as site:
        daemon = site.daemon
        held = HeldConnections(site.lab.client, site.address, count=16, interval_ms=20)
        end(daemon, kill=True)
        daemon.tables["datapath"] = {**daemon.tables["datapath"], **datapath}
        daemon.write()
        ended = site.lab.balancer.run("timeout", "-s", "KILL", "4", "strace", "-f", "-o", site.lab.folder / "trace",
                                      "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}",
                                      paths.pointsman(), "run", "-c", daemon.config, check=False)
        assert ended.returncode != 0
        assert "killed by SIGKILL" in (site.lab.folder / "trace").read_text()
        daemon.start().ready()
        assert site.lab.client.answers(site.address, 80)
        assert broken(held) == []


def test_many_restarts_under_load_lose_nothing(staying: Site) -> None:
    daemon = staying.daemon
    held = HeldConnections(staying.lab.client, staying.address, count=64, interval_ms=20, seconds=900)
    wrk = Wrk(staying.lab.client, staying.address, seconds=900, connections=16, timeout=5)
    client = ConnectClient(staying.lab.client, staying.address, rate=200, seconds=900)
    for number in range(RESTARTS):
        restart(daemon, kill=number % 2 == 0)
    for number in range(UPGRADES):
        daemon.tables["datapath"] = {**daemon.tables["datapath"], "nat_ports": f"{1024 + number}-{20000 + number}"}
        daemon.write()  # other constants: another program
        restart(daemon, kill=False)
    connections, report = client.stop(), wrk.stop()
    assert broken(held) == []
    assert report.failed == 0 and report.requests > 0
    assert [c for c in connections if c.result != "ok"] == []
    print(f"{RESTARTS} restarts, {UPGRADES} upgrades: {report.requests} requests, {len(connections)} connections")


def test_random_kills_during_failovers_leave_consistent_tables(staying: Site) -> None:
    """Health, orders and kills at random moments; b2's connections never notice."""
    daemon = staying.daemon
    chance = random.Random(1)
    held = HeldConnections(staying.lab.client, staying.address, count=32, interval_ms=20, seconds=300)
    for _ in range(RESTARTS):
        assert daemon.process is not None
        order(daemon, chance.choice(["maint", "drain", "ready"]), "web/b1")
        pause = time.monotonic() + chance.random() * 0.06
        wait_until(lambda: time.monotonic() >= pause, "a random moment", interval=0.001)
        os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.process.wait(5)
        daemon.start()
        wait_until(daemon.control_answers, "the successor answers")
    order(daemon, "ready", "web/b1")
    daemon.ready()
    assert [h for h in held.release() if h.broke_ns and h.backend == "b2"] == []
    client = ConnectClient(staying.lab.client, staying.address, count=300, seconds=10).finish()
    assert [c for c in client if c.hurt] == [] and {c.backend for c in client} == {"b1", "b2"}
