"""The figures of one benchmark: as a table, as JSON and as a bar chart."""

from __future__ import annotations

import json
import math
import pathlib
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from lab.paths import BUILD
from lab.terminal import paint

FOLDER = BUILD / "bench"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@dataclass
class Series:
    """One case: a value a round, in `unit`. Higher is better."""

    name: str
    values: list[float] = field(default_factory=list)
    failed: int = 0  # requests that went wrong

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass
class Target:
    """`ours` must reach `ratio` times `peer` in the median of the rounds' ratios. Without `ratio` it is only reported."""

    measure: str
    ours: str
    peer: str
    ratio: float | None


@dataclass
class Row:
    target: Target
    ours: float
    peer: float
    ratio: float

    @property
    def met(self) -> bool:
        return self.target.ratio is None or self.ratio >= self.target.ratio


@dataclass
class Result:
    kind: str
    unit: dict[str, str]                       # of each measure
    series: dict[str, dict[str, Series]]       # measure → case → series
    targets: list[Target]
    rounds: int

    def rows(self) -> list[Row]:
        rows = []
        for target in self.targets:
            ours, peer = (self.series[target.measure][name] for name in (target.ours, target.peer))
            ratio = statistics.median(mine / theirs for mine, theirs in zip(ours.values, peer.values))
            rows.append(Row(target, ours.median, peer.median, ratio))
        return rows

    @property
    def met(self) -> bool:
        return all(row.met for row in self.rows())

    def write(self) -> list[pathlib.Path]:
        """build/bench/KIND.json and KIND.svg."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        data = {
            "schema": "pointsman.bench/1", "kind": self.kind, "rounds": self.rounds, "unit": self.unit,
            "series": {measure: {name: {**asdict(s), "median": s.median} for name, s in cases.items()}
                       for measure, cases in self.series.items()},
            "targets": [{**asdict(row.target), "measured": row.ratio, "met": row.met} for row in self.rows()],
        }
        paths = [FOLDER / f"{self.kind}.json", FOLDER / f"{self.kind}.svg"]
        paths[0].write_text(json.dumps(data, indent=2) + "\n")
        paths[1].write_text(chart(self))
        return paths

    def show(self) -> None:
        for measure, cases in self.series.items():
            print(f"\n{paint(measure, 'bold')}, {self.unit[measure]}, median of {self.rounds} (lowest to highest)")
            for series in cases.values():
                spread = f"({min(series.values):,.0f} to {max(series.values):,.0f})"
                wrong = paint(f"  {series.failed} failed", "red") if series.failed else ""
                print(f"  {series.name:<24}{series.median:>12,.0f}  {paint(spread, 'dim')}{wrong}")
        print(f"\n  {'case':<40}{'ours':>10}{'peer':>10}  {'peer is':<24}{'ratio':>6}{'target':>8}  met")
        for row in self.rows():
            target = row.target
            case = f"{target.measure}: {target.ours.removeprefix('pointsman ')}"
            wanted, verdict = "", ""
            if target.ratio is not None:
                wanted = f"{target.ratio:.2f}"
                verdict = paint("yes", "green") if row.met else paint("NO", "red", "bold")
            print(f"  {case:<40}{row.ours:>10,.0f}{row.peer:>10,.0f}  {target.peer:<24}{row.ratio:>6.2f}{wanted:>8}  {verdict}")


def chart(result: Result) -> str:
    """Horizontal bars, one group a measure, each scaled to its longest."""
    bar, gap, left, width = 22, 6, 190, 460
    height = sum(50 + len(cases) * (bar + gap) for cases in result.series.values()) + 10
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 130}" height="{height}" '
             'font-family="sans-serif" font-size="13">', '<rect width="100%" height="100%" fill="#ffffff"/>']
    y = 10
    for measure, cases in result.series.items():
        parts.append(f'<text x="10" y="{y + 20}" font-weight="bold">{measure}, {result.unit[measure]}</text>')
        y += 34
        longest = max(series.median for series in cases.values()) or 1.0
        for series in cases.values():
            length = width * series.median / longest
            colour = "#2f6f9f" if series.name.startswith("pointsman") else "#b8c4cc"
            parts.append(f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{series.name}</text>')
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.0f}" height="{bar}" fill="{colour}"/>')
            parts.append(f'<text x="{left + length + 6:.0f}" y="{y + 16}">{series.median:,.0f}</text>')
            y += bar + gap
        y += 16
    return "\n".join([*parts, "</svg>", ""])
