"""Fixtures: a lab with two nginx backends and the daemon in front of them, per test, once for each way to attach."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import Lab, Nginx, Pointsman, Service, paths  # noqa: E402
from lab.topology import remove_stale  # noqa: E402


@dataclass
class Site:
    """A lab with servers; `daemon` is running and every backend is up."""

    lab: Lab
    nginx: dict[str, Nginx]
    daemon: Pointsman

    @property
    def address(self) -> str:
        return self.lab.service_address

    def other(self, backend: str) -> str:
        return next(name for name in self.nginx if name != backend)


def physical(attach: str) -> bool:
    """Native XDP is tested with the links of physical NICs, tc with veth as it comes."""
    return attach == "native"


def decided_again_alike(daemon: Pointsman) -> None:
    """Whatever a test did to the daemon: the decision core comes to the same from the trail that it left."""
    done = subprocess.run([str(paths.pointsman()), "replay", "--json", str(daemon.audit_file)], capture_output=True, text=True,
                          timeout=30)
    differing = [each for each in json.loads(done.stdout)["decisions"] if each["result"] == "differs"]
    assert differing == [], json.dumps(differing, indent=1)[:6000]


@contextlib.contextmanager
def running(attach: str, services: Callable[[Lab], list[Service]] | None = None, *, own_address: bool = False,
            two_legs: bool = False, rss: bool = False, **tables: dict[str, object]) -> Iterator[Site]:
    with Lab(physical=physical(attach), own_address=own_address, two_legs=two_legs, rss=rss) as lab:
        nginx = {host.name: Nginx(host) for host in lab.backends}
        daemon = Pointsman(lab, services(lab) if services else None, attach=attach, **tables)
        daemon.start()
        try:
            daemon.ready()
            yield Site(lab, nginx, daemon)
            decided_again_alike(daemon)
        except BaseException:
            print(f"--- pointsman's log\n{daemon.log()}")
            raise


@pytest.fixture(params=["tc", "native"])
def attach(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(attach: str) -> Iterator[Site]:
    with running(attach) as made:
        yield made


@pytest.fixture
def staying(attach: str) -> Iterator[Site]:
    """SIGTERM leaves the datapath for the next daemon."""
    with running(attach, daemon={"detach_on_exit": False}) as site:
        yield site


@pytest.fixture(scope="session", autouse=True)
def no_stale_labs() -> None:
    if os.geteuid() == 0:
        remove_stale()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Function, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed test shows the daemon's log."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]
    made = item.funcargs.get("site")
    if report.when == "call" and report.failed and isinstance(made, Site):
        report.sections.append(("pointsman's log", made.daemon.log()))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            if item.path.name != "test_repository.py":
                item.add_marker(pytest.mark.skip(reason="needs root: network namespaces and BPF"))
