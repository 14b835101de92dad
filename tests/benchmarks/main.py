"""Measures Pointsman beside its peers in one run, prints a table, and writes build/bench/NAME.json and NAME.svg."""

from __future__ import annotations

import argparse
import sys

from benchmarks import packets, requests
from lab import command
from lab.topology import remove_stale

KINDS = {
    "requests": "requests and new connections a second, against direct, nginx and HAProxy",
    "packets": "the cost of a packet",
    "failover": "how long a dead backend hurts clients",
    "health": "the cost of health checks",
    "sockets": "the socket plane",
}


def main() -> int:
    options = parse_arguments()
    kinds = [kind for kind in KINDS if getattr(options, kind)] or ["requests"]
    remove_stale()
    met = within = True
    for kind in kinds:
        if kind == "requests":
            result = requests.measure(options.quick)
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


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    for kind, what in KINDS.items():
        parser.add_argument(f"--{kind}", action="store_true", help=what + (" (default)" if kind == "requests" else ""))
    parser.add_argument("--quick", action="store_true", help="one short round: whether it works, not how fast")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--bound", type=float, metavar="N",
                        help="--packets: exit 1 when a case costs more than N times its target in every round")
    return parser.parse_args()


if __name__ == "__main__":
    command.run("tests/bench", main)
