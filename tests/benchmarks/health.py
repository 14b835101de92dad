"""The cost of health checks: 10,000 backends probed each second from one core, by Pointsman and by HAProxy in one run, with
checks of type tcp and http. Rounds are interleaved: one of them runs at a time, and is measured once it has found every
backend up and probes evenly. CPU time is the process's own, softirqs that it ran into included, as the kernel charges it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import sys
import time
from collections.abc import Callable

from benchmarks.health_result import HealthResult, Measured
from benchmarks.probers import HAProxyProber, PointsmanProber, Prober
from lab.probed import ProbedLab
from lab.waiting import wait_until

PROBERS: dict[str, Callable[[ProbedLab, str], Prober]] = {"pointsman": PointsmanProber, "HAProxy": HAProxyProber}
CHECKS = ("tcp", "http")


def measure(quick: bool) -> HealthResult:
    count, rounds, settle, seconds = (300, 1, 2, 2) if quick else (10_000, 3, 10, 10)
    result = HealthResult(count, rounds)
    with contextlib.ExitStack() as labs:
        probed = ProbedLab(labs, count)
        for number in range(rounds):
            for check in CHECKS:
                for who in rotated(list(PROBERS), number):
                    progress(f"round {number + 1} of {rounds}: {check}, {who}")
                    prober = PROBERS[who](probed, check)
                    result.add(check, who, measured(probed, prober, settle, seconds))
                    prober.stop()
    progress("")
    return result


def measured(probed: ProbedLab, prober: Prober, settle: float, seconds: float) -> Measured:
    began = time.monotonic()
    wait_until(prober.all_up, "every backend is up", 120, interval=0.2)
    up_after = time.monotonic() - began
    pause(settle)
    probed.seen()
    late, probes = prober.lateness(), probed.handshakes()
    cpu, began = cpu_seconds(prober.process.pid), time.monotonic()
    pause(seconds)
    cpu, took = cpu_seconds(prober.process.pid) - cpu, time.monotonic() - began
    probes, gaps = probed.handshakes() - probes, probed.seen()["gap_ms"]
    memory, tables = memory_mb(prober.process.pid)  # while it only probes: before it is asked for anything
    now = prober.lateness()
    assert isinstance(gaps, dict)
    return Measured(cpu / took, probes / took, memory, tables, up_after, gaps,
                    late_p99_ms({bound: value - late.get(bound, 0) for bound, value in now.items()}))


def pause(seconds: float) -> None:
    """The time in which something is measured, or comes to be even."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, "the measured time", seconds + 5, interval=0.1)


def late_p99_ms(buckets: dict[float, float]) -> float | None:
    """From a cumulative histogram, linear within a bucket; None without one."""
    if not buckets:
        return None
    wanted, lower, below = 0.99 * buckets[float("inf")], 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= wanted:
            return 1e3 * (lower + (bound - lower) * (wanted - below) / max(count - below, 1))
        lower, below = bound, count
    return float("inf")


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of the process, and resident memory of the mapped tables of the BPF programs, which is not in it."""
    sizes, of_a_map = {True: 0, False: 0}, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            of_a_map = "bpf-map" in line or "bpf_map" in line
        elif line.startswith("Rss:"):
            sizes[of_a_map] += int(line.split()[1])
    return sizes[False] / 1024, sizes[True] / 1024


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rotated(names: list[str], number: int) -> list[str]:
    """Each round begins with another one."""
    first = number % len(names)
    return names[first:] + names[:first]


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
