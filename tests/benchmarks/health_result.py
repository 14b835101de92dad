"""What the health check benchmark found: as a table, as JSON and as a bar chart."""

from __future__ import annotations

import json
import pathlib
import statistics
from dataclasses import asdict, dataclass, field

from benchmarks.replaced import Replaced
from benchmarks.result import FOLDER, Result, Series, chart
from lab.terminal import paint

CPU_RATIO, LATE_MS, MEMORY_MB = 0.8, 20.0, 75.0
OURS, PEER = "pointsman", "HAProxy"
UNDER_TRAFFIC = "tcp checks of which handshakes of clients may take the place"


@dataclass
class Measured:
    """One round of one prober."""

    cores: float
    probes: float                # a second, as the backend's kernel saw them
    memory_mb: float             # resident, without the mapped tables
    tables_mb: float             # resident mapped tables
    up_after: float              # seconds until every backend was found up
    gap_ms: dict[str, float]     # between two probes of one backend, as the server saw them; zeros: it saw none
    late_p99_ms: float | None    # of the starts of probes, as the prober says

    @property
    def resident_mb(self) -> float:
        return self.memory_mb + self.tables_mb

    @property
    def cpu_us(self) -> float:
        """Of one probe: comparable even if one of them falls behind."""
        return self.cores / self.probes * 1e6 if self.probes else 0.0


@dataclass
class HealthResult:
    count: int
    rounds: int
    found: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)  # check → who → a value a round
    replaced: Replaced | None = None  # measured last

    def add(self, check: str, who: str, measured: Measured) -> None:
        self.found.setdefault(check, {}).setdefault(who, []).append(measured)

    def verdicts(self) -> list[tuple[str, float, float]]:
        """What, measured, bound."""
        rows = []
        for check, by_name in self.found.items():
            ours, peer = by_name[OURS], by_name[PEER]
            ratio = statistics.median(a.cpu_us / b.cpu_us for a, b in zip(ours, peer) if b.cpu_us)
            rows.append((f"{check}: CPU of a probe, times HAProxy's", ratio, CPU_RATIO))
            late = [one.late_p99_ms for one in ours if one.late_p99_ms is not None]
            rows.append((f"{check}: lateness of probes, p99, ms", statistics.median(late), LATE_MS))
            rows.append((f"{check}: resident memory, mapped tables too, MB", max(one.resident_mb for one in ours), MEMORY_MB))
        return rows

    @property
    def met(self) -> bool:
        return all(measured <= bound for _, measured, bound in self.verdicts())

    def show(self) -> None:
        print(f"\n{paint(f'{self.count} backends, each probed each second', 'bold')}, medians of {self.rounds}")
        print(f"  {'':<18}{'probes/s':>10}{'cores':>8}{'µs a probe':>12}{'MB':>7}{'tables':>8}{'up after':>10}"
              f"{'gap p50':>10}{'p99':>8}{'late p99':>10}")
        for check, by_name in self.found.items():
            for who, rounds in by_name.items():
                print(row_of(f"{check}: {who}", rounds))
        print()
        for what, measured, bound in self.verdicts():
            verdict = paint("yes", "green") if measured <= bound else paint("NO", "red", "bold")
            print(f"  {what:<48}{measured:>8.2f}  at most {bound:<6g} {verdict}")
        if self.replaced:
            self.replaced.show()

    def write(self) -> list[pathlib.Path]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        data = {
            "schema": "pointsman.bench/1", "kind": "health", "backends": self.count, "rounds": self.rounds,
            "found": {check: {who: [{**asdict(one), "cpu_us": one.cpu_us} for one in rounds] for who, rounds in by_name.items()}
                      for check, by_name in self.found.items()},
            "targets": [{"what": what, "measured": measured, "bound": bound, "met": measured <= bound}
                        for what, measured, bound in self.verdicts()],
            "replaced": asdict(self.replaced) if self.replaced else None,
        }
        paths = [FOLDER / "health.json", FOLDER / "health.svg"]
        paths[0].write_text(json.dumps(data, indent=2) + "\n")
        series = {f"{check} checks": {who: Series(who, [one.cpu_us for one in rounds]) for who, rounds in by_name.items()}
                  for check, by_name in self.found.items()}
        unit = {name: "µs of CPU a probe" for name in series}
        if self.replaced:
            unit[UNDER_TRAFFIC] = "ms of CPU a second"
            series[UNDER_TRAFFIC] = {mode: Series(f"{OURS}, {mode}", [1e3 * one.cores for one in rounds])
                                     for mode, rounds in self.replaced.found.items()}
        paths[1].write_text(chart(Result("health", unit, series, [], self.rounds)))
        return paths


def row_of(name: str, rounds: list[Measured]) -> str:
    def median(*values: float) -> float:
        return statistics.median(values)

    late = [one.late_p99_ms for one in rounds if one.late_p99_ms is not None]
    return (f"  {name:<18}{median(*(r.probes for r in rounds)):>10,.0f}{median(*(r.cores for r in rounds)):>8.3f}"
            f"{median(*(r.cpu_us for r in rounds)):>12.1f}{max(r.memory_mb for r in rounds):>7.1f}"
            f"{max(r.tables_mb for r in rounds):>8.1f}{median(*(r.up_after for r in rounds)):>10.1f}"
            f"{median(*(r.gap_ms['p50'] for r in rounds)):>10.0f}{median(*(r.gap_ms['p99'] for r in rounds)):>8.0f}"
            f"{median(*late) if late else float('nan'):>10.1f}")
