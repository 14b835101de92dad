"""What may go wrong beside a daemon that serves: its log's reader, its disk, those who ask it. It goes on, and says so."""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
from collections.abc import Iterator

import pytest
from conftest import Site, running

from lab import Lab, Nginx, Pointsman, Service, paths
from lab.waiting import wait_until


@pytest.fixture
def small(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A disk of 64 KiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def fill(disk: pathlib.Path) -> pathlib.Path:
    file = disk / "fill"
    with pytest.raises(OSError), file.open("wb", 0) as filling:
        while True:
            filling.write(b"x" * 512)
    return file


def alarms(daemon: Pointsman) -> dict[str, str]:
    return {alarm["because"]: alarm["text"] for alarm in daemon.status()["alarms"]}


def test_a_full_disk_is_an_alarm_until_there_is_room(small: pathlib.Path) -> None:
    with Lab() as lab:
        for host in lab.backends:
            Nginx(host)
        tables = {"log": {"audit": str(small / "audit.jsonl")}, "daemon": {"state_dir": str(small / "state")}}
        daemon = Pointsman(lab, attach="tc", **tables).start().ready()
        file = fill(small)
        try:
            for number in range(40):  # until its last page is full, too
                assert daemon.command("weight", "web/b1", str(number + 1)).returncode == 0
            wait_until(lambda: {"audit_not_written", "state_not_saved"} <= set(alarms(daemon)), "both alarms", 5)
            assert "No space left on device" in alarms(daemon)["audit_not_written"]
            assert "No space left on device" in alarms(daemon)["state_not_saved"]
            told = [line for line in daemon.log().splitlines() if " error " in line]
            assert len(told) == 2 and {"log.audit:" in line for line in told} == {True, False}, told
            assert lab.client.answers(lab.service_address, 80)
            file.unlink()
            assert daemon.command("ready", "web/b1").returncode == 0
            wait_until(lambda: alarms(daemon) == {}, "no alarm is left", 5)
            kinds = [json.loads(line)["kind"] for line in (small / "audit.jsonl").read_text().splitlines()]
            assert "lost" in kinds and kinds[-1] == "alarm_over"
        finally:
            assert daemon.stop() == 0


def test_a_limit_on_the_size_of_files_does_not_end_the_daemon() -> None:
    with running("tc") as site:
        assert site.daemon.process is not None
        subprocess.run(["prlimit", "--pid", str(site.daemon.process.pid), "--fsize=100:unlimited"], check=True)
        assert site.daemon.command("drain", "web/b1").returncode == 0
        wait_until(lambda: "audit_not_written" in alarms(site.daemon), "the alarm", 5)
        assert "File too large" in alarms(site.daemon)["audit_not_written"]
        subprocess.run(["prlimit", "--pid", str(site.daemon.process.pid), "--fsize=unlimited:unlimited"], check=True)


def test_a_reader_of_the_log_that_is_gone_does_not_end_the_daemon() -> None:
    with Lab() as lab:
        for host in lab.backends:
            Nginx(host)
        daemon = Pointsman(lab, attach="tc")
        script = f"exec 2> >(exec true); exec {paths.pointsman()} run -c {daemon.config}"
        daemon.process = lab.balancer.start("bash", "-c", script, log="daemon.log")
        daemon.ready()
        assert daemon.command("drain", "web/b1").returncode == 0
        assert lab.client.answers(lab.service_address, 80)
        assert daemon.stop() == 0
        assert daemon.attached() == []


def test_a_daemon_that_stands_still_is_waited_for_and_told_of() -> None:
    with running("tc") as site:
        assert site.daemon.process is not None
        site.daemon.process.popen.send_signal(signal.SIGSTOP)
        try:
            asking = site.lab.balancer.start(str(paths.pointsman()), "status", "--control", site.daemon.control, log="asking.log")
            wait_until(lambda: "has not answered yet; waiting up to 30 s" in asking.text(), "a word about it", 5)
        finally:
            site.daemon.process.popen.send_signal(signal.SIGCONT)
        assert asking.wait(10) == 0 and "web  " in asking.text()


def test_what_stdout_does_not_take_is_a_failure(site: Site) -> None:
    command = f"{paths.pointsman()} status --control {site.daemon.control} > /dev/full"
    done = site.lab.balancer.run("sh", "-c", command, check=False)
    assert done.returncode == 1 and "No space left on device" in done.stderr


def test_events_are_followed_over_a_rotation_by_rename() -> None:
    with running("tc") as site:
        following = site.lab.balancer.start(str(paths.pointsman()), "events", "-f", "--control", site.daemon.control,
                                            log="following.log")
        wait_until(lambda: "#1  start" in following.text(), "the first record", 5)
        old = site.daemon.audit_file.rename(site.daemon.audit_file.with_suffix(".1"))
        site.daemon.command("drain", "web/b1", "--reason", "after the rotation")
        wait_until(lambda: "after the rotation" in following.text(), "a record of the new file", 5)
        site.daemon.audit_file.write_text(old.read_text() + site.daemon.audit_file.read_text())  # for replay
        assert following.stop() != 1


def test_the_status_is_a_page_for_browsers_too() -> None:
    with running("tc", daemon={"http": "127.0.0.1:9470"}) as site:
        page = site.lab.balancer.run("curl", "-sfi", "http://127.0.0.1:9470/").stdout
        assert "Content-Type: text/html; charset=utf-8" in page
        assert '<tr><td>b1</td><td>10.77.0.2 port 80</td><td class="up">up</td><td>l7_ok</td>' in page


def test_an_order_with_a_member_that_nobody_reads_is_refused(site: Site) -> None:
    order = {"service": "web", "backend": "b1", "state": "drain"}
    assert "deadline" in str(site.daemon.ask("POST", "/v1/admin", {**order, "deadline": 60})["error"])
    assert site.daemon.ask("POST", "/v1/admin", {**order, "deadline_ms": "60"})["http_status"] == 400
    assert site.daemon.backend("b1")["admin"] == "ready"


def test_a_port_range_that_is_a_number_is_told_its_form() -> None:
    with Lab() as lab:
        daemon = Pointsman(lab, [Service("web", "10.77.0.100", [("b1", "10.77.0.2", 80)])], datapath={"nat_ports": 1024})
        done = daemon.command("check")
        assert done.returncode == 3 and '`nat_ports` must be a port range, found an integer' in done.stderr
