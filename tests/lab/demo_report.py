"""What the demo prints about its course, and whether it met its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.load import by_result
from lab.pointsman import Record
from lab.terminal import heading, paint, row

if TYPE_CHECKING:
    from lab.demo import Course

BOUND_MS = 100.0      # the last hurt connection begins at most this long after the kill
AGREEMENT_MS = 25.0   # between the client's clock and the audit trail: what loaded cores may delay


def show(course: Course, has_trail: bool) -> bool:
    """True when every bound was met."""
    checks = _clients(course)
    if has_trail:
        checks += _failover(course)
        _records(course)
    heading("Verdict")
    for passed, text in checks:
        print(f"  {paint('met', 'green') if passed else paint('MISSED', 'red', 'bold')}  {text}")
    return all(passed for passed, _ in checks)


def last_hurt_ms(course: Course) -> float | None:
    """When the last hurt connection began, in ms after the kill; None when nobody was hurt."""
    hurt = [c.start_ns for c in course.connections if c.hurt]
    return (max(hurt) - course.killed_ns) / 1e6 if hurt else None


def _clients(course: Course) -> list[tuple[bool, str]]:
    hurt = [c for c in course.connections if c.hurt]
    served = [c for c in course.connections if not c.hurt]
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(by_result(hurt).items()))
    last = last_hurt_ms(course)
    dead = course.backend
    others = [h for h in course.held if h.backend != dead]
    undisturbed = [h for h in others if not h.broke_ns]
    cut = [h for h in course.held if h.backend == dead and h.broke_ns]
    slowest = max((h.worst_ns for h in undisturbed), default=0) / 1e6

    heading("What clients saw")
    broken = ", ".join(f"{count} {kind}" for kind, count in course.wrk.errors.items() if count) or "0"
    row("requests, keep-alive", f"{course.wrk.requests:,} served", f"{broken} errors",
        f"p50 {course.wrk.p50_ms:.2f} ms, p99 {course.wrk.p99_ms:.2f} ms")
    row("new connections", f"{len(served):,} served", f"{len(hurt)} hurt" + (f" ({kinds})" if kinds else ""))
    row("held to the other backend", f"{len(undisturbed)} of {len(others)} undisturbed", f"slowest answer {slowest:.1f} ms")
    row("held to the killed one", f"{len(cut)} cut",
        f"all within {max((h.broke_ns - course.killed_ns for h in cut), default=0) / 1e6:.1f} ms of the kill")
    back = next((c for c in sorted(course.connections, key=lambda c: c.start_ns)
                 if c.backend == dead and c.start_ns > course.restarted_ns), None)
    if back:
        row("the backend is back", f"{(back.start_ns - course.restarted_ns) / 1e6:.0f} ms after its start")

    when = "nobody was hurt" if last is None else f"the last hurt connection began {last:.1f} ms after the kill"
    return [(last is None or last <= BOUND_MS, f"{when} (bound {BOUND_MS:.0f} ms)"),
            (bool(others) and len(others) == len(undisturbed), "connections to the other backend were undisturbed")]


def _failover(course: Course) -> list[tuple[bool, str]]:
    """Detection and switch by the client's clock and by the audit trail."""
    health = _first(course.records, course.killed_ns, kind="health", backend=course.backend, now="down")
    publish = _first(course.records, health["mono_ns"] if health else course.killed_ns, kind="publish")
    if not health or not publish:
        return [(False, "the audit trail has no health and publish record of the failover")]
    last = last_hurt_ms(course)
    detected, switched = ((r["mono_ns"] - course.killed_ns) / 1e6 for r in (health, publish))
    detect_us = health.get("detect_us", publish.get("detect_us"))
    switch_us = publish.get("switch_us", health.get("switch_us"))

    heading("Failover, ms after the kill")
    row("", f"{'client':>8}", f"{'audit trail':>12}")
    row("detected", f"{'':>8}", f"{detected:>12.1f}", _microseconds("first failed evidence to verdict", detect_us))
    row("switched", f"{last:>8.1f}" if last is not None else f"{'none':>8}", f"{switched:>12.1f}",
        _microseconds("verdict to commit", switch_us))

    ordered = course.killed_ns <= health["mono_ns"] <= publish["mono_ns"]
    hurt = last if last is not None else _first_cut_ms(course)  # second chances may spare all but those that were held open
    agrees = ordered and hurt is not None and abs(switched - hurt) <= AGREEMENT_MS
    return [(_noticed_together(course, health), f"client and audit trail noticed within {AGREEMENT_MS:.0f} ms of each other"),
            (agrees, f"audit trail and client agree within {AGREEMENT_MS:.0f} ms on when the traffic had moved")]


def _noticed_together(course: Course, health: Record) -> bool:
    """The first connection that was cut, and the first sign in the trail: evidence of traffic, or else the verdict itself."""
    cut = _first_cut_ms(course)
    evidence = _first(course.records, course.killed_ns, kind="passive", backend=course.backend)
    sign = min(r["mono_ns"] for r in (evidence, health) if r)
    return cut is not None and abs((sign - course.killed_ns) / 1e6 - cut) <= AGREEMENT_MS


def _first_cut_ms(course: Course) -> float | None:
    """When the first connection broke that was held open to the killed backend, in ms after the kill."""
    cut = [h.broke_ns for h in course.held if h.backend == course.backend and h.broke_ns]
    return (min(cut) - course.killed_ns) / 1e6 if cut else None


def _records(course: Course) -> None:
    heading("Audit records, ms after the kill")
    for record in course.records:
        if record["kind"] == "heartbeat":
            continue
        when = (record["mono_ns"] - course.killed_ns) / 1e6
        kind = paint(f"{record['kind']:<8}", "cyan")
        print(f"  {paint(f'{when:>9.1f}', 'dim')}  {record['seq']:>3} {kind} {_told(record)}")


def _told(record: Record) -> str:
    """One record in one line."""
    parts = []
    if record.get("backend"):
        parts.append(f"{record.get('service', '')}/{record['backend']}")
    elif record.get("service"):
        parts.append(str(record["service"]))
    if record.get("interface"):
        parts.append(f"{record['interface']} by {record.get('attach', '')}")
    if record.get("now"):
        now = str(record["now"])
        parts.append(f"{record.get('was', '')} → {paint(now, {'up': 'green', 'down': 'red'}.get(now, 'yellow'))}")
    if record.get("because"):
        parts.append(f"because {record['because']}")
    generation = record.get("generation")
    if isinstance(generation, dict):
        parts.append("generation " + " → ".join(str(generation[key]) for key in ("from", "to") if key in generation))
        parts += [f"{key} {generation[key]}" for key in ("slots_moved", "prepare_us", "commit_us") if key in generation]
    evidence = record.get("evidence")
    if isinstance(evidence, list) and evidence:
        parts.append("probes " + ", ".join(f"{p.get('outcome', '?')} {p.get('duration_us', '?')} µs" for p in evidence))
    parts += [f"{key} {record[key]}" for key in ("detect_us", "switch_us", "cause_seq") if record.get(key) is not None]
    return "  ".join(parts)


def _microseconds(what: str, value: object) -> str:
    return paint(f"{what} {value} µs", "dim") if value is not None else ""


def _first(records: list[Record], after_ns: int, **fields: object) -> Record | None:
    return next((r for r in records if r["mono_ns"] >= after_ns and all(r.get(k) == v for k, v in fields.items())), None)
