"""Distributions of times from milliseconds to minutes, as SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass

LEFT, TOP, WIDTH, HEIGHT = 60, 40, 560, 300
SHORTEST_MS, LONGEST_MS = 1.0, 100_000.0
TICKS = [(1, "≤ 1 ms"), (10, "10 ms"), (100, "100 ms"), (1000, "1 s"), (10_000, "10 s"), (100_000, "100 s")]
COLOURS = ["#2f6f9f", "#d08a2e", "#5a8f4e", "#a04a58", "#7a5fa0", "#4d9a9a"]   # one a case
DASHES = {"pointsman": "", "HAProxy": "6 3", "keepalived-style": "2 3"}


@dataclass
class Curve:
    case: str
    who: str
    values: list[float]  # ms, ascending


def x_of(value: float) -> float:
    inside = min(max(value, SHORTEST_MS), LONGEST_MS)
    return LEFT + WIDTH * math.log10(inside / SHORTEST_MS) / math.log10(LONGEST_MS / SHORTEST_MS)


def y_of(share: float) -> float:
    return TOP + HEIGHT * (1 - share)


def steps(curve: Curve) -> str:
    """The share of faults whose time was at most x: from 0 to 1 in a step for each."""
    points, count = [f"M{x_of(curve.values[0]):.1f} {y_of(0):.1f}"], len(curve.values)
    for number, value in enumerate(curve.values):
        points += [f"H{x_of(value):.1f}", f"V{y_of((number + 1) / count):.1f}"]
    return " ".join(points)


def axes() -> list[str]:
    parts = []
    for value, label in TICKS:
        parts.append(f'<path d="M{x_of(value):.0f} {TOP} V{TOP + HEIGHT}" stroke="#e3e8ec"/>')
        parts.append(f'<text x="{x_of(value):.0f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{label}</text>')
    for percent in (0, 50, 90, 100):
        parts.append(f'<path d="M{LEFT} {y_of(percent / 100):.0f} H{LEFT + WIDTH}" stroke="#e3e8ec"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y_of(percent / 100) + 4:.0f}" text-anchor="end">{percent} %</text>')
    return parts


def plot(curves: list[Curve]) -> str:
    cases = list(dict.fromkeys(curve.case for curve in curves))
    legend = LEFT + WIDTH + 24
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{legend + 340}" height="{TOP + HEIGHT + 40}" '
             'font-family="sans-serif" font-size="13">', '<rect width="100%" height="100%" fill="#ffffff"/>',
             f'<text x="{LEFT}" y="24" font-weight="bold">share of faults after which the last connection that was hurt began '
             'within (without traffic: the tables had changed)</text>', *axes()]
    for number, curve in enumerate(curves):
        y = TOP + 12 + 20 * number
        style = (f'fill="none" stroke="{COLOURS[cases.index(curve.case) % len(COLOURS)]}" stroke-width="2" '
                 f'stroke-dasharray="{DASHES.get(curve.who, "")}"')
        parts.append(f'<path d="{steps(curve)}" {style}/>')
        parts.append(f'<path d="M{legend} {y - 4} h28" {style}/>')
        parts.append(f'<text x="{legend + 34}" y="{y}">{curve.who}: {curve.case} (n = {len(curve.values)})</text>')
    return "\n".join([*parts, "</svg>", ""])
