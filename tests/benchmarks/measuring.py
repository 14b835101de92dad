"""What the benchmarks of probers share: rounds, times, and what a process has used."""

from __future__ import annotations

import os
import pathlib
import re
import sys
import time
from collections.abc import Sequence

from benchmarks.probers import Prober
from lab.waiting import wait_until


def timed_until_up(prober: Prober) -> float:
    """Seconds until it has found every backend up."""
    began = time.monotonic()
    wait_until(prober.all_up, "every backend is up", 120, interval=0.05)
    return time.monotonic() - began


def pause(seconds: float) -> float:
    """The time in which something is measured, or comes to be even; how long it took."""
    began = time.monotonic()
    wait_until(lambda: time.monotonic() >= began + seconds, "the measured time", seconds + 5, interval=0.1)
    return time.monotonic() - began


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


def rotated(names: Sequence[str], number: int) -> list[str]:
    """Each round begins with another one."""
    first = number % len(names)
    return [*names[first:], *names[:first]]


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
