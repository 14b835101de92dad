"""What passive = "replace" saves: the CPU time of the daemon and the probes that it sends while clients meet a part of its 10,000
backends, beside "probe" under the same load. Rounds are interleaved; the clients share the server's core."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass, field

from benchmarks.measuring import cpu_seconds, pause, progress, rotated, timed_until_up
from benchmarks.probers import FIRST_SERVICE_PORT, POOL, PointsmanProber
from lab.load import ConnectClient
from lab.probed import ProbedLab, tcp_counters
from lab.terminal import paint

MODES = ("probe", "replace")
BUSY_SHARE = 0.4         # of the services
MEETINGS = 2             # of a busy backend with a client, a second: in one interval in seven there is none
PARALLEL = 256


@dataclass
class Beside:
    """One round of one mode; all but `failed` are rates."""

    cores: float
    probes: float
    connections: float
    failed: int          # connections that clients began and that did not end well


@dataclass
class Replaced:
    count: int
    busy: int            # backends that clients meet
    found: dict[str, list[Beside]] = field(default_factory=lambda: {mode: [] for mode in MODES})

    def ratios(self, what: str) -> list[float]:
        """Of "replace" to "probe", a value a round."""
        return [getattr(one, what) / getattr(other, what) for one, other in zip(self.found["replace"], self.found["probe"])]

    def show(self) -> None:
        met = statistics.median(one.connections for rounds in self.found.values() for one in rounds)
        print(f"\n{paint('tcp probes replaced by handshakes of clients', 'bold')}: {self.count} backends, {self.busy} of which meet "
              f"{met:,.0f} new connections a second")
        print(f"  {'passive':<18}{'probes/s':>10}{'cores':>8}{'connections/s':>15}{'failed':>8}")
        for mode, rounds in self.found.items():
            probes, cores, met = (statistics.median(getattr(one, what) for one in rounds)
                                  for what in ("probes", "cores", "connections"))
            print(f"  {mode:<18}{probes:>10,.0f}{cores:>8.3f}{met:>15,.0f}{sum(one.failed for one in rounds):>8}")
        for what, name in (("probes", "probes sent"), ("cores", "CPU of the daemon")):
            ratios = self.ratios(what)
            print(f"  {name}, times those of probe: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def measure(probed: ProbedLab, rounds: int, settle: float, seconds: float) -> Replaced:
    services = max(1, round(BUSY_SHARE * probed.count / POOL))
    result = Replaced(probed.count, services * POOL)
    for number in range(rounds):
        for mode in rotated(MODES, number):
            progress(f"round {number + 1} of {rounds}: tcp under traffic, {mode}")
            result.found[mode].append(beside_clients(probed, mode, services, settle, seconds))
    return result


def beside_clients(probed: ProbedLab, mode: str, services: int, settle: float, seconds: float) -> Beside:
    prober = PointsmanProber(probed, "tcp", mode)
    timed_until_up(prober)
    client = ConnectClient(probed.lab.client, probed.lab.service_address, FIRST_SERVICE_PORT, ports=services,
                           rate=MEETINGS * services * POOL, parallel=PARALLEL, seconds=settle + seconds + 30)
    os.sched_setaffinity(client.process.pid, {probed.server_core})
    pause(settle)
    probes, begun = probed.probes_begun(), tcp_counters(probed.lab.client)["ActiveOpens"]
    cpu = cpu_seconds(prober.process.pid)
    took = pause(seconds)
    cpu = cpu_seconds(prober.process.pid) - cpu
    probes, begun = probed.probes_begun() - probes, tcp_counters(probed.lab.client)["ActiveOpens"] - begun
    failed = sum(one.result != "ok" for one in client.stop())
    prober.stop()
    return Beside(cpu / took, probes / took, begun / took, failed)
