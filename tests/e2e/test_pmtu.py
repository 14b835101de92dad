"""Path MTU discovery works through the balancer, and what is fragmented crosses it, in every way and both families."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest
from ways import ACROSS, WAYS, WaySite, ask, noise_file, running_way

from lab import Way
from lab.waiting import wait_until

NARROW = 1300
FILE_BYTES = 4_000_000


@pytest.fixture(scope="module", params=["tc", "native"])
def hook(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=WAYS, ids=str)
def narrow(hook: str, request: pytest.FixtureRequest) -> Iterator[WaySite]:
    """Between the client and the balancer is a router with a smaller MTU towards the client."""
    with running_way(request.param, hook, routed="client") as made:
        made.lab.narrow(NARROW)
        yield made


@pytest.fixture(scope="module", params=WAYS, ids=str)
def wide(hook: str, request: pytest.FixtureRequest) -> Iterator[WaySite]:
    """Every link takes 1500 octets; tunnels need some of them for themselves."""
    with running_way(request.param, hook) as made:
        yield made


@pytest.fixture(scope="module")
def file() -> Iterator[tuple[pathlib.Path, str]]:
    with noise_file(FILE_BYTES) as made:
        yield made


def verdicts(site: WaySite, name: str) -> float:
    """How many packets have met this verdict."""
    return sum(value for key, value in site.daemon.metrics().items()
               if key.startswith("pointsman_verdicts_total{") and f'verdict="{name}"' in key)


def forget_path_mtu(site: WaySite) -> None:
    for host in [site.lab.client, *site.lab.backends]:
        for family in ("-4", "-6"):
            host.run("ip", family, "route", "flush", "cache")


def test_a_backend_learns_over_tcp_how_much_its_clients_path_takes(narrow: WaySite, file: tuple[pathlib.Path, str]
                                                                   ) -> None:
    """Its segments are too long for the router, whose report goes to the service's address: to the balancer."""
    forget_path_mtu(narrow)
    before = verdicts(narrow, "forward_icmp_error")
    path, digest = file
    url = [nginx.add_file(path) if not (nginx.files / path.name).exists() else f"/files/{path.name}"
           for nginx in narrow.nginx.values()][0]
    assert narrow.download(url, timeout=20) == digest
    assert verdicts(narrow, "forward_icmp_error") > before


def test_a_backend_learns_over_udp_how_much_its_clients_path_takes(narrow: WaySite) -> None:
    """Datagrams that fit into no packet of the path are lost until their sender knows; then it fragments them."""
    forget_path_mtu(narrow)
    before = verdicts(narrow, "forward_icmp_error")
    with narrow.udp(timeout=0.3) as client:
        payload = os.urandom(NARROW + 60)
        wait_until(lambda: is_answered(client, payload), "an answer longer than the path's MTU", timeout=5)
    assert verdicts(narrow, "forward_icmp_error") > before


def test_fragments_that_are_too_long_for_the_path_are_followed_by_shorter_ones(narrow: WaySite) -> None:
    forget_path_mtu(narrow)
    with narrow.udp(timeout=0.5) as client:
        payload = os.urandom(65000)
        wait_until(lambda: is_answered(client, payload), "an answer of 65000 octets", timeout=10)


def test_a_client_that_sends_more_than_the_path_takes_learns_it(narrow: WaySite) -> None:
    forget_path_mtu(narrow)
    assert narrow.upload(os.urandom(FILE_BYTES), timeout=20)


def is_answered(client: object, payload: bytes) -> bool:
    try:
        return ask(client, payload)[1] == payload  # type: ignore[arg-type]
    except (TimeoutError, OSError):  # EMSGSIZE tells of the path's MTU too
        return False


def test_an_upload_fits_into_a_tunnel(wide: WaySite) -> None:
    forget_path_mtu(wide)
    before = verdicts(wide, "forward_too_big")
    assert wide.upload(os.urandom(FILE_BYTES), timeout=20)
    assert (verdicts(wide, "forward_too_big") > before) == (wide.way.forward in ("ipip", "gue"))


@pytest.mark.parametrize("size", [1473, 3000, 65000])
def test_a_fragmented_datagram_is_answered_whole(wide: WaySite, size: int) -> None:
    forget_path_mtu(wide)
    with wide.udp(timeout=0.5) as client:
        payload = os.urandom(size)
        wait_until(lambda: is_answered(client, payload), f"an answer of {size} octets", timeout=5)


@pytest.mark.parametrize("way", [Way("ipip"), Way("ipip", v6=True), Way("gue")], ids=str)
def test_a_packet_whose_checksum_the_kernel_was_to_complete_is_answered(way: Way) -> None:
    """As joined by GRO, or from a virtual machine beside; and the interface leaves checksums to the kernel."""
    with running_way(way, "tc") as site:
        site.lab.balancer.run("ethtool", "-K", "eth0", "tx", "off")
        before = verdicts(site, "forward_too_big")
        assert site.upload(os.urandom(FILE_BYTES), timeout=5)
        assert verdicts(site, "forward_too_big") > before


@pytest.mark.parametrize("mtu", [1400, 1492])
def test_a_way_to_the_backends_that_is_narrower_than_the_link_is_reported(hook: str, way: Way, mtu: int) -> None:
    """The balancer takes it from its routing table."""
    with running_way(way, hook) as site:
        for backend in site.lab.backends:
            address, device = way.address(backend), site.lab.balancer.devices[-1]
            site.lab.balancer.run("ip", "route", "replace", f"{address}/{128 if way.v6 else 32}", "dev", device,
                                  "mtu", "lock", str(mtu))
        site.daemon.wait_for_audit(kind="publish")
        before = verdicts(site, "forward_too_big")
        wait_until(lambda: site.upload(os.urandom(100_000), timeout=20) and verdicts(site, "forward_too_big") > before,
                   "too big is answered", timeout=20)
        assert site.upload(os.urandom(FILE_BYTES), timeout=20)


@pytest.fixture(params=[way for way in WAYS if way.source == "pool"], ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("distant", [*(way for way in WAYS if way.forward != "dsr" and way.source == "pool"), *ACROSS],
                         ids=str)
def test_a_client_learns_how_much_the_way_to_a_distant_backend_takes(hook: str, distant: Way) -> None:
    """A router reports to the balancer's own address, about a packet of the balancer's own: translated, or in a tunnel."""
    with running_way(distant, hook, routed="backends") as site:
        site.lab.narrow(1400)
        assert site.upload(os.urandom(FILE_BYTES), timeout=5)
        with site.udp(timeout=0.5) as client:
            payload = os.urandom(1450)
            wait_until(lambda: is_answered(client, payload), "an answer to 1450 octets", timeout=5)
        assert verdicts(site, "forward_icmp_error" if distant.translates else "forward_too_big") > 0
