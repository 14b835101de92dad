"""clang-tidy over the product's .cpp files (the tests use more of C++23 than clang 14 knows), two at a time, those that changed since they last passed. What a
time budget leaves over is reported as skipped and is checked by the next run. `lab.tidy SECONDS REPORT`"""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import time

from lab.paths import BUILD, ROOT

PRODUCT = ["controller", "healthcheck"]
STAMPS = BUILD / "tidy"  # compile_commands.json, and an empty file for each source that passed


REPORT = """<testsuite><testcase name="clang-tidy">{failure}</testcase>{skipped}</testsuite>
"""
SKIPPED = """<testcase name="files"><skipped message="{left} of {all} files not reached in {seconds:.0f} s; run again"/></testcase>"""


def main(budget_seconds: float, report: pathlib.Path) -> int:
    end = time.monotonic() + budget_seconds
    commands = write_commands()
    sources = sorted({pathlib.Path(entry["file"]) for entry in commands if _ours(entry["file"])})
    waiting = [source for source in sources if not _passed_before(source)]
    left: list[pathlib.Path] = []
    failed: list[pathlib.Path] = []

    def check(source: pathlib.Path) -> None:
        if time.monotonic() > end:
            left.append(source)
            return
        done = subprocess.run(["clang-tidy", "--quiet", "-p", STAMPS, source], capture_output=True, text=True)
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
    skipped = SKIPPED.format(left=len(left), all=len(sources), seconds=budget_seconds) if left else ""
    report.write_text(REPORT.format(failure="<failure/>" if failed else "", skipped=skipped))
    return 1 if failed else 0


def write_commands() -> list[dict[str, str]]:
    """The compile commands of the release build, with C++23 by the name that clang 14 knows."""
    text = (BUILD / "release" / "compile_commands.json").read_text().replace("-std=c++23", "-std=c++2b")
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / "compile_commands.json").write_text(text)
    commands: list[dict[str, str]] = json.loads(text)
    return commands


def _ours(file: str) -> bool:
    path = pathlib.Path(file)
    return path.suffix == ".cpp" and path.exists() and any(path.is_relative_to(ROOT / top) for top in PRODUCT)


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
    sys.exit(main(float(sys.argv[1]), pathlib.Path(sys.argv[2])))
