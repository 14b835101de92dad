"""Where things are in the checkout."""

from __future__ import annotations

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB = ROOT / "tests" / "lab"
BUILD = ROOT / "build"

os.environ["PATH"] = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"


def pointsman() -> pathlib.Path:
    """The daemon; POINTSMAN names another one, such as that of the dev preset."""
    return pathlib.Path(os.environ.get("POINTSMAN", BUILD / "release" / "pointsman"))


def connect_client() -> pathlib.Path:
    """The measuring client."""
    return _program("connect_client", "http_connection")


def bare_prober() -> pathlib.Path:
    """What connects and does nothing else."""
    return _program("bare_prober", "http_connection")


def probed_server() -> pathlib.Path:
    """The server of ProbedLab."""
    return _program("probed_server")


def _program(*names: str) -> pathlib.Path:
    """The first one's, of the release build; without one it is compiled here, of the sources of all."""
    built = BUILD / "release" / "tests" / names[0]
    if built.exists():
        return built
    sources = [LAB / f"{name}.cpp" for name in names]
    headers = sorted(LAB.glob("*.hpp"))
    return _made(names[0], sources + headers, ["g++", "-std=c++23", "-O2", *map(str, sources)])


def xdp_pass() -> pathlib.Path:
    """The object of xdp_pass.bpf.c."""
    return _bpf_object("xdp_pass")


def fast_switch() -> pathlib.Path:
    """The object of fast_switch.bpf.c."""
    return _bpf_object("fast_switch")


def hop() -> pathlib.Path:
    """The object of hop.bpf.c."""
    return _bpf_object("hop")


def decap() -> pathlib.Path:
    """The object of decap.bpf.c."""
    return _bpf_object("decap")


def flood() -> pathlib.Path:
    """The object of flood.bpf.c."""
    return _bpf_object("flood")


def _bpf_object(name: str) -> pathlib.Path:
    source = LAB / f"{name}.bpf.c"
    multiarch = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True, check=True).stdout.strip()
    include = f"-I/usr/include/{multiarch}"
    return _made(f"{name}.bpf.o", [source], ["clang", "-O2", "-g", "-target", "bpf", include, "-c", str(source)])


def old_kernel() -> pathlib.Path:
    """The library that makes this kernel look like one before 6.2 to a process (LD_PRELOAD)."""
    return _library("old_kernel")


def real_timers() -> pathlib.Path:
    """The library that keeps libfaketime from a process's timers (LD_PRELOAD)."""
    return _library("real_timers")


def vm_init() -> pathlib.Path:
    """The first process of the machine of vm.py: vm_init.c, which needs no library there."""
    source = LAB / "vm_init.c"
    return _made("vm_init", [source], ["gcc", "-O2", "-static", str(source)])


def _library(name: str) -> pathlib.Path:
    source = LAB / f"{name}.c"
    return _made(f"{name}.so", [source], ["gcc", "-O2", "-fPIC", "-shared", str(source)])


def _made(name: str, inputs: list[pathlib.Path], command: list[str]) -> pathlib.Path:
    """Runs `command -o build/lab/NAME` when an input is newer than it."""
    result = BUILD / "lab" / name
    if not result.exists() or result.stat().st_mtime < max(file.stat().st_mtime for file in inputs):
        result.parent.mkdir(parents=True, exist_ok=True)
        unfinished = result.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, "-o", str(unfinished)], check=True)
        unfinished.rename(result)
    return result
