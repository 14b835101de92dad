"""`pointsman replay`: the same decisions come out of the audit trail again, and an edited one is found."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
from collections.abc import Callable

from conftest import Site, running
from lab import Lab, Service, paths
from lab.pointsman import Record
from lab.waiting import wait_until

FAST = {"interval": "100ms", "down_interval": "100ms", "timeout": "200ms"}


def replay(*files: pathlib.Path) -> tuple[Record, int]:
    """What it prints as JSON, and its exit code. Needs neither root nor a daemon."""
    done = subprocess.run([str(paths.pointsman()), "replay", "--json", *map(str, files)], capture_output=True, text=True,
                          timeout=30)
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.returncode


def agrees(site: Site) -> Record:
    """Nothing differs, and nothing is undecided."""
    found, code = replay(site.daemon.audit_file)
    wrong = [decision for decision in found["decisions"] if decision["result"] != "same"]
    assert (wrong, code) == ([], 0), json.dumps(wrong, indent=1)[:6000]
    return found


def two_checks(lab: Lab) -> list[Service]:
    return [Service("web", lab.service_address, [(host.name, host.address, 80) for host in lab.backends],
                    check=[{"type": "tcp"}, {"type": "http", "path": "/healthz", "name": "page"}],
                    keys={"slow_start": "1s", "healthy_low": 1, "healthy_high": 2}),
            Service("again", lab.service_address, [(host.name, host.address, 80) for host in lab.backends], port=81,
                    keys={"panic_threshold": 0})]


def wait_for(site: Site, **states: str) -> None:
    for backend, state in states.items():
        site.daemon.wait_for_state(backend, state, timeout=15)


def order(site: Site, *words: str) -> None:
    done = site.daemon.command(*words)
    assert done.returncode == 0, done.stderr


def eventful(site: Site) -> None:
    """Kills, orders, a reload and a rollback, our own link, a whole outage."""
    site.nginx["b1"].kill()
    wait_for(site, b1="down")
    site.nginx["b1"].start()
    wait_for(site, b1="up")
    order(site, "drain", "web/b2", "--deadline", "300ms", "--then", "maint")
    wait_for(site, b2="maint")
    order(site, "ready", "web/b2")
    wait_for(site, b2="up")
    order(site, "weight", "web/b1", "25")
    text = site.daemon.config.read_text()
    site.daemon.write(text.replace("panic_threshold = 0", "panic_threshold = 50"))
    order(site, "reload")
    order(site, "rollback")
    site.daemon.write(text)
    for nginx in site.nginx.values():
        nginx.kill()
    wait_until(lambda: site.daemon.audit(kind="panic", now="on"), "panic")
    for nginx in site.nginx.values():
        nginx.start()
    wait_until(lambda: site.daemon.audit(kind="panic", now="off"), "no panic")
    wait_for(site, b1="up", b2="up")


def test_an_eventful_run_is_decided_again_alike() -> None:
    with running("tc", two_checks, health=FAST) as site:
        eventful(site)
        found = agrees(site)
        assert found["same"] >= 20
        kinds = {decision["kind"] for decision in found["decisions"]}
        assert {"health", "check", "publish", "admin", "panic", "announce"} <= kinds


def test_our_own_link_and_silent_hosts_are_decided_again_alike() -> None:
    with running("tc", two_legs=True, health=FAST) as site:
        balancer = site.lab.balancer
        balancer.run("ip", "link", "set", "eth1", "down")
        wait_until(lambda: site.daemon.audit(kind="health", ruled_by="held"), "probes fail behind a dead link", timeout=10)
        balancer.run("ip", "link", "set", "eth1", "up")
        site.daemon.wait_for_audit(kind="alarm_over", because="own_link_down", timeout=10)
        backend = site.lab.backends[0]
        backend.run("ip", "link", "set", backend.devices[0], "down")
        wait_for(site, b1="down")
        agrees(site)


def test_a_trail_over_a_restart_is_decided_again_alike(staying: Site) -> None:
    daemon = staying.daemon
    order(staying, "drain", "web/b2")
    wait_for(staying, b2="drain")
    assert daemon.process is not None
    daemon.process.kill()
    restarted = time.monotonic_ns()
    daemon.start()
    daemon.wait_for_audit(restarted, kind="publish")
    wait_for(staying, b1="up", b2="drain")
    staying.nginx["b1"].kill()
    wait_until(lambda: daemon.audit(restarted, kind="health", backend="b1"), "b1 is found dead")
    found, code = replay(daemon.audit_file)
    assert (found["different"], code) == (0, 0), found


def edited(site: Site, matches: Callable[[Record], bool], change: Callable[[Record], None]) -> tuple[pathlib.Path, int]:
    """A copy of the trail with its first such record changed, and that record's line."""
    copy = site.lab.folder / "edited.jsonl"
    records = site.daemon.audit()
    number = next(i for i, record in enumerate(records) if matches(record))
    change(records[number])
    copy.write_text("".join(json.dumps(record) + "\n" for record in records))
    return copy, number + 1


def first_difference(file: pathlib.Path) -> Record:
    found, code = replay(file)
    assert code == 1
    first: Record = next(decision for decision in found["decisions"] if decision["result"] == "differs")
    return first


def test_an_edited_verdict_is_reported_with_its_line() -> None:
    with running("tc", health=FAST) as site:
        site.nginx["b1"].kill()
        wait_for(site, b1="down")
        agrees(site)

        def fell(record: Record) -> bool:
            return record["kind"] == "health" and record["now"] == "down"

        file, line = edited(site, fell, lambda record: record.update(now="up"))
        found = first_difference(file)
        assert (found["line"], found["text"]) == (line, "now: the trail says up, deciding again gives down")
        text = subprocess.run([str(paths.pointsman()), "replay", str(file)], capture_output=True, text=True, timeout=30)
        assert f"{file}:{line}: " in text.stdout and "1 differ" in text.stdout

        file, line = edited(site, fell, lambda record: record["evidence"].pop())
        found = first_difference(file)
        assert found["line"] == line and "do not suffice" in found["text"]

        file, line = edited(site, lambda record: record["kind"] == "publish" and record["generation"]["from"] > 0 and
                            record["changes"][0]["now"] == "down",
                            lambda record: record["generation"].update(slots_moved=1))
        assert first_difference(file)["line"] == line

        file, _ = edited(site, lambda record: record["kind"] == "start",
                         lambda record: record["config"].update(text=record["config"]["text"].replace("100ms", "101ms")))
        found, code = replay(file)
        assert code == 1 and found["same"] == 0 and "configuration" in found["decisions"][0]["text"]


def test_a_trail_with_gaps_says_what_it_cannot_decide() -> None:
    with running("tc", health=FAST) as site:
        site.nginx["b1"].kill()
        wait_for(site, b1="down")
        lines = site.daemon.audit_file.read_text().splitlines(keepends=True)
        head, tail = site.lab.folder / "audit.1", site.lab.folder / "audit.2"
        head.write_text("".join(lines[:5]))
        tail.write_text("".join(lines[5:]))
        found, code = replay(tail)
        assert code == 1 and found["same"] == found["different"] == 0
        assert "begins in the middle" in found["decisions"][0]["text"]
        found, code = replay(head, tail)
        assert (found["undecided"], found["different"], code) == (0, 0, 0)
        tail.write_text("".join(lines[6:]))
        found, code = replay(head, tail)
        assert (found["different"], code) == (0, 1 if found["same"] == 0 else 0)
        assert found["undecided"] > 0 and "missing between 5 and 7" in found["decisions"][-1]["text"]
        missing = subprocess.run([str(paths.pointsman()), "replay", "/no/such/file"], capture_output=True, text=True, timeout=30)
        assert missing.returncode == 1 and "/no/such/file" in missing.stderr
