"""The ways in which a backend of the lab fails, each with its end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.servers import Nginx


@dataclass(frozen=True)
class Fault:
    """`begin` returns CLOCK_MONOTONIC in ns, just before."""

    name: str
    begin: Callable[[Nginx], int]
    end: Callable[[Nginx], None]


def _go_dark(server: Nginx) -> int:
    """The host's own end of its link goes down: nothing comes or goes, and nobody else is told."""
    before = time.monotonic_ns()
    server.host.run("ip", "link", "set", server.host.devices[0], "down")
    return before


def _light_up(server: Nginx) -> None:
    server.host.run("ip", "link", "set", server.host.devices[0], "up")


def _fall_ill(server: Nginx) -> int:
    before = time.monotonic_ns()
    server.ill.touch()
    return before


def _recover(server: Nginx) -> None:
    server.ill.unlink()


def _stand_still(server: Nginx) -> int:
    """Connections go on being accepted by its kernel until the backlog is full; then SYNs are dropped."""
    before = time.monotonic_ns()
    _signal(server, signal.SIGSTOP)
    return before


def _go_on(server: Nginx) -> None:
    _signal(server, signal.SIGCONT)


def _signal(server: Nginx, number: int) -> None:
    for pid in server.process.family():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


KILLED = Fault("process killed", Nginx.kill, Nginx.start)
DARK = Fault("host dark", _go_dark, _light_up)
ILL = Fault("answers 500", _fall_ill, _recover)
FULL = Fault("listener full", _stand_still, _go_on)
