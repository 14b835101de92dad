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


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Needs neither root nor a daemon."""
    return subprocess.run([str(paths.pointsman()), "replay", *map(str, arguments)], capture_output=True, text=True, timeout=30)


def replay(*arguments: object) -> tuple[Record, int]:
    """What it prints as JSON, and its exit code."""
    done = run("--json", *arguments)
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


def test_the_same_evidence_may_be_judged_by_another_file() -> None:
    with running("tc", health=FAST) as site:
        site.nginx["b1"].kill()
        wait_for(site, b1="down")
        agrees(site)
        text = site.daemon.config.read_text()
        other = site.lab.folder / "other.toml"
        other.write_text(text)
        assert replay(site.daemon.audit_file, "--config", other)[1] == 0

        other.write_text(text.replace("[health]", "[health]\nfall = 4"))
        found, code = replay(site.daemon.audit_file, "--config", other)
        first = next(decision for decision in found["decisions"] if decision["result"] == "differs")
        assert (code, first["differences"]) == (1, [{"what": "verdict", "trail": "after 3 probes",
                                                     "core": "none, stays up, 3 failed in a row"}])
        other.write_text("[daemon")
        done = run(site.daemon.audit_file, "--config", other)
        assert (done.returncode, done.stdout) == (3, "") and f"{other}:1:" in done.stderr


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


def fell(record: Record) -> bool:
    return bool(record["kind"] == "health" and record["now"] == "down")


def test_an_edited_verdict_is_reported_with_its_line() -> None:
    with running("tc", health=FAST) as site:
        site.nginx["b1"].kill()
        wait_for(site, b1="down")
        agrees(site)

        file, line = edited(site, fell, lambda record: record.update(now="up\x1b[31m"))
        found = first_difference(file)
        assert (found["line"], found["differences"]) == (line, [{"what": "now", "trail": "up\x1b[31m", "core": "down"}])
        assert found["from"].startswith("check http (rise 2, fall 3), up, then L4CON L4CON L4CON; web/b1 is down by probes")
        text = run(file).stdout
        assert text.startswith(f"{file}:{line}: #{line} health  web/b1  up -> up\\x1b[31m  differs\n"
                               "    now: the trail says up\\x1b[31m, deciding again gives down\n    from: check http "), text
        assert "1 otherwise, 0 not at all" in text.splitlines()[-1] and "\x1b" not in text

        file, line = edited(site, fell, lambda record: record["evidence"].pop())
        found = first_difference(file)
        assert (found["line"], found["differences"][0]["core"]) == (line, "none, stays up, 2 failed in a row")

        file, line = edited(site, lambda record: record["kind"] == "publish" and record["generation"]["from"] > 0 and
                            record["changes"][0]["now"] == "down",
                            lambda record: record["generation"].update(slots_moved=1))
        found = first_difference(file)
        assert (found["line"], found["differences"][0]["what"]) == (line, "slots_moved")
        assert "web/b1 is down by probes, ready, weight 100" in found["from"]


def complaint(*arguments: object) -> str:
    """The one thing that is wrong, as stderr says it; exit 1."""
    done = run(*arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr.splitlines()[0]


def test_a_damaged_trail_is_refused_with_file_line_cause_and_remedy() -> None:
    with running("tc", health=FAST) as site:
        site.nginx["b1"].kill()
        wait_for(site, b1="down")

        file, line = edited(site, fell, lambda record: record.pop("row_from"))
        assert complaint(file) == f"{file}:{line}: error: the field `row_from` is missing"
        file, line = edited(site, fell, lambda record: record["evidence"][0].update(outcome="L9"))
        assert complaint(file) == f'{file}:{line}: error: the field `evidence.outcome` has the unknown word "L9"'
        file, line = edited(site, fell, lambda record: record.update(mono_ns=1))
        assert complaint(file).startswith(f"{file}:{line}: error: the time in `mono_ns` is before that of an earlier decision")
        file, line = edited(site, fell, lambda record: record.update(schema="pointsman.audit/2"))
        assert "replay it with the version that wrote it" in complaint(file)
        file, _ = edited(site, fell, lambda record: record.update(version="9.9"))
        done = run(file)
        assert done.returncode == 0 and f"{file}:{line}: note: written by version 9.9" in done.stderr

        def configured(change: Callable[[str], str], mend_hash: bool = False) -> Callable[[Record], None]:
            def apply(record: Record) -> None:
                config = record["config"]
                config["text"] = change(config["text"])
                if mend_hash:
                    config["hash"] = fnv1a(config["text"])
            return apply

        def starts(record: Record) -> bool:
            return bool(record["kind"] == "start")

        file, _ = edited(site, starts, configured(lambda text: text.replace("100ms", "101ms")))
        assert complaint(file).startswith(f"{file}:1: error: the trail does not hold the configuration of the hash ")
        file, _ = edited(site, starts, configured(lambda text: text + "nonsense = 1\n", mend_hash=True))
        assert f"{file}:1: error: the configuration in this record is not valid for this version: " in complaint(file)

        lines = site.daemon.audit_file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(lines[:3]) + lines[3].replace(b'"kind"', b'"ki\x01nd"') + b"".join(lines[4:]))
        assert complaint(file).startswith(f"{file}:4: error: column {lines[3].index(b'kind') + 3}: no record of an audit trail")
        file.write_bytes(b"".join(lines) + lines[-1][:100])
        done = run(file)
        assert done.returncode == 0 and f"{file}:{len(lines) + 1}: note: column " in done.stderr
        assert complaint(site.lab.folder).startswith(f"pointsman: {site.lab.folder}: cannot be read: Is a directory; name an")
        assert "No such file or directory" in complaint("/no/such/file")


def fnv1a(text: str) -> str:
    value = 0xcbf29ce484222325
    for octet in text.encode():
        value = (value ^ octet) * 0x100000001b3 % 2**64
    return f"{value:016x}"


def test_a_trail_with_gaps_says_what_it_cannot_decide() -> None:
    with running("tc", health=FAST) as site:
        site.nginx["b1"].kill()
        wait_for(site, b1="down")
        lines = site.daemon.audit_file.read_text().splitlines(keepends=True)
        head, tail = site.lab.folder / "audit.1", site.lab.folder / "audit.2"
        head.write_text("".join(lines[:5]))
        tail.write_text("".join(lines[5:]))
        assert f"{tail}:1: note: the trail begins in the middle, at record 6" in complaint(tail)
        found, code = replay(head, tail)
        assert (found["undecided"], found["different"], found["problems"], code) == (0, 0, [], 0)
        assert complaint(tail, head).startswith(f"{tail}:1: note: the trail begins in the middle")
        tail.write_text("".join(lines[6:]))
        assert complaint(head, tail) == (f"{tail}:1: error: records are missing between 5 and 7: name every rotated file; "
                                         "or lines were removed")
        found, _ = replay(head, tail)
        assert found["different"] == 0 and found["undecided"] > 0
