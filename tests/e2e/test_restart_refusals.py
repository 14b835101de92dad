"""Pins that do not fit, second daemons and foreign programs: one line that names them and the remedy, and no packet is lost
by the refusal."""

from __future__ import annotations

import os
import pathlib
import signal
from collections.abc import Iterator

import pytest
from conftest import Site, running
from test_refusals import assert_refused

from lab import HeldConnections, Lab, Pointsman, paths


@pytest.fixture
def orphaned() -> Iterator[Site]:
    """A datapath whose daemon was killed."""
    with running("tc") as site:
        assert site.daemon.process is not None
        site.daemon.process.kill()
        yield site
        done = site.daemon.command("detach")
        assert (done.returncode, site.daemon.attached()) == (0, []), done.stderr


def refused(site: Site, *words: str) -> None:
    """A start is refused, and the datapath that it met goes on."""
    assert_refused(site.daemon.run_to_end(), *words)
    assert site.lab.client.answers(site.address, 80)


def pin_map(site: Site, path: pathlib.Path, kind: str, *words: str) -> None:
    path.unlink()
    site.lab.balancer.run("bpftool", "map", "create", path, "type", kind, "name", "intruder", *words)


def test_a_directory_that_others_may_enter(orphaned: Site) -> None:
    orphaned.lab.bpffs.chmod(0o755)
    refused(orphaned, str(orphaned.lab.bpffs), "0755", "remove it")
    orphaned.lab.bpffs.chmod(0o700)


def test_a_directory_of_somebody_else(orphaned: Site) -> None:
    os.chown(orphaned.lab.bpffs, 65534, 65534)
    refused(orphaned, str(orphaned.lab.bpffs), "uid 65534", "daemon.bpffs")
    os.chown(orphaned.lab.bpffs, 0, 0)


def test_a_link_to_a_directory_is_not_followed() -> None:
    with Lab() as lab:
        elsewhere = pathlib.Path(f"{lab.bpffs}x")
        elsewhere.mkdir(mode=0o700)
        try:
            lab.bpffs.symlink_to(elsewhere.name)
            assert_refused(Pointsman(lab, attach="tc").run_to_end(), str(lab.bpffs), "not a directory")
        finally:
            lab.bpffs.unlink()
            elsewhere.rmdir()


@pytest.mark.parametrize("pin", ["current/pm_sessions", "current/pm_control", "tcx"])
def test_a_pin_that_others_may_write(orphaned: Site, pin: str) -> None:
    path = next(orphaned.lab.bpffs.glob("tcx-*")) if pin == "tcx" else orphaned.lab.bpffs.resolve() / pin
    path.chmod(0o666)
    refused(orphaned, path.name, "0666", "pointsman detach")


@pytest.mark.parametrize("name", ["pm_control", "pm_sessions", "pm_backends", "pm_events", "pm_fragments"])
def test_a_missing_map(orphaned: Site, name: str) -> None:
    (orphaned.lab.bpffs / "current" / name).unlink()
    refused(orphaned, name, "is missing", "pointsman detach")


def test_a_map_with_values_of_another_size(orphaned: Site) -> None:
    pin_map(orphaned, orphaned.lab.bpffs / "current" / "pm_backends", "array", "key", "4", "value", "16", "entries", "8194",
            "flags", "1024")
    refused(orphaned, "pm_backends", "does not fit", "8194 entries of 16 octets", "pointsman detach")


def test_a_map_of_another_type(orphaned: Site) -> None:
    pin_map(orphaned, orphaned.lab.bpffs / "current" / "pm_control", "hash", "key", "4", "value", "64", "entries", "1")
    refused(orphaned, "pm_control", "does not fit", "no memory-mapped array")


def test_a_map_where_a_link_should_be(orphaned: Site) -> None:
    link = next(orphaned.lab.bpffs.glob("tcx-*"))
    kept = link.with_name("kept")
    link.rename(kept)
    orphaned.lab.balancer.run("bpftool", "map", "create", link, "type", "array", "name", "intruder", "key", "4", "value", "8",
                              "entries", "1")
    refused(orphaned, link.name, "not a BPF link")
    link.unlink()
    kept.rename(link)


# Second daemons.

def test_a_second_daemon_on_the_same_directory_is_told_who_holds_it(attach: str) -> None:
    with running(attach) as site:
        assert site.daemon.process is not None
        second = Pointsman(site.lab, attach=attach, name="second", datapath={"interfaces": ["lo"]})
        assert_refused(second.run_to_end(), str(site.lab.bpffs), f"pointsman (pid {site.daemon.process.pid})")
        assert site.lab.client.answers(site.address, 80)


def test_a_second_daemon_on_the_same_socket_is_told_who_answers() -> None:
    with running("tc") as site:
        assert site.daemon.process is not None
        second = Pointsman(site.lab, attach="tc", name="second", daemon={"control": str(site.daemon.control)})
        assert_refused(second.run_to_end(), str(site.daemon.control), f"pointsman (pid {site.daemon.process.pid})")


def test_a_second_daemon_on_the_same_interface_is_told_who_serves_it(attach: str) -> None:
    with running(attach) as site:
        assert site.daemon.process is not None
        other = pathlib.Path(f"{site.lab.bpffs}-other")
        second = Pointsman(site.lab, attach=attach, name="second", daemon={"bpffs": str(other)})
        assert_refused(second.run_to_end(), "eth0", f"pointsman (pid {site.daemon.process.pid})")
        assert not other.exists()
        assert site.lab.client.answers(site.address, 80)


def test_the_datapath_of_a_killed_daemon_with_another_directory_is_in_the_way(attach: str) -> None:
    with running(attach) as site:
        assert site.daemon.process is not None
        site.daemon.process.kill()
        other = pathlib.Path(f"{site.lab.bpffs}-other")
        second = Pointsman(site.lab, attach=attach, name="second", daemon={"bpffs": str(other)})
        assert_refused(second.run_to_end(), "eth0", "pm_xdp (id" if attach == "native" else "pm_tc (id", "pointsman detach")
        assert not other.exists()
        assert site.lab.client.answers(site.address, 80)


def test_a_foreign_xdp_program_is_named() -> None:
    with Lab(physical=True) as lab:
        lab.balancer.run("ip", "link", "set", "eth0", "xdp", "obj", paths.xdp_pass(), "sec", "xdp")
        assert_refused(Pointsman(lab, attach="native").run_to_end(), "eth0", "pass (id ", "xdp off")
        lab.balancer.run("ip", "link", "set", "eth0", "xdp", "off")


# detach.

def test_detach_beside_a_running_daemon_is_refused_and_says_who_runs(attach: str) -> None:
    with running(attach) as site:
        assert site.daemon.process is not None
        before = site.daemon.attached()
        done = site.daemon.command("detach")
        assert done.returncode == 6
        assert f"pointsman (pid {site.daemon.process.pid})" in done.stderr
        assert site.daemon.attached() == before


def test_detach_after_a_kill_leaves_nothing_and_may_be_repeated(attach: str) -> None:
    with running(attach) as site:
        assert site.daemon.process is not None
        site.daemon.process.kill()
        for _ in range(2):
            done = site.daemon.command("detach")
            assert (done.returncode, site.daemon.attached()) == (0, []), done.stderr
        assert not site.lab.client.answers(site.address, 80)
        site.daemon.start().ready()
        assert site.daemon.audit(kind="start")[-1]["tables"] == "fresh"


def test_a_start_that_fails_after_it_took_over_leaves_the_old_datapath() -> None:
    """The second interface has a foreign XDP program: the first one goes on."""
    with running("native", two_legs=True) as site:
        assert site.daemon.process is not None
        held = HeldConnections(site.lab.client, site.address, count=8, interval_ms=20)
        os.kill(site.daemon.process.pid, signal.SIGKILL)
        site.daemon.process.wait(5)
        site.lab.balancer.run("ip", "link", "add", "spare", "type", "veth", "peer", "name", "spare-peer")
        site.lab.balancer.run("ip", "link", "set", "spare", "up")
        site.lab.balancer.run("ip", "link", "set", "spare", "xdp", "obj", paths.xdp_pass(), "sec", "xdp")
        interfaces = site.daemon.tables["datapath"]["interfaces"]
        site.daemon.tables["datapath"] = {**site.daemon.tables["datapath"], "interfaces": [*site.lab.interfaces, "spare"]}
        site.daemon.write()
        refused(site, "spare", "pass (id ")
        site.daemon.tables["datapath"] = {**site.daemon.tables["datapath"], "interfaces": interfaces}
        site.daemon.write()
        site.daemon.start().ready()
        assert [h for h in held.release() if h.broke_ns] == []
        site.lab.balancer.run("ip", "link", "del", "spare")
