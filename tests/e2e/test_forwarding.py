"""Traffic arrives, whole, at the backend it belongs to."""

from __future__ import annotations

import hashlib
import os
import pathlib
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator

import pytest
from conftest import Site, physical, running

from lab import ConnectClient, Lab, Pointsman, Service, UdpEcho, Wrk, wait_until

GIGABYTE = 1 << 30


def test_new_connections_are_spread_over_both_backends(site: Site) -> None:
    connections = ConnectClient(site.lab.client, site.address, count=2000, seconds=20).finish()
    assert [c for c in connections if c.hurt] == []
    shares = Counter(c.backend for c in connections)
    assert set(shares) == {"b1", "b2"}
    assert min(shares.values()) > 0.35 * len(connections), shares


def test_keep_alive_load_is_served_without_an_error(site: Site) -> None:
    report = Wrk(site.lab.client, site.address, seconds=2).finish()
    assert report.failed == 0, report
    assert report.requests > 1000, report


def test_backends_see_the_balancer_as_client_with_a_port_of_the_nat_range(site: Site) -> None:
    address, port = site.lab.client.get(site.address, 80, "/whoami").decode().split()
    assert address == site.lab.balancer.address
    assert 1024 <= int(port) <= 32767


def test_a_service_on_the_balancers_own_address_is_served(attach: str) -> None:
    with running(attach, own_address=True) as site:
        connections = ConnectClient(site.lab.client, site.address, count=1000, seconds=20).finish()
        assert [c for c in connections if c.hurt] == []
        assert {c.backend for c in connections} == {"b1", "b2"}


def test_a_balancer_between_two_networks_forwards_between_its_interfaces(attach: str) -> None:
    with running(attach, two_legs=True) as site:
        connections = ConnectClient(site.lab.client, site.address, count=1000, seconds=20).finish()
        assert [c for c in connections if c.hurt] == []
        assert {c.backend for c in connections} == {"b1", "b2"}


def test_attach_auto_chooses_tc_on_veth_and_says_why() -> None:
    with running("auto") as site:
        assert site.lab.client.answers(site.address, 80)
        interface = site.daemon.status()["interfaces"][0]
        assert (interface["name"], interface["attach"]) == ("eth0", "tc")
        assert interface["why"]


@pytest.fixture(scope="module")
def big_file() -> Iterator[tuple[pathlib.Path, str]]:
    """A gigabyte in which no block repeats, and its SHA-256."""
    with tempfile.TemporaryDirectory(prefix="pointsman-big-") as folder:
        path, digest = pathlib.Path(folder, "big"), hashlib.sha256()
        noise = os.urandom(1 << 20)
        with open(path, "wb") as file:
            for number in range(GIGABYTE >> 20):
                block = number.to_bytes(8, "big") + noise[8:]
                file.write(block)
                digest.update(block)
        os.chmod(folder, 0o755)
        yield path, digest.hexdigest()


def test_a_gigabyte_arrives_intact(site: Site, big_file: tuple[pathlib.Path, str]) -> None:
    path, expected = big_file
    for nginx in site.nginx.values():
        url = f"http://{site.address}{nginx.add_file(path)}"
    fetched = site.lab.client.run("bash", "-o", "pipefail", "-c", f"curl -sf --max-time 60 {url} | sha256sum", timeout=70)
    assert fetched.stdout.split()[0] == expected


def test_a_large_request_body_arrives_whole(site: Site) -> None:
    """nginx refuses the method only after it has the head; what counts is that 4 MB upstream break nothing."""
    with site.lab.client.connect(site.address, 80, timeout=10) as connection:
        body = os.urandom(1 << 20)
        head = f"POST /whoami HTTP/1.1\r\nHost: lab\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)
        assert connection.recv(12) == b"HTTP/1.1 200"


def udp_service(lab: Lab) -> Service:
    backends = [(host.name, host.address, 5353) for host in lab.backends]
    return Service("names", lab.service_address, backends, port=5353, protocol="udp", check={"type": "none"})


@pytest.fixture
def udp_site(attach: str) -> Iterator[Lab]:
    with Lab(physical=physical(attach)) as lab:
        echoes = [UdpEcho(host) for host in lab.backends]
        try:
            Pointsman(lab, [udp_service(lab)], attach=attach).start().ready()
            yield lab
        finally:
            for echo in echoes:
                echo.close()


def ask(client: socket.socket, payload: bytes) -> tuple[str, bytes]:
    """The backend that answered, and the payload that came back."""
    client.send(payload)
    name, _, rest = client.recv(65536).partition(b" ")
    return name.decode(), rest.partition(b" ")[2]


def test_udp_requests_are_answered_and_a_flow_stays_on_its_backend(udp_site: Lab) -> None:
    backends = set()
    for _ in range(64):
        with udp_site.client.socket(socket.SOCK_DGRAM) as client:
            client.settimeout(2)
            client.connect((udp_site.service_address, 5353))
            answers = {ask(client, payload) for payload in [b"first"] * 3}
            assert len(answers) == 1, answers
            name, payload = answers.pop()
            assert payload == b"first"
            backends.add(name)
    assert backends == {"b1", "b2"}


def test_udp_datagrams_of_every_size_up_to_the_mtu_arrive_whole(udp_site: Lab) -> None:
    with udp_site.client.socket(socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.connect((udp_site.service_address, 5353))
        for size in [0, 1, 2, 17, 18, 512, 1400, 1450]:
            payload = os.urandom(size)
            assert ask(client, payload)[1] == payload


def test_each_class_of_flows_has_its_idle_time_and_a_reload_holds_for_those_that_are_there(attach: str) -> None:
    with Lab(physical=physical(attach)) as lab:
        service = udp_service(lab)
        service.keys = {"half_open_timeout": "1s"}
        daemon = Pointsman(lab, [service], attach=attach).start().ready()

        def flows() -> int:
            return int(daemon.ask("GET", "/v1/sessions")["total"])

        with lab.client.socket(socket.SOCK_DGRAM) as client:
            client.sendto(b"nobody answers", (lab.service_address, 5353))
            wait_until(lambda: flows() == 1, "the flow is known")
            wait_until(lambda: flows() == 0, "the flow is over")
            service.keys = {"half_open_timeout": "1h"}
            daemon.write()
            assert daemon.command("reload").returncode == 0
            assert flows() == 1
        assert daemon.stop() == 0
