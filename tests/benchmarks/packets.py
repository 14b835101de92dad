"""The cost of a packet: build/release/tests/packet_bench measures and prints JSON on stdout and its table on stderr."""

from __future__ import annotations

import json
import subprocess

from benchmarks.result import FOLDER
from lab.paths import BUILD

PROGRAM = BUILD / "release" / "tests" / "packet_bench"


def available() -> bool:
    return PROGRAM.exists()


ABOVE_BOUND = 2  # the program's exit code


def run(quick: bool, bound: float | None = None) -> tuple[bool, bool]:
    """Whether every target was met, as the program says by `"met"`; and whether no case cost `bound` times its target
    in every round."""
    words = [*(["--quick"] if quick else []), *(["--bound", str(bound)] if bound else [])]
    done = subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, ABOVE_BOUND):
        done.check_returncode()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "packets.json").write_text(done.stdout)
    print(done.stdout)
    return bool(json.loads(done.stdout).get("met", True)), done.returncode == 0
