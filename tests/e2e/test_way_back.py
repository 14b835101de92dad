"""Answers follow the client's packets when the router in front hands over to another one."""

from __future__ import annotations

import time

from conftest import Site, physical

from lab import Lab, Nginx, Pointsman

REQUEST = b"GET /whoami HTTP/1.1\r\nHost: x\r\n\r\n"


def is_answered(connection: object) -> bool:
    """On a connection that stays open."""
    connection.sendall(REQUEST)  # type: ignore[attr-defined]
    return connection.recv(4096).startswith(b"HTTP/1.1 200")  # type: ignore[attr-defined, no-any-return]


def test_answers_follow_another_mac_address_at_once(site: Site) -> None:
    """The client's own stands for its router's: the balancer sees no difference."""
    client = site.lab.client
    with client.connect(site.address, 80, timeout=10) as connection:
        assert is_answered(connection)
        for number in (1, 2):
            client.run("ip", "link", "set", client.devices[0], "address", f"02:00:5e:00:00:{number:02x}")
            began = time.monotonic()
            assert is_answered(connection), site.daemon.log()
            assert time.monotonic() - began < 2.0  # the period in which the partners talk is 4 s at 250 Hz


def test_answers_follow_to_another_interface(attach: str) -> None:
    """The client has a second way to the balancer, by the network of the backends, and changes over to it."""
    with Lab(physical=physical(attach), two_legs=True) as lab:
        for backend in lab.backends:
            Nginx(backend)
        daemon = Pointsman(lab, attach=attach).start().ready()
        lab.join(lab.client, "back", "78", 1)
        with lab.client.connect(lab.service_address, 80, timeout=10) as connection:
            assert is_answered(connection)
            lab.client.run("ip", "route", "replace", lab.service_address, "via", lab.balancer.addresses[1])
            lab.client.run("ip", "link", "set", lab.client.devices[0], "down")
            assert is_answered(connection), daemon.log()
