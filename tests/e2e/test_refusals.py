"""What the daemon refuses to start with: one clear line that names the remedy, exit 1, and nothing left attached."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from conftest import running

from lab import Lab, Pointsman, paths

BAD = """\
[datapath]
interfaces = ["eth0"]

[[service]]
name = "web"
address = "10.77.0.100"
port = 80

[[service.backend]]
name = "b1"
adress = "10.77.0.2"
port = 99999
"""


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1, (done.returncode, done.stderr)
    complaints = [line for line in done.stderr.splitlines() if re.search(r"\b(error|critical)\b", line)]
    assert len(complaints) == 1, done.stderr
    assert all(word in complaints[0] for word in words), complaints[0]


def test_a_missing_interface() -> None:
    with Lab() as lab:
        daemon = Pointsman(lab, datapath={"interfaces": ["eth0", "eth9"]}, attach="tc")
        assert_refused(daemon.run_to_end(), "eth9")
        assert daemon.attached() == []


def test_a_foreign_xdp_program_on_the_interface_is_left_where_it_is() -> None:
    with Lab(physical=True) as lab:
        lab.balancer.run("ip", "link", "set", "eth0", "xdp", "obj", paths.xdp_pass(), "sec", "xdp")
        before = lab.balancer.run("bpftool", "-j", "net", "show", "dev", "eth0").stdout
        daemon = Pointsman(lab, attach="native")
        assert_refused(daemon.run_to_end(), "eth0", "XDP")
        assert lab.balancer.run("bpftool", "-j", "net", "show", "dev", "eth0").stdout == before
        lab.balancer.run("ip", "link", "set", "eth0", "xdp", "off")
        assert daemon.attached() == []


@pytest.mark.parametrize("attach", ["tc", "native"])
def test_a_bpffs_directory_that_is_not_on_a_bpffs(attach: str) -> None:
    with Lab(physical=attach == "native") as lab:
        daemon = Pointsman(lab, attach=attach, daemon={"bpffs": str(lab.folder / "plain")})
        assert_refused(daemon.run_to_end(), str(lab.folder), "mount")
        assert daemon.attached() == []


@pytest.mark.parametrize(("place", "word"), [("", "the BPF file system itself"), ("pm-none/a", "there is no directory")])
def test_a_bpffs_directory_that_cannot_be_made(place: str, word: str) -> None:
    with Lab() as lab:
        daemon = Pointsman(lab, attach="tc", daemon={"bpffs": str(lab.bpffs.parent / place)})
        assert_refused(daemon.run_to_end(), "daemon.bpffs", word)
        assert daemon.attached() == []


def test_a_control_path_that_is_no_socket_is_left_alone() -> None:
    with Lab() as lab:
        file = lab.folder / "notes"
        file.write_text("mine")
        daemon = Pointsman(lab, attach="tc", daemon={"control": str(file)})
        assert_refused(daemon.run_to_end(), str(file), "not a socket")
        assert file.read_text() == "mine"


def test_an_audit_file_that_cannot_be_written() -> None:
    with Lab() as lab:
        folder = lab.folder / "audit-is-a-folder"
        folder.mkdir()
        daemon = Pointsman(lab, attach="tc", log={"audit": str(folder)})
        assert_refused(daemon.run_to_end(), str(folder))
        assert daemon.attached() == []


def test_a_second_daemon_on_the_same_socket_leaves_the_first_alone(attach: str) -> None:
    with running(attach) as site:
        before = site.daemon.attached()
        second = Pointsman(site.lab, attach=attach, name="second", daemon={"control": str(site.daemon.control)})
        assert_refused(second.run_to_end(), str(site.daemon.control))
        assert site.daemon.attached() == before
        assert site.lab.client.answers(site.address, 80)
        assert site.daemon.status()["services"][0]["healthy"] == 2


def test_a_socket_left_by_a_killed_daemon_is_no_obstacle() -> None:
    with running("tc") as site:
        assert site.daemon.process is not None
        site.daemon.process.kill()
        assert site.daemon.control.exists()
        site.daemon.start().ready()
        assert site.lab.client.answers(site.address, 80)


def test_check_reports_every_error_with_its_place_and_exits_3() -> None:
    with Lab() as lab:
        daemon = Pointsman(lab)
        daemon.write(BAD)
        done = daemon.command("check")
        assert done.returncode == 3
        assert f"{daemon.config}:11:1: error: unknown key `adress`" in done.stderr
        assert "did you mean `address`?" in done.stderr
        assert f"{daemon.config}:12:8: error:" in done.stderr


def test_check_accepts_what_the_lab_runs_with() -> None:
    with Lab() as lab:
        daemon = Pointsman(lab)
        done = daemon.command("check")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(daemon.command("check", "--json").stdout)["schema"] == "pointsman.check/1"


def test_run_with_a_bad_file_exits_3_and_attaches_nothing() -> None:
    with Lab() as lab:
        daemon = Pointsman(lab)
        daemon.write(BAD)
        done = daemon.run_to_end()
        assert done.returncode == 3
        assert f"{daemon.config}:11:1: error:" in done.stderr
        assert daemon.attached() == []


@pytest.mark.parametrize("words", [[], ["no-such-command"], ["status", "--no-such-option"]])
def test_wrong_usage_exits_2(words: list[str]) -> None:
    done = subprocess.run([paths.pointsman(), *words], capture_output=True, text=True, timeout=5)
    assert done.returncode == 2
    assert done.stderr


def test_a_pipe_in_place_of_a_configuration_is_refused_at_once() -> None:
    with Lab() as lab:
        daemon = Pointsman(lab, attach="tc")
        daemon.config.unlink(missing_ok=True)
        os.mkfifo(daemon.config)
        done = daemon.command("check")
        assert done.returncode == 3
        assert f"{daemon.config}: error: cannot be read: Not a regular file" in done.stdout + done.stderr
