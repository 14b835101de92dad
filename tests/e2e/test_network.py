"""The network around the balancer changes, and traffic follows."""

from __future__ import annotations

from conftest import Site, running

from lab import ConnectClient
from lab.waiting import wait_until

NEW_MAC = "02:00:00:00:77:02"


def test_a_backend_with_a_new_mac_address_is_followed(site: Site) -> None:
    backend = site.lab.backends[0]
    backend.run("ip", "link", "set", "dev", backend.devices[0], "address", NEW_MAC)
    backend.run("ping", "-c", "1", "-W", "1", site.lab.balancer.address, check=False)
    wait_until(lambda: any(NEW_MAC in change["now"] for record in site.daemon.audit(kind="publish")
                           for change in record["changes"] if change["kind"] == "next_hop"),
               "the new next hop is published", timeout=10)
    site.daemon.wait_for_state("b1", "up", timeout=10)
    client = ConnectClient(site.lab.client, site.address)
    client.wait_for(20, backend="b1")
    client.stop()
    assert client.hurt() == []


def test_an_interface_that_is_made_anew_gets_the_program_again(attach: str) -> None:
    with running(attach, two_legs=True) as site:
        lab, daemon = site.lab, site.daemon
        lab.unplug(lab.balancer, "eth1")
        wait_until(lambda: alarms(site, "interface_gone") == ["eth1"], "the alarm")
        lab.plug_in(lab.balancer, "eth1", "back")
        wait_until(lambda: [r["interface"] for r in daemon.audit(kind="attach")].count("eth1") == 2, "the program is back")
        for backend in site.nginx:
            daemon.wait_for_state(backend, "up", timeout=10)
        client = ConnectClient(lab.client, site.address)
        client.wait_for(50)
        client.stop()
        assert {c.backend for c in client.connections if not c.hurt} == set(site.nginx)


def test_an_interface_that_goes_down_raises_an_alarm_and_traffic_returns_with_it(attach: str) -> None:
    with running(attach, two_legs=True) as site:
        balancer = site.lab.balancer
        balancer.run("ip", "link", "set", "eth1", "down")
        wait_until(lambda: alarms(site, "interface_down") == ["eth1"], "the alarm")
        balancer.run("ip", "link", "set", "eth1", "up")
        wait_until(lambda: any(r["because"] == "interface_up" for r in site.daemon.audit(kind="interface")), "it is up")
        for backend in site.nginx:
            site.daemon.wait_for_state(backend, "up", timeout=10)
        client = ConnectClient(site.lab.client, site.address)
        client.wait_for(50)
        client.stop()


def test_another_mac_address_of_our_own_is_followed(attach: str) -> None:
    with running(attach) as site:
        balancer = site.lab.balancer
        balancer.run("ip", "link", "set", "dev", "eth0", "address", NEW_MAC)
        wait_until(lambda: any(r["because"] == "interface_changed" for r in site.daemon.audit(kind="interface")),
                   "the change is seen")
        balancer.run("ping", "-c", "1", "-W", "1", site.lab.client.address, check=False)
        client = ConnectClient(site.lab.client, site.address)
        client.wait_for(50)
        client.stop()


def alarms(site: Site, because: str) -> list[str]:
    return [record["interface"] for record in site.daemon.audit(kind="alarm") if record["because"] == because]
