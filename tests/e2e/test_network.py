"""The network around the balancer changes, and traffic follows."""

from __future__ import annotations

from conftest import Site

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
