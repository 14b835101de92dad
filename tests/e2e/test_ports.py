"""Services with a range of ports."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from conftest import physical

from lab import Lab, Nginx, Pointsman, Service, UdpEcho, Way

FIRST, LAST = 8000, 8003
RANGE = f"{FIRST}-{LAST}"
PORTS = range(FIRST, LAST + 1)
WAYS = [Way("nat"), Way("nat", v6=True), Way("dsr"), Way("ipip"), Way("gue", v6=True)]


@pytest.fixture(params=WAYS, ids=str)
def ranged(attach: str, request: pytest.FixtureRequest) -> Iterator[tuple[Lab, Way]]:
    """Backends without a port, and for nat a service whose backends name one."""
    way = request.param
    with Lab(physical=physical(attach)) as lab:
        way.prepare(lab)
        for host in lab.backends:
            Nginx(host, ports=[*PORTS, 80])
        listed = [{"name": host.name, "address": way.address(host)} for host in lab.backends]
        address = way.service(lab)
        services = [
            Service("range", address, listed, port=RANGE, keys=way.keys),
            Service("names", address, listed, port=RANGE, protocol="udp", keys=way.keys, check={"type": "none"}),
        ]
        if way.translates:
            services.append(Service("one", address, [{**backend, "port": 80} for backend in listed], port="9000-9003",
                                    keys=way.keys))
        Pointsman(lab, services, attach=attach).start().ready()
        yield lab, way


def test_each_port_leads_to_the_same_port_of_a_backend(ranged: tuple[Lab, Way]) -> None:
    lab, way = ranged
    for port in PORTS:
        assert lab.client.get(way.service(lab), port, "/port").decode().split() == [str(port)]


def test_ports_beside_the_range_lead_nowhere(ranged: tuple[Lab, Way]) -> None:
    lab, way = ranged
    for port in (FIRST - 1, LAST + 1):
        with pytest.raises(OSError):
            lab.client.connect(way.service(lab), port, timeout=0.3)


@pytest.mark.parametrize("ranged", [way for way in WAYS if way.translates], ids=str, indirect=True)
def test_backends_that_name_a_port_serve_the_whole_range_there(ranged: tuple[Lab, Way]) -> None:
    lab, way = ranged
    for port in range(9000, 9004):
        assert lab.client.get(way.service(lab), port, "/port").decode().split() == ["80"]


def test_udp_answers_come_from_the_port_that_was_asked(ranged: tuple[Lab, Way]) -> None:
    lab, way = ranged
    for port in PORTS:
        echoes = [UdpEcho(host, port, way.address(host) if way.translates else way.service(lab)) for host in lab.backends]
        family = socket.AF_INET6 if way.v6 else socket.AF_INET
        with lab.client.socket(socket.SOCK_DGRAM, family) as client:
            client.settimeout(2)
            client.connect((way.service(lab), port))
            client.send(b"hello")
            assert client.recv(100).endswith(b"hello")
        for echo in echoes:
            echo.close()
