"""Ending a daemon and starting its successor; used by the tests of restarts."""

from __future__ import annotations

import json
import time

from lab import HeldConnections, Pointsman
from lab.pointsman import Record

STAY = {"detach_on_exit": False}


def end(daemon: Pointsman, *, kill: bool) -> None:
    assert daemon.process is not None
    if kill:
        daemon.process.kill()
    else:
        assert daemon.stop() == 0


def restart(daemon: Pointsman, *, kill: bool = True) -> Record:
    """The `adopt` record of the successor, which is up."""
    end(daemon, kill=kill)
    before = time.monotonic_ns()
    daemon.start().ready()
    return daemon.wait_for_audit(before, kind="adopt")


def broken(held: HeldConnections) -> list[object]:
    return [h for h in held.release() if h.broke_ns]


def order(daemon: Pointsman, *words: str) -> None:
    done = daemon.command(*words)
    assert done.returncode == 0, done.stderr


def program_ids(daemon: Pointsman) -> set[int]:
    """Of the programs in our links."""
    pins = [pin for kind in ("xdp", "tcx") for pin in daemon.lab.bpffs.glob(f"{kind}-*")]
    shown = [daemon.lab.balancer.run("bpftool", "-j", "link", "show", "pinned", pin).stdout for pin in pins]
    return {json.loads(link)["prog_id"] for link in shown}


def restart_after_end(daemon: Pointsman) -> Record:
    before = time.monotonic_ns()
    daemon.start().ready()
    return daemon.wait_for_audit(before, kind="adopt")
