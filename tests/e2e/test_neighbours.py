"""Others on the balancer's host are not disturbed: reverse proxies to the same backends, and what listens there."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest
from conftest import running

from lab import ConnectClient, HAProxy, NginxProxy, TcpEcho, Wrk

SSH = 2222


@pytest.mark.parametrize("proxy_kind", [NginxProxy, HAProxy])
@pytest.mark.parametrize("rss", [False, True], ids=["veth", "rss"])
@pytest.mark.parametrize("own_address", [False, True], ids=["other-address", "same-address"])
def test_a_reverse_proxy_to_the_same_backends_is_undisturbed_under_load(
        attach: str, proxy_kind: type[NginxProxy] | type[HAProxy], own_address: bool, rss: bool) -> None:
    with running(attach, own_address=own_address, rss=rss) as site:
        proxy = proxy_kind(site.lab.balancer, site.lab.backends)
        load = Wrk(site.lab.client, site.address, seconds=30, connections=16, threads=1)
        through_service = ConnectClient(site.lab.client, site.address, rate=800, parallel=32)
        through_proxy = ConnectClient(site.lab.client, site.lab.balancer.address, proxy.port, rate=800, parallel=32)
        through_service.wait_for(1500, timeout=20)
        through_proxy.wait_for(1500, timeout=20)
        through_service.stop()
        through_proxy.stop()
        report = load.stop()
        assert through_proxy.hurt() == []
        assert through_service.hurt() == []
        assert report.failed == 0, report


def echo(connection: socket.socket, payload: bytes) -> bytes:
    connection.sendall(payload)
    answer = b""
    while len(answer) < len(payload):
        answer += connection.recv(65536)
    return answer


@pytest.mark.parametrize("own_address", [False, True], ids=["other-address", "same-address"])
def test_a_listener_on_another_port_of_the_balancer_is_untouched(attach: str, own_address: bool) -> None:
    with running(attach, own_address=own_address) as site:
        address = site.lab.balancer.address
        with TcpEcho(site.lab.balancer, address, SSH), site.lab.client.connect(address, SSH) as connection:
            assert connection.recv(64) == b"SSH-2.0-lab\r\n"
            payload = os.urandom(32768)
            assert echo(connection, payload) == payload
            assert site.lab.client.answers(site.address, 80)
            assert echo(connection, payload) == payload
            site.daemon.stop()
            assert echo(connection, payload) == payload


def test_a_port_without_a_service_on_the_balancers_address_is_refused_by_its_own_kernel(attach: str) -> None:
    with running(attach, own_address=True) as site, pytest.raises(ConnectionRefusedError):
        site.lab.client.connect(site.address, 81)


def test_the_balancers_own_connections_to_a_backend_work(attach: str) -> None:
    with running(attach) as site:
        for backend in site.lab.backends:
            assert site.lab.balancer.get(backend.address, 80).split() == [backend.name.encode()]


def test_clients_reach_backends_directly_as_before(attach: str) -> None:
    with running(attach) as site:
        for backend in site.lab.backends:
            assert site.lab.client.get(backend.address, 80).split() == [backend.name.encode()]


def test_ping_to_the_balancer_is_answered(attach: str) -> None:
    with running(attach) as site:
        done: subprocess.CompletedProcess[str] = site.lab.client.run(
            "ping", "-c", "2", "-i", "0.2", "-W", "1", site.lab.balancer.address, check=False)
        assert done.returncode == 0, done.stdout
