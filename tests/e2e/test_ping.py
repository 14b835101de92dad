"""Ping of a service's address tells whether a backend is there for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import Site, running

from lab import Lab, Service, Wrk
from lab.host import Host
from lab.waiting import wait_until


def services(lab: Lab) -> list[Service]:
    """One in each family; without a healthy backend they have none."""
    keys = {"panic_threshold": 0}
    return [Service("web", lab.service_address, [(host.name, host.address, 80) for host in lab.backends], keys=keys),
            Service("web6", lab.service_address6, [(host.name, host.address6, 80) for host in lab.backends], keys=keys)]


@pytest.fixture
def pinged(attach: str) -> Iterator[Site]:
    with running(attach, services) as site:
        yield site


def pings(host: Host, address: str, *options: str) -> bool:
    return host.run("ping", "-c", "1", "-W", "1", *options, address, check=False).returncode == 0


def test_ping_is_answered_while_a_backend_is_there_and_not_without_one(pinged: Site) -> None:
    lab = pinged.lab
    addresses = [lab.service_address, lab.service_address6]
    assert all(pings(lab.client, address) for address in addresses)
    pinged.nginx["b1"].kill()
    pinged.daemon.wait_for_state("b1", "down")
    assert all(pings(lab.client, address) for address in addresses)
    pinged.nginx["b2"].kill()
    for service in ("web", "web6"):
        pinged.daemon.wait_for_state("b1", "down", service)
        pinged.daemon.wait_for_state("b2", "down", service)
    assert not any(pings(lab.client, address) for address in addresses)
    assert lab.client.run("ping", "-c", "1", "-W", "1", lab.balancer.address).returncode == 0
    pinged.nginx["b1"].start()
    pinged.daemon.wait_for_state("b1", "up")
    assert wait_until(lambda: pings(lab.client, addresses[0]), "ping is answered again")


@pytest.mark.parametrize("size", ["0", "1", "56", "57", "1472"])
def test_pings_of_every_size_are_answered_octet_by_octet(pinged: Site, size: str) -> None:
    """ping itself compares what comes back."""
    for address in (pinged.lab.service_address, pinged.lab.service_address6):
        options = ["-s", str(min(int(size), 1452) if ":" in address else int(size)), "-p", "c0ffee"]
        done = pinged.lab.client.run("ping", "-c", "1", "-W", "1", *options, address)
        assert "wrong data" not in done.stdout and "1 received" in done.stdout


def test_the_hosts_own_address_is_answered_by_the_host(attach: str) -> None:
    """With all backends down too: the address does not belong to the service alone."""
    with running(attach, services, own_address=True) as site:
        for nginx in site.nginx.values():
            nginx.kill()
        site.daemon.wait_for_state("b1", "down")
        site.daemon.wait_for_state("b2", "down")
        assert pings(site.lab.client, site.lab.service_address)
        assert pings(site.lab.client, site.lab.service_address6)


def test_pinging_does_not_disturb_the_service(pinged: Site) -> None:
    load = Wrk(pinged.lab.client, pinged.address, seconds=1, connections=8, threads=1)
    assert pings(pinged.lab.client, pinged.address)
    assert load.finish().failed == 0
