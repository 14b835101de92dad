"""Kernels before 6.6 have no tcx: a clsact filter takes its place. Played through on a newer kernel by refusing tcx; and
test_debian_kernel.py runs this on one that has none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from lab import ConnectClient, Lab, Nginx, Pointsman, paths
from lab.host import has_tcx


@contextlib.contextmanager
def old_kernel(**keys: object) -> Iterator[Pointsman]:
    with Lab(two_legs=True) as lab:
        for host in lab.backends:
            Nginx(host)
        daemon = Pointsman(lab, attach="tc", daemon=keys)
        shim = {"LD_PRELOAD": str(paths.old_kernel())} if has_tcx() else {}
        daemon.start(**shim).ready(timeout=30)
        yield daemon


def serves(daemon: Pointsman) -> bool:
    client = ConnectClient(daemon.lab.client, daemon.lab.service_address)
    client.wait_for(50)
    client.stop()
    return client.hurt() == []


def filters(daemon: Pointsman) -> str:
    balancer = daemon.lab.balancer
    return "".join(balancer.run("tc", "filter", "show", "dev", device, "ingress").stdout for device in balancer.devices)


def test_both_interfaces_keep_their_filters_and_serve() -> None:
    with old_kernel() as daemon:
        assert filters(daemon).count("direct-action") == 2
        assert serves(daemon)


def test_sigterm_leaves_no_filter() -> None:
    with old_kernel() as daemon:
        assert daemon.stop() == 0
        assert filters(daemon) == ""
        assert not daemon.lab.bpffs.exists()


def test_detach_removes_the_filters_of_a_killed_daemon() -> None:
    with old_kernel() as daemon:
        assert daemon.process is not None
        daemon.process.kill()
        assert filters(daemon).count("direct-action") == 2
        done = daemon.command("detach")
        assert done.returncode == 0, done.stderr
        assert filters(daemon) == ""


def test_a_filter_of_somebody_else_stays() -> None:
    with old_kernel() as daemon:
        device = daemon.lab.balancer.devices[0]
        daemon.lab.balancer.run("tc", "filter", "add", "dev", device, "ingress", "prio", "7", "bpf", "bytecode", "1,6 0 0 0,")
        daemon.stop()
        assert "pref 7" in filters(daemon)
