"""What the failover benchmark found: as a table, as JSON and as a plot of distributions."""

from __future__ import annotations

import json
import pathlib
from dataclasses import asdict, dataclass

from benchmarks.failover_plot import Curve, plot
from benchmarks.failover_sites import Kill
from benchmarks.result import FOLDER, percentile
from lab.terminal import paint

PERCENTILES = (50, 90, 99, 100)


@dataclass
class Series:
    """One case of one balancer."""

    case: str
    who: str
    kills: list[Kill]

    @property
    def quiet(self) -> bool:
        """Without traffic nobody is hurt: what counts is when the tables had changed."""
        return "no traffic" in self.case

    def values(self, field: str) -> list[float]:
        return [getattr(kill, field) for kill in self.kills]

    def percentiles(self, field: str) -> dict[str, float]:
        return {f"p{percent}": round(percentile(self.values(field), percent), 3) for percent in PERCENTILES}


@dataclass
class Target:
    """Our p99 of a field of `Kill`, in ms."""

    case: str
    field: str
    bound_ms: float


@dataclass
class FailoverResult:
    series: list[Series]
    targets: list[Target]

    def verdicts(self) -> list[tuple[str, float, float]]:
        """What, measured, bound."""
        found = [(f"{t.case}: {'last hurt began' if t.field == 'last_hurt' else 'committed'}, p99, ms",
                  percentile(self._ours(t.case).values(t.field), 99), t.bound_ms) for t in self.targets]
        late = sum(kill.late for one in self.series if one.who == "pointsman" for kill in one.kills)
        return [*found, ("connections hurt that began after the commit in the trail", late, 0)]

    @property
    def met(self) -> bool:
        return all(measured <= bound for _, measured, bound in self.verdicts())

    def show(self) -> None:
        print(f"\n{paint('ms after the fault', 'bold')}{'':38}{'last hurt connection began':^32}  {'out of the tables':^16}  {'hurt':^12}")
        print(f"  {'case':<28}{'balancer':<18}{'n':>5} {'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}  {'p50':>8}{'p99':>8}  {'p50':>6}{'max':>6}")
        for one in self.series:
            print(row_of(one))
        print()
        for what, measured, bound in self.verdicts():
            met = paint("yes", "green") if measured <= bound else paint("NO", "red", "bold")
            print(f"  {what:<66}{measured:>10,.1f}{bound:>10,.0f}  {met}")

    def write(self) -> list[pathlib.Path]:
        """build/bench/failover.json and failover.svg."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        data = {
            "schema": "pointsman.bench/1", "kind": "failover", "unit": "ms after the fault",
            "series": [{"case": s.case, "balancer": s.who, "n": len(s.kills), "last_hurt": s.percentiles("last_hurt"),
                        "committed": s.percentiles("committed"), "kills": [asdict(kill) for kill in s.kills]}
                       for s in self.series],
            "targets": [{"what": what, "measured": measured, "target": bound, "met": measured <= bound}
                        for what, measured, bound in self.verdicts()],
        }
        paths = [FOLDER / "failover.json", FOLDER / "failover.svg"]
        paths[0].write_text(json.dumps(data, indent=2) + "\n")
        paths[1].write_text(plot([curve_of(one) for one in self.series]))
        return paths

    def _ours(self, case: str) -> Series:
        return next(one for one in self.series if one.who == "pointsman" and one.case == case)


def row_of(one: Series) -> str:
    last, hurt = one.values("last_hurt"), one.values("hurt")
    cells = "".join(f"{'–' if one.quiet else f'{percentile(last, p):,.0f}':>8}" for p in PERCENTILES)
    out = "".join(f"{percentile(one.values('committed'), p):>8,.0f}" for p in (50, 99))
    return (f"  {one.case:<28}{one.who:<18}{len(one.kills):>5} {cells}  {out}  {percentile(hurt, 50):>6,.0f}{max(hurt):>6,.0f}")


def curve_of(one: Series) -> Curve:
    return Curve(one.case, one.who, sorted(one.values("committed" if one.quiet else "last_hurt")))
