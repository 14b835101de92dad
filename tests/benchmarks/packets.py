"""The cost of a packet: build/release/tests/packet_bench measures and prints JSON on stdout and its table on stderr."""

from __future__ import annotations

import json
import subprocess

from benchmarks.result import FOLDER
from lab.paths import BUILD

PROGRAM = BUILD / "release" / "tests" / "packet_bench"


def available() -> bool:
    return PROGRAM.exists()


def run(quick: bool) -> bool:
    """Whether every target was met, as the program says by `"met"`."""
    done = subprocess.run([PROGRAM, *(["--quick"] if quick else [])], stdout=subprocess.PIPE, text=True, check=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "packets.json").write_text(done.stdout)
    print(done.stdout)
    return bool(json.loads(done.stdout).get("met", True))
