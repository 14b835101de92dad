"""The types of checks through the real binary, against real servers; hostile ones are in test_hostile.py."""

from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import Iterator

from lab import Lab, Nginx, Pointsman, Service, UdpEcho, self_signed, wait_until

FAST = {"interval": "100ms", "down_interval": "100ms"}


@contextlib.contextmanager
def daemon_with(lab: Lab, service: Service) -> Iterator[Pointsman]:
    daemon = Pointsman(lab, [service], attach="tc", health=FAST).start()
    try:
        daemon.wait_for_audit(kind="attach")
        yield daemon
    except BaseException:
        print(f"--- pointsman's log\n{daemon.log()}")
        raise
    finally:
        daemon.stop()


def service(lab: Lab, check: object, port: int = 80, **keys: object) -> Service:
    backends = [(host.name, host.address, port) for host in lab.backends]
    return Service("web", lab.service_address, backends, port=port, check=check, **keys)  # type: ignore[arg-type]


def test_an_https_check_verifies_the_certificate_and_names_what_is_wrong_with_it() -> None:
    with Lab() as lab:
        b1, b2 = lab.backends
        good = self_signed(lab.folder, "www.example.org", b1.address)
        Nginx(b1, certificate=good)
        Nginx(b2, certificate=self_signed(lab.folder, "other.example.org", b2.address))
        check = {"type": "https", "path": "/healthz", "expect_body": "ok", "sni": "www.example.org", "ca_file": str(good[0])}
        with daemon_with(lab, service(lab, check, port=443)) as daemon:
            assert daemon.wait_for_state("b1", "up")["last_probe"]["outcome"] == "L7OK"
            down = daemon.wait_for_audit(kind="health", backend="b2", now="down")
            assert (down["because"], down["check"]) == ("l6_invalid", "https")
            assert down["evidence"][-1]["text"].startswith("certificate: ")
            assert daemon.wait_for_state("b2", "down")["last_probe"]["outcome"] == "L6RSP"


def test_a_backend_that_asks_for_it_by_one_of_its_checks_drains() -> None:
    with Lab() as lab:
        for host in lab.backends:
            Nginx(host)
        checks = [{"type": "tcp"}, {"type": "http", "path": "/missing", "drain_status": "404"}]
        with daemon_with(lab, service(lab, checks)) as daemon:
            backend = daemon.wait_for_state("b1", "drain")
            assert (backend["admin"], backend["eligible"]) == ("ready", False)
            assert {check["name"]: check["state"] for check in backend["checks"]} == {"tcp": "up", "http": "drain"}
            record = daemon.wait_for_audit(kind="health", backend="b1", now="drain")
            assert (record["measured"], record["was"]) == ("drain", "down")


def test_a_udp_check_finds_a_closed_port_at_once_and_an_answer_when_it_comes_back() -> None:
    with Lab() as lab:
        b1, b2 = lab.backends
        check = {"type": "udp", "send": "hello", "expect_regex": r"^b\d \d+ hello$", "timeout": "2s"}
        udp = service(lab, check, port=5353, protocol="udp")
        with UdpEcho(b2), daemon_with(lab, udp) as daemon:
            with UdpEcho(b1):
                daemon.ready()
                closed = time.monotonic_ns()
            down = daemon.wait_for_audit(closed, kind="health", backend="b1", now="down")
            assert down["because"] == "l4_refused"
            assert (down["mono_ns"] - closed) / 1e6 < 1500
            with UdpEcho(b1):
                daemon.wait_for_state("b1", "up")


def test_a_backend_is_up_while_all_its_checks_pass_and_the_one_that_fails_is_named() -> None:
    with Lab() as lab:
        for host in lab.backends:
            Nginx(host)
        flag, script = lab.folder / "lagging-b1", lab.folder / "probe"
        script.write_text(f'#!/bin/sh\necho "$POINTSMAN_SERVICE/$POINTSMAN_BACKEND at $POINTSMAN_ADDRESS"\n'
                          f'grep -q CapEff:.0000000000000000 /proc/self/status || exit 9\n'
                          f'test ! -e {lab.folder}/lagging-$POINTSMAN_BACKEND\n')
        script.chmod(0o755)
        checks = [{"type": "http", "path": "/healthz"}, {"name": "lag", "type": "exec", "command": [str(script)]}]
        with daemon_with(lab, service(lab, checks)) as daemon:
            daemon.ready()
            flag.touch()
            down = daemon.wait_for_audit(kind="health", backend="b1", now="down")
            assert (down["because"], down["check"]) == ("l7_status", "lag")
            evidence = down["evidence"][-1]
            assert (evidence["status"], evidence["text"]) == (1, f"web/b1 at {lab.backends[0].address}")
            states = {check["name"]: check["state"] for check in daemon.wait_for_state("b1", "down")["checks"]}
            assert states == {"http": "up", "lag": "down"}
            assert "l7_status by lag" in daemon.command("status").stdout
            told = daemon.metrics()
            of = {check: f'{{service="web",backend="b1",check="{check}"}}' for check in ("http", "lag")}
            assert [told["pointsman_check_up" + of[check]] for check in of] == [1, 0]
            assert told["pointsman_check_failed_in_row" + of["lag"]] >= 3 > told["pointsman_check_failed_in_row" + of["http"]]
            assert 0 < told["pointsman_check_last_duration_seconds" + of["lag"]] < 1
            flag.unlink()
            daemon.wait_for_state("b1", "up")


def test_a_program_that_hangs_is_killed_with_all_it_started_and_leaves_no_zombie() -> None:
    with Lab(backends=1) as lab:
        Nginx(lab.backends[0])
        pids = lab.folder / "pids"
        command = ["/bin/sh", "-c", f"sleep 1000 & echo $! >> {pids}; wait"]
        with daemon_with(lab, service(lab, {"type": "exec", "command": command, "timeout": "200ms"})) as daemon:
            down = daemon.wait_for_audit(kind="health", backend="b1", now="down")
            assert down["because"] == "l7_timeout"
            killed = [int(pid) for pid in pids.read_text().split()]
            wait_until(lambda: not any(alive(pid) for pid in killed), "the grandchildren are gone")
            assert daemon.process is not None
            wait_until(lambda: zombies_of(daemon.process.pid) == [], "the children are reaped", interval=0.01)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def zombies_of(pid: int) -> list[str]:
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    states = {}
    for child in children:
        with contextlib.suppress(OSError):
            states[child] = pathlib.Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
    return [child for child, state in states.items() if state == "Z"]
