"""Measures Pointsman beside its peers in one run, prints a table, and writes build/bench/NAME.json and NAME.svg."""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Callable
from typing import Protocol

from benchmarks import failover, health, packets, publish, requests
from lab import command
from lab.topology import remove_stale


class Measured(Protocol):
    """What a kind found: printed, written to build/bench, held against its targets."""

    @property
    def met(self) -> bool: ...
    def show(self) -> None: ...
    def write(self) -> list[pathlib.Path]: ...


KINDS = {
    "requests": "requests and new connections a second, against direct, nginx and HAProxy",
    "packets": "the cost of a packet",
    "failover": "how long a dead backend hurts clients",
    "publish": "from verdict to commit with 100 services of 64 backends",
    "health": "the cost of health checks of 10,000 backends, beside HAProxy",
    "sockets": "the socket plane",
}

MEASURED: dict[str, Callable[[argparse.Namespace], Measured]] = {
    "requests": lambda options: requests.measure(rounds_of(options), 1 if options.quick else requests.SECONDS),
    "failover": lambda options: failover.measure(kills_of(options), options.quick),
    "health": lambda options: health.measure(options.quick),
    "publish": lambda options: publish.measure(options.quick, failover.progress),
}


def main() -> int:
    options = parse_arguments()
    kinds = [kind for kind in KINDS if getattr(options, kind)] or ["requests"]
    remove_stale()
    met = within = True
    for kind in kinds:
        if kind in MEASURED:
            result = MEASURED[kind](options)
            result.show()
            print("\n" + ", ".join(f"build/bench/{path.name}" for path in result.write()))
            met &= result.met
        elif kind == "packets" and packets.available():
            packets_met, packets_within = packets.run(options.quick, options.bound)
            met &= packets_met
            within &= packets_within
        else:
            print(f"tests/bench: --{kind} is not available in this version", file=sys.stderr)
            return 2
    return 1 if (options.strict and not met) or not within else 0


def rounds_of(options: argparse.Namespace) -> int:
    return options.rounds or (1 if options.quick else requests.ROUNDS)


def kills_of(options: argparse.Namespace) -> int:
    return options.kills or (failover.QUICK_KILLS if options.quick else failover.KILLS)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    for kind, what in KINDS.items():
        parser.add_argument(f"--{kind}", action="store_true", help=what + (" (default)" if kind == "requests" else ""))
    parser.add_argument("--kills", type=int, metavar="N",
                        help=f"--failover: faults of each kind (default {failover.KILLS}, with --quick {failover.QUICK_KILLS})")
    parser.add_argument("--rounds", type=int, metavar="N",
                        help=f"--requests: rounds of all cases (default {requests.ROUNDS}, with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="one short round: whether it works, not how fast")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--bound", type=float, metavar="N",
                        help="--packets: exit 1 when a case costs more than N times its target in every round")
    return parser.parse_args()


if __name__ == "__main__":
    command.run("tests/bench", main)
