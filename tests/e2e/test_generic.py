"""Generic XDP, and the tc program behind it, which takes the frames that a kernel joined and those whose checksum it has yet
to complete: all TCP on veth as it comes, nothing from physical NICs. (Every way of the former: test_modes.py.)"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest
from conftest import running
from restarting import STAY, broken, end, program_ids, restart, restart_after_end
from test_old_kernel import filters
from test_restart_refusals import assert_refused
from ways import WaySite, ask, noise_file, running_way

from lab import ConnectClient, HeldConnections, Lab, Nginx, Pointsman, Way, paths
from lab.host import has_tcx

LONGEST_FRAME = 1514
WAYS = [Way("nat"), Way("nat", v6=True), Way("nat", source="client"), Way("dsr"), Way("ipip"), Way("gue", v6=True)]


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module", params=[True, False], ids=["nics", "veth"])
def site(way: Way, request: pytest.FixtureRequest) -> Iterator[WaySite]:
    with running_way(way, "generic", nics=request.param) as made:
        yield made


@pytest.fixture(scope="module")
def file() -> Iterator[tuple[pathlib.Path, str]]:
    with noise_file(20_000_000) as made:
        yield made


def to_backends(site: WaySite, service: str) -> tuple[float, float]:
    """Packets and octets that were forwarded to the service's backends."""
    sums = [sum(value for name, value in site.daemon.metrics().items()
                if name.startswith(f"pointsman_{what}_total{{") and f'service="{service}"' in name and '"to_backend"' in name)
            for what in ("packets", "bytes")]
    return sums[0], sums[1]


# What becomes of packets.

def test_an_upload_arrives_whole_on_veth_in_frames_longer_than_the_mtu(site: WaySite) -> None:
    before = to_backends(site, "digest")
    assert site.upload(os.urandom(20_000_000))
    packets, octets = (now - then for now, then in zip(to_backends(site, "digest"), before))
    assert (octets / packets > 2 * LONGEST_FRAME) == (not site.lab.physical)


def test_a_download_arrives_whole(site: WaySite, file: tuple[pathlib.Path, str]) -> None:
    path, digest = file
    url = [nginx.add_file(path) for nginx in site.nginx.values()][0]
    assert site.download(url) == digest


def test_each_packet_is_answered_and_counted_once(site: WaySite) -> None:
    before, _ = to_backends(site, "names")
    with site.udp() as client:
        answers = {ask(client, os.urandom(size))[0] for size in range(1, 1200, 12)}
    assert len(answers) == 1
    assert to_backends(site, "names")[0] - before == 100
    assert site.daemon.metrics()["pointsman_unaccounted_packets"] == 0


# Coming and going.

def test_a_successor_replaces_both_programs_under_traffic() -> None:
    with running("generic", daemon=STAY) as site:
        held = HeldConnections(site.lab.client, site.address, count=32, interval_ms=20)
        client = ConnectClient(site.lab.client, site.address, rate=1000)
        client.wait_for(100)
        before = program_ids(site.daemon)
        restart(site.daemon)
        client.wait_for(1000)
        client.stop()
        assert len(before) == 2 and len(program_ids(site.daemon)) == 2 and not before & program_ids(site.daemon)
        assert client.hurt() == [] and broken(held) == []


def test_a_restart_changes_between_tc_and_generic_and_keeps_connections() -> None:
    with running("tc", daemon=STAY) as site:
        held = HeldConnections(site.lab.client, site.address, count=32, interval_ms=20)
        for attach, programs in (("generic", 2), ("tc", 1), ("generic", 2)):
            end(site.daemon, kill=False)
            site.daemon.tables["datapath"] = {**site.daemon.tables["datapath"], "attach": attach}
            site.daemon.write()
            assert restart_after_end(site.daemon)["tables"] == "same"
            assert [i["attach"] for i in site.daemon.status()["interfaces"]] == [attach]
            assert len(program_ids(site.daemon)) == programs
        assert broken(held) == []


def test_sigterm_and_detach_leave_nothing() -> None:
    with running("generic") as site:
        assert len([found for found in site.daemon.attached() if "program" in found]) >= 2
        assert site.daemon.stop() == 0
        assert site.daemon.attached() == []
        site.daemon.start().ready()
        end(site.daemon, kill=True)
        done = site.daemon.command("detach")
        assert done.returncode == 0, done.stderr
        assert site.daemon.attached() == []


def test_it_works_without_tcx() -> None:
    shim = {"LD_PRELOAD": str(paths.old_kernel())} if has_tcx() else {}
    with Lab(two_legs=True) as lab:
        for host in lab.backends:
            Nginx(host)
        daemon = Pointsman(lab, attach="generic")
        daemon.start(**shim).ready(timeout=30)
        assert filters(daemon).count("direct-action") == 2
        assert [c for c in ConnectClient(lab.client, lab.service_address, count=200).finish() if c.hurt] == []
        assert daemon.stop() == 0
        assert filters(daemon) == "" and [found for found in daemon.attached() if "clsact" not in found] == []


@pytest.mark.parametrize(("first", "second", "named"), [("generic", "tc", "pm_tc_behind (id"), ("tc", "generic", "pm_tc (id")])
def test_the_programs_of_a_killed_daemon_with_another_directory_are_in_the_way(first: str, second: str, named: str) -> None:
    with running(first) as site:
        end(site.daemon, kill=True)
        before = site.daemon.attached()
        other = pathlib.Path(f"{site.lab.bpffs}-other")
        assert_refused(Pointsman(site.lab, attach=second, name="second", daemon={"bpffs": str(other)}).run_to_end(), "eth0",
                       named, "pointsman detach")
        assert not other.exists() and site.daemon.attached() == before
        assert site.lab.client.answers(site.address, 80)
