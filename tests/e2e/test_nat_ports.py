"""Connections go round the NAT ports while their backends are in TIME_WAIT."""

from __future__ import annotations

import pytest
from conftest import running

from lab import ConnectClient, Host

CONNECTIONS = 24_000
REPEATED = 6  # of their SYNs. One is usual, since a client's clock is known to a minute; where eight ports are tried, twenty


def counted(host: Host, name: str) -> int:
    """By the host's kernel since it was made."""
    return int(host.run("nstat", "-asz", name).stdout.split()[-2])


@pytest.mark.parametrize("rss", [False, True], ids=["veth", "rss"])
def test_a_port_is_used_again_when_its_backend_takes_the_syn_for_a_new_connection(attach: str, rss: bool) -> None:
    with running(attach, rss=rss, datapath={"nat_ports": "1024-3071"}) as site:
        load = ConnectClient(site.lab.client, site.address, rate=3000, parallel=64, count=CONNECTIONS)
        load.wait_for(CONNECTIONS, timeout=30)
        assert load.hurt() == []
        # not the backends' TcpExtPAWSTimewait: late packets of the old connection count there too
        assert counted(site.lab.client, "TcpExtTCPSynRetrans") <= REPEATED
