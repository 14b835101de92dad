"""From verdict to commit in a wide configuration: 100 services of 64 backends, of which one fails and comes back again and
again. The times are the audit trail's own: `switch_us`, and of it `prepare_us`, planning and writing the tables."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from benchmarks.result import FOLDER, percentile
from lab import Lab, Nginx, Pointsman
from lab.host import Host
from lab.pointsman import Record, Service, now_ns
from lab.terminal import paint
from lab.trail import Trail

HOSTS, FIRST_PORT, VICTIMS_PORT = 8, 10_000, 9000
TARGET_US = 2000  # p99, with backends of their own
PERCENTILES = (50, 90, 99, 100)


@dataclass
class Wide:
    """`own`: every service has backends that no other has, so that a verdict changes one service; otherwise all of them."""

    services: int
    backends: int
    own: bool
    switch_us: list[float] = field(default_factory=list)
    prepare_us: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.services} services of {self.backends}, {'backends of their own' if self.own else 'the same backends'}"


@dataclass
class PublishResult:
    cases: list[Wide]

    @property
    def met(self) -> bool:
        return all(percentile(case.switch_us, 99) <= TARGET_US for case in self.cases if case.own)

    def show(self) -> None:
        print(f"\n{paint('verdict to commit, µs', 'bold')}{'':26}{'n':>6}" + "".join(f"{f'p{p}':>9}" for p in PERCENTILES)
              + f"{'prepare p50':>14}{'target p99':>12}  met")
        for case in self.cases:
            times = "".join(f"{percentile(case.switch_us, p):>9,.0f}" for p in PERCENTILES)
            verdict = (paint("yes", "green") if self.met else paint("NO", "red", "bold")) if case.own else ""
            print(f"  {case.name:<45}{len(case.switch_us):>6}{times}{percentile(case.prepare_us, 50):>14,.0f}"
                  f"{f'{TARGET_US:,}' if case.own else '':>12}  {verdict}")

    def write(self) -> list[pathlib.Path]:
        """build/bench/publish.json."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / "publish.json"
        data = {"schema": "pointsman.bench/1", "kind": "publish", "unit": "µs", "target_p99": TARGET_US, "met": self.met,
                "cases": [asdict(case) for case in self.cases]}
        path.write_text(json.dumps(data, indent=2) + "\n")
        return [path]


def measure(quick: bool, progress: Callable[[str], None]) -> PublishResult:
    services, backends, kills = (4, 16, 2) if quick else (100, 64, 50)
    cases = [Wide(services, backends, own) for own in (True, False)]
    with Lab(HOSTS) as lab:
        ports = range(FIRST_PORT, FIRST_PORT + services * backends // HOSTS)
        for host in lab.backends:
            Nginx(host, ports=ports)
        victim = Nginx(lab.backends[0], ports=[VICTIMS_PORT], name="victim")
        for case in cases:
            daemon = start(lab, case)
            trail = Trail(daemon.audit_file)
            for number in range(kills):
                progress(f"{case.name}: {number + 1} of {kills}")
                for publish in flips(trail, victim):
                    case.switch_us.append(publish["switch_us"])
                    case.prepare_us.append(publish["generation"]["prepare_us"])
            daemon.stop()
    progress("")
    return PublishResult(cases)


def start(lab: Lab, case: Wide) -> Pointsman:
    targets = [targets_of(lab.backends, number if case.own else 0, case.backends) for number in range(case.services)]
    services = [Service(f"s{number}", lab.service_address, its, port=1 + number, check={"type": "tcp"})
                for number, its in enumerate(targets)]
    daemon = Pointsman(lab, services, attach="tc", name="own" if case.own else "shared", datapath={"backends": 8192})
    return daemon.start().ready(timeout=60)


def targets_of(hosts: Sequence[Host], number: int, count: int) -> list[tuple[str, str, int]]:
    """The backends of one service, on all hosts alike; the first one of the first service is the victim."""
    first = FIRST_PORT + number * count // len(hosts)
    targets = [(f"b{at}", hosts[at % len(hosts)].address, first + at // len(hosts)) for at in range(count)]
    return [("b0", hosts[0].address, VICTIMS_PORT), *targets[1:]] if number == 0 else targets


def flips(trail: Trail, victim: Nginx) -> list[Record]:
    """The victim goes down, and comes back: both publishes."""
    killed = victim.kill()
    down = publish_of(trail, killed, "down")
    began = now_ns()
    victim.start()
    return [down, publish_of(trail, began, "up")]


def publish_of(trail: Trail, after_ns: int, now: str) -> Record:
    verdict = trail.wait_for(after_ns, 10, kind="health", service="s0", backend="b0", now=now)
    return trail.wait_for(verdict["mono_ns"], kind="publish", cause_seq=verdict["seq"])
