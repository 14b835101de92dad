"""How long a dead backend hurts clients: process killed, with and without traffic, host dark, answers of 500, listener full;
each at a random phase of the checks. Every balancer has its default settings.

Every case has a lab of its own, so that a backend recovers while others fail elsewhere. Ours take turns, one fault at a time;
the peers' faults, which last seconds to a minute, go on beside them until ours are done, however many that are."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable

from benchmarks.failover_result import FailoverResult, Series, Target
from benchmarks.failover_sites import Balancer, Ours, Site, Theirs, keepalived_style, make_site
from benchmarks.faults import DARK, FULL, ILL, KILLED, Fault
from lab import Lab, paths

KILLS, QUICK_KILLS = 200, 2
BACKENDS, RATE = 4, 2000       # of ours: 500 connections a second meet the victim
PEERS_BACKENDS, PEERS_RATE = 2, 200
QUIET = "process killed, no traffic"
HAPROXY, KEEPALIVED = "HAProxy", "keepalived-style"

TARGETS = [
    Target(KILLED.name, "last_hurt", 50),
    Target(QUIET, "committed", 1300),
    Target(DARK.name, "last_hurt", 1200),
]


def measure(kills: int, quick: bool) -> FailoverResult:
    paths.connect_client()  # compiled now if it has to be, and not by every thread at once
    with contextlib.ExitStack() as labs:
        progress("building the labs")
        ours, peers = our_sites(labs), peer_sites(labs, quick)
        with Beside([site for _, site in peers]) as beside:
            for number in range(kills):
                if number % 25 == 0:
                    milestone(f"{number} of {kills} faults of each kind; the peers' so far: {beside.kills}")
                for name, site in ours.items():
                    progress(f"{number + 1} of {kills}: {name}; peers: {beside.kills} kills")
                    site.one_more()
            progress("the last kills of the peers")
    progress("")
    series = [Series(name, "pointsman", site.kills) for name, site in ours.items()]
    series += [Series(site.fault.name, who, site.kills) for who, site in peers]
    return FailoverResult(series, TARGETS)


def our_sites(labs: contextlib.ExitStack) -> dict[str, Site]:
    def site(fault: Fault, rate: int = RATE, backlog: int | None = None) -> Site:
        return make_site(labs, Ours, fault, backends=BACKENDS, rate=rate, interval=1, backlog=backlog)

    return {KILLED.name: site(KILLED), QUIET: site(KILLED, rate=0), DARK.name: site(DARK), ILL.name: site(ILL),
            FULL.name: site(FULL, backlog=64)}


def peer_sites(labs: contextlib.ExitStack, quick: bool) -> list[tuple[str, Site]]:
    """A backlog that fills in the same time as ours, 0.1 s or so."""
    def site(who: str, balancer: Callable[[Lab, Fault], Balancer], fault: Fault, interval: float) -> tuple[str, Site]:
        return who, make_site(labs, balancer, fault, backends=PEERS_BACKENDS, rate=PEERS_RATE, interval=interval,
                              backlog=16 if fault is FULL else None)

    haproxy = [site(HAPROXY, Theirs, fault, 2) for fault in ([KILLED] if quick else [KILLED, DARK, ILL, FULL])]
    return haproxy + ([] if quick else [site(KEEPALIVED, keepalived_style, fault, 60) for fault in (KILLED, DARK)])


class Beside:
    """Kills at sites, each in a thread of its own, while the block runs. A kill that has begun is measured to its end: to give
    up those that take long would make the others' figures look better."""

    def __init__(self, sites: list[Site]) -> None:
        self._sites = sites
        self._over = threading.Event()
        self._failed: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(site,), daemon=True) for site in sites]

    @property
    def kills(self) -> int:
        return sum(len(site.kills) for site in self._sites)

    def __enter__(self) -> Beside:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(None if kind is None else 0.1)
        if kind is None and self._failed:
            raise self._failed[0]

    def _run(self, site: Site) -> None:
        try:
            while not (self._over.is_set() and site.kills):
                site.one_more()
        except BaseException as failure:  # to be raised again by the thread that joins
            self._failed.append(failure)


def milestone(text: str) -> None:
    """For a log, where `progress` says nothing."""
    if not sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
