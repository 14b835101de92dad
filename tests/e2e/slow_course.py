"""The main job where processors are emulated and seconds mean little: what happens, and not how soon. Run by
test_debian_kernel.py in a machine of its own, and by hand as `pytest tests/e2e/slow_course.py`."""

from __future__ import annotations

import socket
import time

import pytest
from conftest import physical

from lab import Lab, Nginx, Pointsman, Service, Way, wait_until

PATIENCE = 60.0  # seconds
CHECK = {"type": "http", "path": "/healthz", "interval": "1s", "timeout": "1s"}
REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"


def held_by(lab: Lab, backend: str) -> socket.socket:
    """A connection that this backend has answered on."""
    while True:
        connection = lab.client.connect(lab.service_address, 80, timeout=PATIENCE)
        connection.sendall(REQUEST)
        if connection.recv(4096).split()[-1].decode() == backend:
            return connection
        connection.close()


def goes_on(connection: socket.socket) -> bool:
    try:
        connection.sendall(REQUEST)
        return connection.recv(4096).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False


def answering(lab: Lab) -> set[str]:
    """The backends that forty new connections meet."""
    return {lab.client.get(lab.service_address, 80, timeout=PATIENCE).split()[-1].decode() for _ in range(40)}


@pytest.mark.parametrize("attach", ["tc", "native", "generic"])
def test_a_backend_dies_and_returns_and_a_successor_takes_over(attach: str) -> None:
    with Lab(physical=physical(attach)) as lab:
        nginx = {host.name: Nginx(host) for host in lab.backends}
        backends = [(host.name, host.address, 80) for host in lab.backends]
        daemon = Pointsman(lab, [Service("web", lab.service_address, backends, check=CHECK)], attach=attach)
        daemon.start().ready(PATIENCE)
        assert daemon.attached() != []
        assert answering(lab) == {"b1", "b2"}
        lost, kept = held_by(lab, "b1"), held_by(lab, "b2")

        killed = time.monotonic_ns()
        nginx["b1"].kill()
        down = daemon.wait_for_audit(killed, PATIENCE, kind="health", backend="b1", now="down")
        daemon.wait_for_audit(down["mono_ns"], PATIENCE, kind="publish")
        assert answering(lab) == {"b2"}
        assert (goes_on(lost), goes_on(kept)) == (False, True)

        nginx["b1"].start()
        daemon.wait_for_state("b1", "up", timeout=PATIENCE)
        wait_until(lambda: answering(lab) == {"b1", "b2"}, "both answer again", PATIENCE)

        assert daemon.process is not None
        daemon.process.kill()
        assert goes_on(kept)
        assert answering(lab) == {"b1", "b2"}
        daemon.start().ready(PATIENCE)
        assert goes_on(kept)
        assert answering(lab) == {"b1", "b2"}
        assert daemon.metrics()["pointsman_unaccounted_packets"] == 0

        assert daemon.stop() == 0
        assert daemon.attached() == []


def test_probes_take_the_services_way_and_find_what_others_would_not(attach: str) -> None:
    """The backend itself is well: only packets for the service's address do not reach anybody there."""
    way = Way("ipip")
    with Lab(physical=physical(attach)) as lab:
        way.prepare(lab)
        for host in lab.backends:
            Nginx(host)
        backends = [(host.name, host.address, 80) for host in lab.backends]
        service = Service("web", lab.service_address, backends, check=CHECK, keys=way.keys)
        daemon = Pointsman(lab, [service], attach=attach).start().ready(PATIENCE)
        assert answering(lab) == {"b1", "b2"}
        lab.backends[0].run("ip", "addr", "del", f"{lab.service_address}/32", "dev", "lo")
        daemon.wait_for_state("b1", "down", timeout=PATIENCE)
        assert answering(lab) == {"b2"}
        assert daemon.stop() == 0
        assert daemon.attached() == []
