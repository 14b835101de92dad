"""Faults of the balancer's own: no backend changes its state for one, an alarm says what happened, and that it is over."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

from conftest import Site, running

from lab import ConnectClient, Lab, paths
from lab.host import Host
from lab.pointsman import Record, Service, web
from lab.waiting import wait_until

FAST = {"interval": "100ms", "down_interval": "100ms"}
NO_TIME_WAIT = struct.pack("ii", 1, 0)
FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def web_whose_probes_open_sockets(lab: Lab) -> list[Service]:
    """Of a check that reads the body; the simpler ones go on with the sockets that they have."""
    return [replace(web(lab), check={"type": "http", "path": "/healthz", "expect_body": "ok"})]


def states(site: Site) -> dict[str, str]:
    return {backend["name"]: backend["state"] for backend in site.daemon.status()["services"][0]["backends"]}


def moved(site: Site, since: int) -> list[Record]:
    """Records of backends that changed their state."""
    health = [record for record in site.daemon.audit(since, kind="health") if record["was"] != record["now"]]
    return health + [record for record in site.daemon.audit(since, kind="publish")
                     if any(change["kind"] == "backend" for change in record["changes"])]


def alarm(site: Site, since: int, because: str) -> Record:
    """The alarm, which the status and the metrics show too."""
    found = site.daemon.wait_for_audit(since, kind="alarm", because=because, timeout=15)
    assert [a["text"] for a in site.daemon.status()["alarms"] if a["because"] == because] != [], "not in the status"
    assert f"ALARM {because}: " in site.daemon.command("status").stdout
    interface = found.get("interface", "")
    assert site.daemon.metrics()[f'pointsman_alarm{{because="{because}",interface="{interface}"}}'] == 1
    return found


def over(site: Site, since: int, because: str, timeout: float = 15) -> Record:
    found = site.daemon.wait_for_audit(since, kind="alarm_over", because=because, timeout=timeout)
    wait_until(lambda: all(a["because"] != because for a in site.daemon.status()["alarms"]), "no alarm is left")
    return found


def probes(site: Site) -> float:
    return sum(value for name, value in site.daemon.metrics().items() if name.startswith("pointsman_probe_results_total"))


def wait_for_probes(site: Site, count: int) -> None:
    before = probes(site)
    wait_until(lambda: probes(site) >= before + count, f"{count} more probes", timeout=15)


def test_a_process_that_stood_still_judges_nobody_by_the_probes_of_that_time() -> None:
    """Probes are under way when the process stops, and their deadlines are long past when it goes on."""
    with running("tc", health={**FAST, "timeout": "200ms"}) as site:
        assert site.daemon.process is not None
        pid = site.daemon.process.popen.pid
        client = ConnectClient(site.lab.client, site.address)
        for _ in range(3):
            before = time.monotonic_ns()
            os.kill(pid, signal.SIGSTOP)
            with contextlib.ExitStack() as stack:
                stack.callback(os.kill, pid, signal.SIGCONT)
                wait_until(lambda: time.monotonic_ns() - before > 4e9, "four seconds of standstill", timeout=8)
            wait_for_probes(site, 10)
            assert moved(site, before) == []
        stood = alarm(site, 0, "stood_still")
        assert 3_500 < stood["stood_still_ms"] < 8_000
        assert "stood still for " in stood["text"] and "SIGSTOP" in stood["text"]
        assert states(site) == {"b1": "up", "b2": "up"}
        client.stop()
        assert client.hurt() == [], "packets went on meanwhile"


def test_a_wall_clock_that_is_set_by_a_year_changes_nothing_but_the_time_of_records() -> None:
    with running("tc", health=FAST) as site:
        site.daemon.stop()
        clock = site.lab.folder / "clock"
        clock.write_text("+0")
        site.daemon.start(LD_PRELOAD=f"{paths.real_timers()}:{FAKETIME}", FAKETIME_TIMESTAMP_FILE=str(clock),
                          FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1", NO_FAKE_STAT="1").ready()
        deadline = site.daemon.command("drain", "web/b2", "--deadline", "60s")
        assert deadline.returncode == 0, deadline.stderr
        year = 365 * 24 * 3600
        for offset, step in ((f"+{year}", year), ("+0", -year)):
            before = time.monotonic_ns()
            clock.write_text(offset)
            told = wait_until(lambda: site.daemon.audit(before, kind="alarm", because="clock_step") or
                              site.daemon.status()["alarms"], "the alarm")
            assert told, "no alarm"
            wait_for_probes(site, 10)
            assert moved(site, before) == []
            assert states(site) == {"b1": "up", "b2": "drain"}
            if step > 0:
                record = alarm(site, before, "clock_step")
                assert abs(record["clock_step_ms"] / 1000 - step) < 5, record
                assert "forward" in record["text"]
        assert site.daemon.status()["alarms"][0]["times"] == 2, "back again within a minute is the same alarm"
        records = site.daemon.audit()
        assert [r["seq"] for r in records] == list(range(1, len(records) + 1))
        assert sorted(r["mono_ns"] for r in records) == [r["mono_ns"] for r in records]


@contextlib.contextmanager
def open_files_limited(pid: int) -> Iterator[None]:
    """As many as it has open now, and no more."""
    limits = subprocess.run(["prlimit", f"--pid={pid}", "--nofile", "--output=SOFT,HARD", "--noheadings", "--raw"],
                            capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["prlimit", f"--pid={pid}", "--nofile=3:" + limits[1]], check=True)
    try:
        yield
    finally:
        subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={limits[0]}:{limits[1]}"], check=True)


def test_descriptors_that_run_out_eject_nobody_and_the_daemon_lives_on() -> None:
    with running("tc", web_whose_probes_open_sockets, health=FAST) as site:
        assert site.daemon.process is not None
        pid = site.daemon.process.popen.pid
        before = time.monotonic_ns()
        backend = site.lab.backends[0]
        with open_files_limited(pid):
            found = site.daemon.wait_for_audit(before, kind="alarm", because="no_descriptors")
            # What netlink tells must not take a descriptor either.
            site.lab.balancer.run("ip", "link", "add", "dummy7", "type", "dummy", check=False)
            site.lab.balancer.run("ip", "neigh", "del", backend.address, "dev", "eth0", check=False)
            site.lab.client.get(site.address, 80)
            wait_until(lambda: time.monotonic_ns() - before > 3e9, "three seconds without descriptors")
        assert found["errno"] == 24 and "LimitNOFILE" in found["text"]
        assert over(site, before, "no_descriptors")["times"] > 10
        assert moved(site, before) == [] and states(site) == {"b1": "up", "b2": "up"}


def test_probes_that_keep_their_sockets_go_on_without_descriptors() -> None:
    """Those that only connect, or read no more than a status."""
    with running("tc", health=FAST) as site:
        assert site.daemon.process is not None
        wait_for_probes(site, 10)
        before = time.monotonic_ns()
        with open_files_limited(site.daemon.process.popen.pid):
            for backend in site.lab.backends:
                first = connections_taken(backend)
                wait_until(lambda: connections_taken(backend) >= first + 10, f"{backend.name} is probed", timeout=15)
        assert moved(site, before) == [] and states(site) == {"b1": "up", "b2": "up"}


def connections_taken(host: Host) -> int:
    found = re.search(r"TcpPassiveOpens +([0-9]+)", host.run("nstat", "-asz", "TcpPassiveOpens").stdout)
    assert found is not None
    return int(found[1])


def test_ports_that_run_out_eject_nobody() -> None:
    with running("tc", health=FAST) as site:
        balancer, b1 = site.lab.balancer, site.lab.backends[0]
        before = time.monotonic_ns()
        balancer.sysctl("net.ipv4.ip_local_port_range", "40000 40003")
        with contextlib.ExitStack() as held:
            def hold() -> bool:
                """All ports towards b1, some of which a probe may just have."""
                with contextlib.suppress(OSError):
                    connection = held.enter_context(balancer.connect(b1.address, 80))
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_TIME_WAIT)
                return bool(site.daemon.audit(before, kind="alarm", because="no_ports"))

            wait_until(hold, "the alarm", timeout=15)
            found = alarm(site, before, "no_ports")
            wait_for_probes(site, 20)
        assert found["errno"] == 99 and "ip_local_port_range" in found["text"] and b1.address in found["text"]
        over(site, before, "no_ports")
        assert moved(site, before) == [] and states(site) == {"b1": "up", "b2": "up"}


def test_our_own_link_that_is_down_for_long_ejects_nobody() -> None:
    with running("tc", two_legs=True, health={**FAST, "timeout": "200ms"}) as site:
        balancer = site.lab.balancer
        before = time.monotonic_ns()
        balancer.run("ip", "link", "set", "eth1", "down")
        found = alarm(site, before, "own_link_down")
        assert "eth1" in found["text"]
        wait_until(lambda: time.monotonic_ns() - before > 6e9, "six seconds, thrice as long as a hold", timeout=10)
        balancer.run("ip", "link", "set", "eth1", "up")
        over(site, before, "own_link_down")
        over(site, before, "interface_down")
        wait_for_probes(site, 10)
        wait_until(lambda: time.monotonic_ns() - before > 11e9, "the hold is over", timeout=10)
        assert moved(site, before) == [] and states(site) == {"b1": "up", "b2": "up"}
        wait_until(lambda: site.lab.client.answers(site.address, 80), "clients are served")


def test_a_backend_that_died_while_our_link_was_down_is_found_when_it_is_back() -> None:
    with running("tc", two_legs=True, health={**FAST, "timeout": "200ms"}) as site:
        balancer = site.lab.balancer
        before = time.monotonic_ns()
        balancer.run("ip", "link", "set", "eth1", "down")
        alarm(site, before, "own_link_down")
        site.nginx["b1"].kill()
        wait_until(lambda: site.daemon.audit(before, kind="health", backend="b2", measured="down"), "probes fail")
        balancer.run("ip", "link", "set", "eth1", "up")
        wait_until(lambda: states(site) == {"b1": "down", "b2": "up"}, "b1 is down", timeout=15)
        assert {change["backend"] for record in site.daemon.audit(before, kind="publish") for change in record["changes"]
                if change["kind"] == "backend"} == {"b1"}


def test_somebody_else_at_the_socket_is_no_fault_of_ours() -> None:
    """Connections to the control socket use descriptors too: with none left they wait, and are served afterwards."""
    with running("tc", web_whose_probes_open_sockets, health=FAST) as site:
        assert site.daemon.process is not None
        with contextlib.ExitStack() as stack:
            with open_files_limited(site.daemon.process.popen.pid):
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
                waiting.settimeout(10)
                waiting.connect(str(site.daemon.control))
                waiting.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                before = time.monotonic_ns()
                site.daemon.wait_for_audit(before, kind="alarm", because="no_descriptors")
            assert waiting.recv(64).startswith(b"HTTP/1.0 200")
