"""The cost of health checks: 10,000 backends probed each second from one core, by Pointsman and by HAProxy in one run, with
checks of type tcp and http. Rounds are interleaved: one of them runs at a time, and is measured once it has found every
backend up and probes evenly. CPU time is the process's own, softirqs that it ran into included, as the kernel charges it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from benchmarks import replaced
from benchmarks.health_result import HealthResult, Measured
from benchmarks.measuring import cpu_seconds, memory_mb, pause, progress, rotated, timed_until_up
from benchmarks.probers import HAProxyProber, PointsmanProber, Prober
from lab.probed import ProbedLab

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
        result.replaced = replaced.measure(probed, rounds, settle, seconds)
    progress("")
    return result


def measured(probed: ProbedLab, prober: Prober, settle: float, seconds: float) -> Measured:
    up_after = timed_until_up(prober)
    pause(settle)
    probed.seen()
    late, probes = prober.lateness(), probed.handshakes()
    cpu = cpu_seconds(prober.process.pid)
    took = pause(seconds)
    cpu = cpu_seconds(prober.process.pid) - cpu
    probes, gaps = probed.handshakes() - probes, probed.seen()["gap_ms"]
    memory, tables = memory_mb(prober.process.pid)  # while it only probes: before it is asked for anything
    now = prober.lateness()
    assert isinstance(gaps, dict)
    return Measured(cpu / took, probes / took, memory, tables, up_after, gaps,
                    late_p99_ms({bound: value - late.get(bound, 0) for bound, value in now.items()}))


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
