"""Debian 12's own kernel, 6.1, in a machine of its own (lab/vm.py). Its verifier refuses what later ones take: loops that
fall back instead of jumping (before 6.7), chains of calls whose frames, each rounded up to 32 octets, exceed 512 (before
6.9), helpers and types that came after it. And it has no tcx."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence

import pytest

from lab import paths, vm
from lab.vm_kernel import Kernel, NoKernel, kernel

# What takes minutes where QEMU emulates the processor (millions of packets or sessions, and the sums of every case), and what
# repeats SYNs sooner than a client would, if the processor is a real one.
TOO_SLOW = "Atomicity.*:AMillionSessions.*:CarryOverSwaps.*:Mutations.*:Summed/*:*.AgreesWhateverHappensToTheBackends/*"

E2E = paths.ROOT / "tests" / "e2e"
PYTEST = ("/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider")


@pytest.fixture(scope="module")
def debian() -> Kernel:
    if platform.machine() != "x86_64":
        pytest.skip("lab/vm.py runs x86-64 kernels only")
    if not shutil.which("qemu-system-x86_64") or not vm.VIRTIOFSD.exists():
        pytest.skip("needs the package qemu-system-x86")
    for compiled in (paths.xdp_pass, paths.decap, paths.connect_client):  # not there, where it takes minutes
        compiled()
    try:
        return kernel()
    except NoKernel as error:
        pytest.skip(str(error))


def passes(debian: Kernel, command: Sequence[str | os.PathLike[str]], timeout: float) -> None:
    done = vm.run([str(word) for word in command], on=debian, timeout=timeout)
    assert done.code == 0, done.output[-20_000:]


def test_it_is_older_than_tcx_and_than_the_checksum_helper(debian: Kernel) -> None:
    assert vm.run(["uname", "-r"], on=debian).output.startswith("6.1.")


def test_it_takes_both_programs_and_they_decide_as_elsewhere(debian: Kernel) -> None:
    tests = paths.BUILD / "release" / "tests" / "datapath_tests"
    every = 1 if vm.usable_kvm() else 3
    share = [f"GTEST_TOTAL_SHARDS={every}", "GTEST_SHARD_INDEX=0"]
    passes(debian, ["env", *share, tests, "--gtest_brief=1", f"--gtest_filter=-{TOO_SLOW}"], timeout=500)


def test_failover_and_takeover_go_as_elsewhere(debian: Kernel) -> None:
    passes(debian, [*PYTEST, E2E / "slow_course.py"], timeout=500)


def test_without_tcx_filters_come_and_go_with_the_daemon(debian: Kernel) -> None:
    passes(debian, [*PYTEST, E2E / "test_old_kernel.py", "-k", "killed or somebody"], timeout=500)
