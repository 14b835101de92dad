"""From verdict to commit in a wide configuration: 100 services of 64 backends, of which one fails and comes back again and
again. The times are the audit trail's own (`switch_us`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab import Lab, Nginx, Pointsman
from lab.host import Host
from lab.pointsman import Service, now_ns
from lab.trail import Trail

HOSTS, FIRST_PORT, VICTIMS_PORT = 8, 10_000, 9000
OWN, SHARED = "backends of their own", "the same backends"


@dataclass
class Wide:
    """`own`: every service has backends that no other has, so that a verdict changes one service; otherwise all of them."""

    services: int
    backends: int
    own: bool
    switch_us: list[float]

    @property
    def name(self) -> str:
        return f"{self.services} services of {self.backends}, {OWN if self.own else SHARED}"


def wide_publishes(quick: bool, progress: Callable[[str], None]) -> list[Wide]:
    services, backends, kills = (4, 16, 2) if quick else (100, 64, 50)
    found = []
    with Lab(HOSTS) as lab:
        ports = range(FIRST_PORT, FIRST_PORT + services * backends // HOSTS)
        for host in lab.backends:
            Nginx(host, ports=ports)
        victim = Nginx(lab.backends[0], ports=[VICTIMS_PORT], name="victim")
        for own in (True, False):
            targets = [targets_of(lab.backends, number if own else 0, backends) for number in range(services)]
            listed = [Service(f"s{number}", lab.service_address, its, port=1 + number, check={"type": "tcp"})
                      for number, its in enumerate(targets)]
            daemon = Pointsman(lab, listed, attach="tc", name="own" if own else "shared", datapath={"backends": 8192})
            daemon.start().ready(timeout=60)
            wide = Wide(services, backends, own, [])
            for number in range(kills):
                progress(f"{wide.name}: {number + 1} of {kills}")
                wide.switch_us += flips(Trail(daemon.audit_file), victim)
            found.append(wide)
            daemon.stop()
    return found


def targets_of(hosts: Sequence[Host], number: int, count: int) -> list[tuple[str, str, int]]:
    """The backends of one service, on all hosts alike; the first one of the first service is the victim."""
    first = FIRST_PORT + number * count // len(hosts)
    targets = [(f"b{at}", hosts[at % len(hosts)].address, first + at // len(hosts)) for at in range(count)]
    return [("b0", hosts[0].address, VICTIMS_PORT), *targets[1:]] if number == 0 else targets


def flips(trail: Trail, victim: Nginx) -> list[float]:
    """The victim goes down, and comes back: `switch_us` of both publishes."""
    killed = victim.kill()
    down = publish_of(trail, killed, "down")
    began = now_ns()
    victim.start()
    return [down, publish_of(trail, began, "up")]


def publish_of(trail: Trail, after_ns: int, now: str) -> float:
    verdict = trail.wait_for(after_ns, 10, kind="health", service="s0", backend="b0", now=now)
    return float(trail.wait_for(verdict["mono_ns"], kind="publish", cause_seq=verdict["seq"])["switch_us"])
