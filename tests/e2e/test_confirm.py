"""A reload that is rolled back unless somebody confirms it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from conftest import Site, running

from lab import HeldConnections, wait_until


@pytest.fixture
def changed() -> Iterator[Site]:
    """A running daemon whose file has another weight for b1 by now."""
    with running("tc") as made:
        text = made.daemon.config.read_text()
        made.daemon.write(text.replace('name = "b1"', 'name = "b1"\nweight = 50', 1))
        yield made


def weight(site: Site) -> int:
    return int(site.daemon.backend("b1")["weight"])


def reload_within(site: Site, within: str) -> None:
    done = site.daemon.command("reload", "--confirm-within", within)
    assert done.returncode == 0, done.stderr
    assert "rolled back unless `pointsman confirm` comes" in done.stdout
    assert weight(site) == 50


def test_a_reload_that_nobody_confirms_is_rolled_back(changed: Site) -> None:
    before = changed.daemon.status()["config"]["hash"]
    held = HeldConnections(changed.lab.client, changed.address, count=32, interval_ms=20)
    began = time.monotonic_ns()
    reload_within(changed, "700ms")
    pending = changed.daemon.status()["config"]["unconfirmed"]
    assert pending["to"] == before and 0 < pending["rolls_back_in_ms"] <= 700
    assert "UNCONFIRMED: rolls back to " in changed.daemon.command("status").stdout
    record = changed.daemon.wait_for_audit(began, kind="reload", result="rolled_back")
    assert record["mono_ns"] - began > 600e6
    assert record["because"] == "unconfirmed" and "actor" not in record
    assert record["config"]["hash"] == before
    wait_until(lambda: weight(changed) == 100, "the old weight")
    config = changed.daemon.status()["config"]
    assert config["hash"] == before and config["unconfirmed"] is None
    assert [h for h in held.release() if h.broke_ns] == []


def test_a_confirmed_reload_stays(changed: Site) -> None:
    began = time.monotonic_ns()
    reload_within(changed, "1s")
    assert changed.daemon.command("confirm").returncode == 0
    record = changed.daemon.wait_for_audit(began, kind="reload", result="confirmed")
    assert record["actor"]["uid"] == os.geteuid()
    wait_until(lambda: time.monotonic_ns() - began > 1.3e9, "the deadline has passed", timeout=3)
    assert weight(changed) == 50
    again = changed.daemon.command("confirm")
    assert again.returncode == 6 and "no reload waits" in again.stderr


def test_rollback_returns_at_once_and_only_once(changed: Site) -> None:
    reload_within(changed, "60s")
    done = changed.daemon.command("rollback")
    assert done.returncode == 0 and str(changed.daemon.config) in done.stdout
    assert weight(changed) == 100
    assert changed.daemon.audit(kind="reload", result="rolled_back")[0]["because"] == "operator"
    assert changed.daemon.command("rollback").returncode == 6
    assert changed.daemon.command("confirm").returncode == 6


def test_rollback_undoes_a_plain_reload_too(changed: Site) -> None:
    assert changed.daemon.command("rollback").returncode == 6
    assert changed.daemon.command("reload").returncode == 0
    assert weight(changed) == 50
    assert changed.daemon.command("rollback").returncode == 0
    assert weight(changed) == 100


def test_while_a_reload_waits_no_other_is_taken(changed: Site) -> None:
    reload_within(changed, "60s")
    second = changed.daemon.command("reload")
    assert second.returncode == 6 and "`confirm` or `rollback` it first" in second.stderr
    assert weight(changed) == 50
    assert changed.daemon.command("confirm").returncode == 0
    assert changed.daemon.command("reload").returncode == 0


def test_a_broken_file_does_not_stop_the_rollback(changed: Site) -> None:
    reload_within(changed, "500ms")
    changed.daemon.write("this is no configuration")
    wait_until(lambda: weight(changed) == 100, "the old weight")
    assert changed.daemon.command("reload").returncode == 3


def test_a_refused_reload_leaves_nothing_to_confirm(changed: Site) -> None:
    changed.daemon.write("this is no configuration")
    assert changed.daemon.command("reload", "--confirm-within", "60s").returncode == 3
    assert changed.daemon.command("confirm").returncode == 6
    assert changed.daemon.command("rollback").returncode == 6
