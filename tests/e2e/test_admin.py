"""What an operator's commands do to new flows and to established ones."""

from __future__ import annotations

import os
import socket
import time

import pytest
from conftest import Site

from lab import ConnectClient, HeldConnections

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"


def ask(connection: socket.socket) -> str:
    """The backend that answers."""
    connection.sendall(REQUEST)
    answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return answer.split()[-1].decode()


def backends_of_new_connections(site: Site) -> set[str]:
    connections = ConnectClient(site.lab.client, site.address, count=300, seconds=10).finish()
    assert [c for c in connections if c.hurt] == []
    return {c.backend for c in connections}


def order(site: Site, command: str, backend: str, state: str) -> None:
    done = site.daemon.command(command, f"web/{backend}")
    assert done.returncode == 0, done.stderr
    site.daemon.wait_for_state(backend, state)


def test_a_draining_backend_keeps_its_connections_and_takes_no_new_ones(site: Site) -> None:
    held = HeldConnections(site.lab.client, site.address, count=32, interval_ms=20)
    with site.lab.client.connect(site.address, 80) as connection:
        drained = ask(connection)
        order(site, "drain", drained, "drain")
        assert backends_of_new_connections(site) == {site.other(drained)}
        assert ask(connection) == drained
    assert [h for h in held.release() if h.broke_ns] == []


def test_maint_cuts_the_established_connections(site: Site) -> None:
    with site.lab.client.connect(site.address, 80) as connection:
        victim = ask(connection)
        order(site, "maint", victim, "maint")
        asked = time.monotonic()
        with pytest.raises(ConnectionResetError):
            ask(connection)
        assert time.monotonic() - asked < 0.1
    assert backends_of_new_connections(site) == {site.other(victim)}


def test_maint_leaves_the_other_backends_connections_alone(site: Site) -> None:
    held = HeldConnections(site.lab.client, site.address, count=32, interval_ms=20)
    order(site, "maint", "b1", "maint")
    report = held.release()
    assert {h.backend for h in report} == {"b1", "b2"}
    assert {h.backend for h in report if h.broke_ns} == {"b1"}
    assert {h.result for h in report if h.broke_ns} == {"reset"}


@pytest.mark.parametrize("command", ["drain", "maint"])
def test_ready_returns_a_backend(site: Site, command: str) -> None:
    order(site, command, "b1", command)
    assert backends_of_new_connections(site) == {"b2"}
    order(site, "ready", "b1", "up")
    assert backends_of_new_connections(site) == {"b1", "b2"}


def test_a_command_is_in_the_audit_trail_with_its_actor_and_reason(site: Site) -> None:
    before = time.monotonic_ns()
    done = site.daemon.command("drain", "web/b1", "--reason", "new kernel")
    assert done.returncode == 0, done.stderr
    record = site.daemon.wait_for_audit(before, kind="admin", backend="b1")
    assert record["actor"]["uid"] == os.geteuid()
    assert "new kernel" in str(record)


def test_a_command_for_an_unknown_backend_is_refused(site: Site) -> None:
    done = site.daemon.command("drain", "web/b9")
    assert done.returncode in (1, 2, 6)
    assert "b9" in done.stderr
    assert done.stdout == ""


def test_status_without_a_daemon_says_so(site: Site) -> None:
    site.daemon.stop()
    done = site.daemon.command("status", "--json")
    assert done.returncode == 5
    assert str(site.daemon.control) in done.stderr
