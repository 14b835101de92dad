"""clang-tidy over the .cpp files of the release build, two at a time, those that changed since they last passed. What a
time budget leaves over is named and comes first in the next run."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import time

from lab.paths import BUILD, ROOT

STAMPS = BUILD / "tidy"


def main(budget_seconds: float) -> int:
    end = time.monotonic() + budget_seconds
    commands = json.loads((BUILD / "release" / "compile_commands.json").read_text())
    sources = sorted({pathlib.Path(entry["file"]) for entry in commands if _ours(entry["file"])})
    waiting = [source for source in sources if not _passed_before(source)]
    left: list[pathlib.Path] = []
    failed: list[pathlib.Path] = []

    def check(source: pathlib.Path) -> None:
        if time.monotonic() > end:
            left.append(source)
            return
        done = subprocess.run(["clang-tidy", "--quiet", "-p", BUILD / "release", source], capture_output=True, text=True)
        if done.returncode == 0:
            _stamp(source).parent.mkdir(parents=True, exist_ok=True)
            _stamp(source).touch()
        else:
            failed.append(source)
            print(done.stdout, done.stderr, sep="\n", flush=True)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(check, waiting))
    print(f"{len(sources)} files, {len(waiting)} changed, {len(failed)} with findings, {len(left)} left over for the next run")
    for source in failed:
        print(f"findings: {source.relative_to(ROOT)}")
    return 1 if failed else 0


def _ours(file: str) -> bool:
    path = pathlib.Path(file)
    return path.suffix == ".cpp" and path.is_relative_to(ROOT) and not path.is_relative_to(BUILD) and path.exists()


def _stamp(source: pathlib.Path) -> pathlib.Path:
    return STAMPS / source.relative_to(ROOT).with_suffix(".ok")


def _passed_before(source: pathlib.Path) -> bool:
    stamp = _stamp(source)
    if not stamp.exists():
        return False
    # A header that changed may concern any file that includes it; the nearest are its own folder's.
    concerned = [source, ROOT / ".clang-tidy", *source.parent.glob("*.hpp")]
    return all(file.stat().st_mtime <= stamp.stat().st_mtime for file in concerned)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
