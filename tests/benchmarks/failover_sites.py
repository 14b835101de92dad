"""Labs in which backends fail: one for each case, so that a backend recovers while others fail elsewhere."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.faults import ILL, Fault
from lab import ConnectClient, Connection, HAProxy, Lab, Nginx, Pointsman
from lab.pointsman import Service
from lab.trail import Trail
from lab.waiting import wait_until

PATIENCE_MS = 600  # of a client, more than the 0.5 s after which a connection counts as hurt
SPARSE = 200       # connections a second that look, after a verdict without traffic, whether it holds


@dataclass(frozen=True)
class Verdict:
    """When a backend was found down, and when packets followed, in ns of CLOCK_MONOTONIC. Peers tell only the latter."""

    committed_ns: int
    found_ns: int | None = None
    switch_us: float | None = None


class Balancer(Protocol):
    def verdict(self, backend: str, fault_ns: int, timeout: float) -> Verdict: ...
    def wait_until_back(self, backend: str, since_ns: int) -> None: ...


class Ours:
    """Pointsman with its defaults. Its audit trail tells when what happened, on the clients' clock."""

    def __init__(self, lab: Lab, fault: Fault) -> None:
        backends = [(host.name, host.address, 80) for host in lab.backends]
        check = {"type": "http", "path": "/"} if fault is ILL else {"type": "tcp"}
        self.daemon = Pointsman(lab, [Service("web", lab.service_address, backends, check=check)], attach="tc").start().ready()
        self.trail = Trail(self.daemon.audit_file)

    def verdict(self, backend: str, fault_ns: int, timeout: float) -> Verdict:
        health = self.trail.wait_for(fault_ns, timeout, kind="health", backend=backend, now="down")
        publish = self.trail.wait_for(health["mono_ns"], kind="publish")
        return Verdict(publish["mono_ns"], health["mono_ns"], publish["switch_us"])

    def wait_until_back(self, backend: str, since_ns: int) -> None:
        up = self.trail.wait_for(since_ns, 20, kind="health", backend=backend, now="up")
        self.trail.wait_for(up["mono_ns"], kind="publish")


class Theirs:
    """HAProxy, by its statistics: `check` and `rules` are its settings."""

    def __init__(self, lab: Lab, fault: Fault, check: str = "check", rules: tuple[str, ...] = (), connect: str = "3s") -> None:
        lab.balancer.run("ip", "addr", "add", f"{lab.service_address}/32", "dev", "lo")
        rules = (*rules, *(["option httpchk GET /"] if fault is ILL else []))
        self.server = HAProxy(lab.balancer, lab.backends, lab.service_address, 80, check, rules, connect)
        for host in lab.backends:  # before its first check it would go down at once
            wait_until(lambda: self.server.statistics(host.name)["check_status"].startswith("L"),
                       f"{host.name} was checked", 60, interval=0.2)

    def verdict(self, backend: str, fault_ns: int, timeout: float) -> Verdict:
        del fault_ns
        wait_until(lambda: self.server.state_of(backend) == "DOWN", f"{backend} is DOWN", timeout, interval=0.02)
        return Verdict(time.monotonic_ns())

    def wait_until_back(self, backend: str, since_ns: int) -> None:
        del since_ns
        wait_until(lambda: self.server.state_of(backend) == "UP", f"{backend} is UP", 60, interval=0.1)


def keepalived_style(lab: Lab, fault: Fault) -> Theirs:
    """keepalived's defaults (delay_loop 60, TCP_CHECK with connect_timeout 5 and one retry after 1 s), kept by HAProxy, since
    keepalived needs IPVS, which not every kernel has. Its return is hastened, which keepalived's is not. Like IPVS it refuses
    a client at once."""
    return Theirs(lab, fault, "check inter 60s fastinter 1s downinter 1s fall 2 rise 1", ("retries 0", "timeout check 5s"), "5s")


@dataclass
class Kill:
    """One fault and what came of it, in ms after it."""

    last_hurt: float  # begin of the last connection that was hurt; 0: nobody was
    hurt: int
    committed: float
    late: int = 0     # connections hurt though they began after the commit
    found: float | None = None
    switch_us: float | None = None


@dataclass
class Site:
    """A lab with a balancer in it, and one kind of fault."""

    lab: Lab
    balancer: Balancer
    victims: list[Nginx]
    fault: Fault
    rate: int         # new connections a second; 0: none between the fault and the verdict
    interval: float   # seconds, of the checks: a fault falls into it at random
    patience: float   # seconds until a verdict is given up
    dice: random.Random
    kills: list[Kill] = field(default_factory=list)
    recovering: tuple[Nginx, int] | None = None  # the last victim, and since when

    def one_more(self) -> None:
        """Waits until the last victim is back, lets the next one fail, and measures."""
        self._wait_until_whole()
        victim = self.victims[len(self.kills) % len(self.victims)]
        name = victim.host.name
        client = self._client(self.rate) if self.rate else None
        if client:
            client.wait_for(10, backend=name)
        moment = time.monotonic() + self.dice.uniform(0, self.interval)
        wait_until(lambda: time.monotonic() >= moment, "the moment of the fault", 2 * self.interval + 1)
        fault_ns = self.fault.begin(victim)
        try:
            verdict = self.balancer.verdict(name, fault_ns, self.patience)
            client = client or self._client(SPARSE)
            client.wait_for(20, since_ns=verdict.committed_ns)
            connections = client.stop()
        finally:
            self.recovering = victim, time.monotonic_ns()
            self.fault.end(victim)
        client.process.output.unlink()
        self.kills.append(kill_of(connections, fault_ns, verdict))

    def _wait_until_whole(self) -> None:
        if self.recovering:
            victim, since_ns = self.recovering
            self.balancer.wait_until_back(victim.host.name, since_ns)
            self.recovering = None

    def _client(self, rate: int) -> ConnectClient:
        return ConnectClient(self.lab.client, self.lab.service_address, rate=rate, parallel=1024, seconds=300,
                             timeout_ms=PATIENCE_MS)


def kill_of(connections: Sequence[Connection], fault_ns: int, verdict: Verdict) -> Kill:
    """Connections that began before the fault are not counted, whatever became of them."""
    hurt = [c.start_ns for c in connections if c.hurt and c.start_ns >= fault_ns]

    def after(moment_ns: int) -> float:
        return (moment_ns - fault_ns) / 1e6

    return Kill(last_hurt=after(max(hurt)) if hurt else 0.0, hurt=len(hurt), committed=after(verdict.committed_ns),
                late=sum(start > verdict.committed_ns for start in hurt),
                found=after(verdict.found_ns) if verdict.found_ns else None, switch_us=verdict.switch_us)


def make_site(labs: contextlib.ExitStack, balancer: Callable[[Lab, Fault], Balancer], fault: Fault, *, backends: int, rate: int,
              interval: float, backlog: int | None = None) -> Site:
    """A `backlog` is that of the one server that fails then: the others' never fills, however busy the machine."""
    lab = labs.enter_context(Lab(backends))
    first = Nginx(lab.backends[0], backlog=backlog or 4096, may_fall_ill=fault is ILL)
    servers = [first, *(Nginx(host, may_fall_ill=fault is ILL) for host in lab.backends[1:])]
    return Site(lab, balancer(lab, fault), [first] if backlog else servers, fault, rate, interval, 2 * interval + 15,
                random.Random(f"{fault.name} {rate}"))
