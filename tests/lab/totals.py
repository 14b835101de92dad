"""`lab.totals CODE REPORT` prints `passed failed skipped` of a JUnit-like report (GoogleTest's, pytest's), or of a step
that wrote none; `lab.totals --skips STEP REPORT` prints why tests were skipped, a line each."""

from __future__ import annotations

import pathlib
import sys
import xml.etree.ElementTree as ElementTree

NO_TESTS = 5  # pytest's exit code when it found none


def cases(report: pathlib.Path) -> list[ElementTree.Element]:
    return list(ElementTree.parse(report).iter("testcase")) if report.exists() else []


def outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("status") == "notrun":
        return "skipped"
    return "passed"


def totals(code: int, report: pathlib.Path) -> tuple[int, int, int]:
    """A program that ends badly without a failed test (a crash, a timeout) counts as one that failed."""
    if not report.exists():
        return (1, 0, 0) if code == 0 else (0, 1, 0)
    outcomes = [outcome(case) for case in cases(report)]
    failed = outcomes.count("failed")
    return outcomes.count("passed"), failed or int(code != 0), outcomes.count("skipped")


def skips(step: str, report: pathlib.Path) -> list[str]:
    """Equal reasons of one step are told once."""
    reasons: dict[str, list[str]] = {}
    for case in cases(report):
        if outcome(case) == "skipped":
            found = case.find("skipped")
            why = (found.get("message") or "").strip() if found is not None else "disabled"
            reasons.setdefault(why or "no reason given", []).append(case.get("name", ""))
    return [f"{step}: {names[0] if len(names) == 1 else f'{len(names)} tests'}: {' '.join(why.split())}"
            for why, names in reasons.items()]


def main(arguments: list[str]) -> None:
    if arguments[0] == "--skips":
        lines = skips(arguments[1], pathlib.Path(arguments[2]))
    else:
        lines = [" ".join(map(str, totals(int(arguments[0]), pathlib.Path(arguments[1]))))]
    if lines:
        print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
