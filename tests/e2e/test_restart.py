"""Restart without a trace: a new daemon goes on with what the last one left, killed or stopped, while packets flow."""

from __future__ import annotations

import json
import time

import pytest
from conftest import Site, running
from restarting import STAY, broken, end, order, program_ids, restart, restart_after_end
from test_old_kernel import filters, old_kernel

from lab import ConnectClient, HeldConnections, Pointsman, paths, wait_until
from lab.pointsman import web


# What is adopted.

@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
def test_the_successor_keeps_connections_generation_and_ids(staying: Site, kill: bool) -> None:
    daemon = staying.daemon
    held = HeldConnections(staying.lab.client, staying.address, count=32, interval_ms=20)
    generation = daemon.status()["generation"]
    adopted = restart(daemon, kill=kill)
    assert adopted["tables"] == "same" and adopted["state_file"] == "read"
    assert adopted["generation"] == generation and adopted["backends"] == 2
    assert adopted["sessions"] >= 32 and adopted["age_ms"] >= adopted["unwatched_ms"] >= 0
    assert daemon.status()["adopted"]["generation"] == generation
    assert daemon.status()["generation"] > generation
    assert [r["tables"] for r in daemon.audit(kind="start")] == ["fresh", "same"]
    assert broken(held) == []


def test_the_programs_are_replaced_and_not_attached_anew(staying: Site) -> None:
    before = program_ids(staying.daemon)
    restart(staying.daemon)
    after = program_ids(staying.daemon)
    assert len(after) == len(before) == 1 and not after & before
    assert [r["replaced"] for r in staying.daemon.audit(kind="attach")] == [False, True]


def test_orders_and_their_reasons_and_deadlines_outlive_a_kill(staying: Site) -> None:
    daemon = staying.daemon
    held = HeldConnections(staying.lab.client, staying.address, count=32, interval_ms=20)
    order(daemon, "drain", "web/b1", "--reason", "new kernel", "--deadline", "3s", "--then", "ready")
    since = daemon.wait_for_state("b1", "drain")["since"]
    end(daemon, kill=True)
    restarted = time.monotonic_ns()
    daemon.start()
    wait_until(daemon.control_answers, "the successor answers")
    backend = daemon.backend("b1")
    assert (backend["state"], backend["because"], backend["since"]) == ("drain", "operator", since)
    client = ConnectClient(staying.lab.client, staying.address, count=200, seconds=10).finish()
    assert {c.backend for c in client if c.start_ns > restarted} <= {"b2"}
    daemon.wait_for_state("b1", "up", timeout=8)
    assert daemon.wait_for_audit(restarted, kind="admin", because="deadline")["backend"] == "b1"
    assert broken(held) == []


def test_maint_outlives_a_stop_that_detaches(attach: str) -> None:
    with running(attach) as site:
        order(site.daemon, "maint", "web/b1")
        assert site.daemon.stop() == 0
        assert site.daemon.attached() == []
        site.daemon.start()
        wait_until(lambda: site.daemon.control_answers() and site.daemon.backend("b2")["eligible"], "b2 is up")
        assert site.daemon.backend("b1")["state"] == "maint"
        assert site.daemon.status()["adopted"] is None


def test_a_backend_that_was_down_stays_down_until_it_rose(staying: Site) -> None:
    daemon = staying.daemon
    staying.nginx["b1"].kill()
    since = daemon.wait_for_state("b1", "down")["since"]
    wait_until(lambda: "down" in saved_states(daemon), "the transition is on disk")
    end(daemon, kill=True)
    daemon.start()
    wait_until(daemon.control_answers, "the successor answers")
    assert daemon.backend("b1")["state"] == "down" and daemon.backend("b1")["since"] == since
    assert daemon.backend("b1")["because"] == "l4_refused"
    client = ConnectClient(staying.lab.client, staying.address, count=200, seconds=10).finish()
    assert [c for c in client if c.hurt] == [] and {c.backend for c in client} == {"b2"}
    assert [r for r in daemon.audit(kind="health") if r["now"] == "up"][2:] == []


def saved_states(daemon: Pointsman) -> list[str]:
    """What the state file says of every check: it is written beside the loop, some milliseconds after a transition."""
    state = json.loads((daemon.folder / "state" / "state.json").read_text())
    return [check["measured"] for service in state["services"] for backend in service["backends"]
            for check in backend["checks"]]


def test_a_backend_that_dies_while_nobody_watches_is_found_by_the_successor(staying: Site) -> None:
    daemon = staying.daemon
    end(daemon, kill=True)
    staying.nginx["b1"].kill()
    before = time.monotonic_ns()
    daemon.start()
    wait_until(daemon.control_answers, "the successor answers")
    daemon.wait_for_state("b1", "down")
    record = daemon.wait_for_audit(before, kind="health", backend="b1")
    assert (record["was"], record["now"], len(record["evidence"])) == ("up", "down", 3)  # `fall` in a row, as ever


# A configuration that changed between the runs.

def test_a_removed_backend_is_cut_and_the_others_are_not(staying: Site) -> None:
    daemon = staying.daemon
    held = HeldConnections(staying.lab.client, staying.address, count=32, interval_ms=20)
    end(daemon, kill=True)
    daemon.services = [web(staying.lab)]
    daemon.services[0].backends = [(h.name, h.address, 80) for h in staying.lab.backends if h.name != "b1"]
    daemon.write()
    before = time.monotonic_ns()
    daemon.start().ready()
    changes = daemon.wait_for_audit(before, kind="publish")["changes"]
    assert {(c["backend"], c["was"], c["now"]) for c in changes if c["kind"] == "backend"} == {("b1", "up", "absent")}
    report = held.release()
    assert {h.backend for h in report if h.broke_ns} == {"b1"}
    assert {h.backend for h in report if not h.broke_ns} == {"b2"}


def test_a_new_service_and_a_weight_are_applied_and_nobody_is_moved(staying: Site) -> None:
    daemon = staying.daemon
    held = HeldConnections(staying.lab.client, staying.address, count=32, interval_ms=20)
    end(daemon, kill=True)
    second = web(staying.lab)
    second.name, second.port = "second", 81
    daemon.services = [second, web(staying.lab)]
    daemon.services[1].backends = [{"name": h.name, "address": h.address, "port": 80, "weight": 100 if h.name == "b1" else 0}
                                   for h in staying.lab.backends]
    daemon.write()
    daemon.start()
    wait_until(lambda: daemon.control_answers() and daemon.backend("b1", "second")["eligible"], "the second service is up")
    client = ConnectClient(staying.lab.client, staying.address, count=200, seconds=10).finish()
    assert [c for c in client if c.hurt] == [] and {c.backend for c in client} == {"b1"}
    assert staying.lab.client.answers(staying.address, 81)
    assert broken(held) == []


def test_another_size_of_the_session_table_takes_the_sessions_along(staying: Site) -> None:
    daemon = staying.daemon
    held = HeldConnections(staying.lab.client, staying.address, count=64, interval_ms=20)
    for sessions in (50_000, 400_000):
        end(daemon, kill=True)
        daemon.tables["datapath"] = {**daemon.tables["datapath"], "sessions": sessions}
        daemon.write()
        before = time.monotonic_ns()
        daemon.start().ready()
        assert daemon.wait_for_audit(before, kind="adopt")["tables"] == "resized"
    assert broken(held) == []
    assert len([path for path in staying.lab.bpffs.iterdir() if path.name.startswith("tables-")]) == 1


def stamp_abi(site: Site, abi: int) -> None:
    """As if a daemon of that version had made the tables in use."""
    control = site.lab.bpffs / "current" / "pm_control"
    value = json.loads(site.lab.balancer.run("bpftool", "-j", "map", "dump", "pinned", control).stdout)[0]["value"]
    words = [int(octet, 16) for octet in value]
    words[4] = abi  # pm_control.abi_version
    site.lab.balancer.run("bpftool", "map", "update", "pinned", control, "key", "0", "0", "0", "0", "value", *map(str, words))


def test_another_hash_seed_places_the_sessions_anew(staying: Site) -> None:
    daemon = staying.daemon
    client = ConnectClient(staying.lab.client, staying.address, rate=300)
    held = HeldConnections(staying.lab.client, staying.address, count=64, interval_ms=20)
    end(daemon, kill=True)
    daemon.tables["datapath"] = {**daemon.tables["datapath"], "hash_seed": "0f" * 16}
    daemon.write()
    before = time.monotonic_ns()
    daemon.start().ready()
    adopted = daemon.wait_for_audit(before, kind="adopt")
    assert adopted["tables"] == "translated" and adopted["sessions"] >= 64
    assert "hash_seed" in adopted["text"] and "sessions carried to the new tables" in daemon.log()
    client.wait_for(100, since_ns=time.monotonic_ns())
    client.stop()
    assert broken(held) == []


def test_tables_of_the_abi_before_are_translated(staying: Site) -> None:
    daemon = staying.daemon
    held = HeldConnections(staying.lab.client, staying.address, count=64, interval_ms=20)
    end(daemon, kill=True)
    stamp_abi(staying, 3)
    for later in ("pm_fragments", "pm_syns"):
        (staying.lab.bpffs / "current" / later).unlink()
    adopted = restart_after_end(daemon)
    assert adopted["tables"] == "translated" and "ABI 3" in adopted["text"] and adopted["sessions"] >= 64
    assert broken(held) == []


def test_tables_of_another_abi_are_replaced_while_packets_flow(staying: Site) -> None:
    daemon = staying.daemon
    end(daemon, kill=True)
    stamp_abi(staying, 99)
    generation = json.loads((daemon.folder / "state" / "state.json").read_text())["generation"]
    adopted = restart_after_end(daemon)
    assert adopted["tables"] == "replaced" and "version" in adopted["text"]
    assert daemon.status()["generation"] > generation
    assert staying.lab.client.answers(staying.address, 80)
    assert daemon.stop() == 0


# The state file.

@pytest.mark.parametrize("damage", ["missing", "empty", "cut short", "foreign", "another daemon's"])
def test_without_a_usable_state_file_connections_go_on(staying: Site, damage: str) -> None:
    daemon = staying.daemon
    held = HeldConnections(staying.lab.client, staying.address, count=32, interval_ms=20)
    end(daemon, kill=True)
    file = daemon.folder / "state" / "state.json"
    text = file.read_text()
    if damage == "missing":
        file.unlink()
    elif damage == "foreign":
        file.write_text('{"schema": "something/9"}')
    elif damage == "another daemon's":
        file.write_text(text.replace(str(staying.lab.bpffs), "/sys/fs/bpf/other"))
    else:
        file.write_text(text[: 0 if damage == "empty" else len(text) // 2])
    adopted = restart_after_end(daemon)
    assert adopted["tables"] == "same"
    assert adopted["state_file"] == ("missing" if damage == "missing" else "unusable")
    assert (" warning " in daemon.log()) == (damage != "missing")
    assert broken(held) == []
    assert json.loads(file.read_text())["schema"] == "pointsman.state/1"


def test_a_state_dir_that_cannot_be_written_is_told_and_survived() -> None:
    with running("tc", daemon={"state_dir": "/proc/pointsman"}) as site:
        assert site.lab.client.answers(site.address, 80)
        record = site.daemon.wait_for_audit(kind="alarm")
        assert record["because"] == "state_not_saved" and "/proc/pointsman" in record["text"]
        warnings = [line for line in site.daemon.log().splitlines() if " warning " in line or " error " in line]
        assert len(warnings) == 1 and "daemon.state_dir" in warnings[0] and "writable" in warnings[0]
        restart(site.daemon)


def test_a_clsact_filter_is_replaced_in_place() -> None:
    with old_kernel(**STAY) as daemon:
        held = HeldConnections(daemon.lab.client, daemon.lab.service_address, count=16, interval_ms=20)
        for number in range(3):
            end(daemon, kill=number % 2 == 0)
            daemon.start(LD_PRELOAD=str(paths.old_kernel())).ready()
            assert filters(daemon).count("direct-action") == 2
        assert broken(held) == []
        assert daemon.stop() == 0
        done = daemon.command("detach")
        assert done.returncode == 0 and filters(daemon) == "", done.stderr
        assert not daemon.lab.bpffs.exists()


def test_an_interface_that_is_no_longer_listed_is_released() -> None:
    with running("tc", two_legs=True, daemon=STAY) as site:
        end(site.daemon, kill=True)
        site.daemon.tables["datapath"] = {**site.daemon.tables["datapath"], "interfaces": ["eth0"]}
        site.daemon.write()
        restart_after_end(site.daemon)
        assert [line for line in site.daemon.attached() if line.startswith("eth1")] == []
        assert len(list(site.lab.bpffs.glob("tcx-*"))) == 1


def test_fresh_start_writes_its_state_file_privately() -> None:
    with running("tc") as site:
        file = site.daemon.folder / "state" / "state.json"
        wait_until(file.exists, "a state file")
        assert file.stat().st_mode & 0o777 == 0o600
