"""BPF programs of the lab: loaded, given their table, attached. By tcx, as the product does it: Debian 12's bpftool and tc know
clsact only, which costs each frame a classifier's walk. Linux 6.6 or newer."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import platform
import shutil
import struct
from collections.abc import Iterator

from lab.host import Host, run
from lab.topology import BPFFS, Lab

SYSCALL = {"x86_64": 321, "aarch64": 280}
OBJ_GET, LINK_CREATE, TCX_INGRESS = 7, 28, 46  # enum bpf_cmd and bpf_attach_type in linux/bpf.h
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def loaded(lab: Lab, source: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder with the pinned programs and maps of an object. Afterwards only those stay that something holds."""
    pins = BPFFS / f"{lab.prefix}{source.name.partition('.')[0]}"
    pins.mkdir()
    try:
        run("bpftool", "prog", "loadall", source, pins, "pinmaps", pins)
        yield pins
    finally:
        shutil.rmtree(pins)


def fill(table: pathlib.Path, value: bytes) -> None:
    """Writes the only entry of a pinned array."""
    run("bpftool", "map", "update", "pinned", table, "key", "0", "0", "0", "0", "value", *(f"{byte:#04x}" for byte in value))


def attach_ingress(lab: Lab, host: Host, device: str, program: pathlib.Path) -> None:
    """Attaches a pinned program to a device of the host, for as long as the lab stands."""
    path = ctypes.create_string_buffer(os.fsencode(program))
    descriptor = _bpf(OBJ_GET, struct.pack("=QII", ctypes.addressof(path), 0, 0))
    try:
        with host.inside():
            link = _bpf(LINK_CREATE, struct.pack("=IIII", descriptor, host.ifindex(device), TCX_INGRESS, 0) + bytes(48))
    finally:
        os.close(descriptor)
    lab.resources.callback(os.close, link)


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = int(_libc.syscall(SYSCALL[platform.machine()], command, buffer, len(attributes)))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}: {os.strerror(ctypes.get_errno())}")
    return result
