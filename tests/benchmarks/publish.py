"""From verdict to commit in a wide configuration: 100 services of 64 backends, of which one falls and rises again and again.
The times are the audit trail's own: `switch_us`, and of it `prepare_us`, planning and writing the tables. A verdict that waits for
the packets of the one before would measure the grace period: each has to be published before the next is provoked."""

from __future__ import annotations

import json
import os
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
DETECTED_WITHIN_S = 60  # on a machine that has other work too


@dataclass
class Verdicts:
    """Of one kind."""

    switch_us: list[float] = field(default_factory=list)
    prepare_us: list[float] = field(default_factory=list)

    def note(self, publish: Record) -> None:
        self.switch_us.append(publish["switch_us"])
        self.prepare_us.append(publish["generation"]["prepare_us"])


@dataclass
class Wide:
    """`own`: every service has backends that no other has, so that a verdict changes one service; otherwise all of them."""

    services: int
    backends: int
    own: bool
    flips: int  # of one fall and one rise
    falls: Verdicts = field(default_factory=Verdicts)
    rises: Verdicts = field(default_factory=Verdicts)
    load: list[float] = field(default_factory=list)  # the machine's, over one minute, at each flip

    @property
    def name(self) -> str:
        return f"{self.services} services of {self.backends}, {'backends of their own' if self.own else 'the same backends'}"

    @property
    def all(self) -> Verdicts:
        return Verdicts(self.falls.switch_us + self.rises.switch_us, self.falls.prepare_us + self.rises.prepare_us)

    @property
    def met(self) -> bool:
        return percentile(self.all.switch_us, 99) <= TARGET_US


@dataclass
class PublishResult:
    cases: list[Wide]

    @property
    def met(self) -> bool:
        return all(case.met for case in self.cases if case.own)

    def show(self) -> None:
        print(f"\n{paint('verdict to commit, µs', 'bold')}{'':20}{'n':>6}" + "".join(f"{f'p{p}':>9}" for p in PERCENTILES)
              + f"{'prepare p50':>14}{'target p99':>12}  met")
        for case in self.cases:
            print(f"  {case.name}, load {min(case.load):.1f} to {max(case.load):.1f}")
            for name, verdicts in (("falls", case.falls), ("rises", case.rises)):
                print(row(name, verdicts))
            verdict = paint("met", "green") if case.met else paint("MISSED", "red", "bold")
            print(row("both", case.all) + (f"{TARGET_US:>12,}  {verdict}" if case.own else ""))

    def write(self) -> list[pathlib.Path]:
        """build/bench/publish.json."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / "publish.json"
        data = {"schema": "pointsman.bench/2", "kind": "publish", "unit": "µs", "target_p99": TARGET_US, "met": self.met,
                "cases": [asdict(case) for case in self.cases]}
        path.write_text(json.dumps(data, indent=2) + "\n")
        return [path]


def row(name: str, verdicts: Verdicts) -> str:
    times = "".join(f"{percentile(verdicts.switch_us, p):>9,.0f}" for p in PERCENTILES)
    return f"    {name:<37}{len(verdicts.switch_us):>6}{times}{percentile(verdicts.prepare_us, 50):>14,.0f}"


def measure(quick: bool, progress: Callable[[str], None]) -> PublishResult:
    services, backends = (4, 16) if quick else (100, 64)
    cases = [Wide(services, backends, True, 2 if quick else 100), Wide(services, backends, False, 2 if quick else 15)]
    with Lab(HOSTS) as lab:
        ports = range(FIRST_PORT, FIRST_PORT + services * backends // HOSTS)
        for host in lab.backends:
            Nginx(host, ports=ports)
        victim = Nginx(lab.backends[0], ports=[VICTIMS_PORT], name="victim")
        for case in cases:
            daemon = start(lab, case)
            trail = Trail(daemon.audit_file)
            for number in range(case.flips):
                progress(f"{case.name}: {number + 1} of {case.flips}")
                case.load.append(os.getloadavg()[0])
                flip(trail, victim, case)
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


def flip(trail: Trail, victim: Nginx, case: Wide) -> None:
    """The victim goes down, and comes back."""
    killed = victim.kill()
    case.falls.note(publish_of(trail, killed, "down"))
    began = now_ns()
    victim.start()
    case.rises.note(publish_of(trail, began, "up"))


def publish_of(trail: Trail, after_ns: int, now: str) -> Record:
    verdict = trail.wait_for(after_ns, DETECTED_WITHIN_S, kind="health", service="s0", backend="b0", now=now)
    return trail.wait_for(verdict["mono_ns"], kind="publish", cause_seq=verdict["seq"])
