"""What does not fit on the way to a backend: its sender hears how long a packet may be, and goes on with shorter ones."""

from __future__ import annotations

import pytest
from conftest import physical

from lab import Lab, Nginx, Pointsman, Service

MTU = 1400


def _long_request(address: str) -> bytes:
    """Of several segments, whatever the MTU."""
    return f"GET /whoami HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Long: {'x' * 6000}\r\n\r\n".encode()


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_a_request_that_is_longer_than_the_way_to_the_backend_takes_arrives(attach: str, family: str) -> None:
    v6 = family == "v6"
    with Lab(physical=physical(attach)) as lab:
        address = lab.service_address6 if v6 else lab.service_address
        backends = []
        for backend in lab.backends:
            Nginx(backend)
            its = backend.address6 if v6 else backend.address
            lab.balancer.run("ip", "route", "add", its, "dev", "eth0", "mtu", str(MTU))
            backends.append((backend.name, its, 80))
        daemon = Pointsman(lab, [Service("web", address, backends)], attach=attach).start().ready()
        with lab.client.connect(address, 80) as connection:
            connection.sendall(_long_request(address))
            assert connection.recv(15).startswith(b"HTTP/1.1 200"), daemon.log()
        assert f"mtu {MTU}" in lab.client.run("ip", "route", "get", address).stdout
