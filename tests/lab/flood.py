"""Millions of frames through a balancer, and a count of every one (flood.bpf.c).

client eth0 ─ eth0 balancer eth1 ─ eth0 of one host that has every backend's address. No bridge is in between: what gets
lost on the way is lost in a device that counts it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor

from lab import paths
from lab.frames import UDP, Frame, mac_of, udp
from lab.host import Host, run
from lab.topology import BPFFS, Lab

SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
BPF_OBJ_GET, BPF_PROG_TEST_RUN = 7, 10
LIVE_FRAMES = 1 << 1
BATCH = 64
SENT, SEEN = 0, 1  # in flood_counts
PORT = 5353
FLOWS, FIRST_PORT = 20_000, 20_000
_libc = ctypes.CDLL(None, use_errno=True)


class Wires(Lab):
    """A lab of veth pairs; `backends[0]` has the addresses 10.78.0.2 and 10.78.0.3."""

    def __init__(self) -> None:
        super().__init__(1)

    def _build(self) -> None:
        self._make_hosts()
        sink = self.backends[0]
        self._wire(self.client, "77", 1, 5)
        self._wire(sink, "78", 2, 5)
        self._ip(sink, "addr add 10.78.0.3/24 dev eth0")
        self._ip(self.client, f"route add {self.service_address} via {self.balancer.address}")
        self.balancer.sysctl("net.ipv4.ip_forward", 0)

    def _wire(self, host: Host, network: str, number: int, balancers: int) -> None:
        """A veth from the balancer to the host, with a queue for each CPU."""
        device = f"eth{len(self.balancer.devices)}"
        queues = f"numrxqueues {os.cpu_count()} numtxqueues {os.cpu_count()}"
        self._ip(host, f"link add eth0 {queues} type veth peer name {device} {queues} netns {self.balancer.namespace}")
        for end, name, last in ((host, "eth0", number), (self.balancer, device, balancers)):
            self._ip(end, f"addr add 10.{network}.0.{last}/24 dev {name}")
            self._ip(end, f"link set {name} up")
            end.run("ethtool", "-K", name, "gro", "on")  # which lets XDP send to an end that has no program
            end.devices.append(name)
            end.addresses.append(f"10.{network}.0.{last}")


class Flood:
    """Sends from the client to the service, UDP, `FLOWS` flows in turn, each from one CPU. A context manager: its pins go with it."""

    def __init__(self, lab: Wires) -> None:
        self.lab = lab
        self.sink = lab.backends[0]
        self.pins = BPFFS / (lab.prefix + "flood")

    def __enter__(self) -> Flood:
        self.pins.mkdir()
        run("bpftool", "prog", "loadall", paths.flood(), self.pins, "pinmaps", self.pins)
        run("bpftool", "map", "update", "pinned", self.pins / "flood_plan", "key", "0", "0", "0", "0",
            "value", *map(str, self._plan()))
        self.sink.run("tc", "qdisc", "add", "dev", "eth0", "clsact")
        self.sink.run("tc", "filter", "add", "dev", "eth0", "ingress", "bpf", "da", "object-pinned",
                      self.pins / "flood_seen_tc")
        self.sink.run("ip", "link", "set", "eth0", "xdpdrv", "pinned", self.pins / "flood_seen_xdp")
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.pins)

    def send(self, frames: int) -> None:
        """From all CPUs at once. Returns when the last frame has left the generators."""
        cpus = sorted(os.sched_getaffinity(0))
        shares = [frames // len(cpus) + (n < frames % len(cpus)) for n in range(len(cpus))]
        with ThreadPoolExecutor(len(cpus)) as senders:
            list(senders.map(self._send_from, cpus, shares))

    def _send_from(self, cpu: int, frames: int) -> None:
        os.sched_setaffinity(0, {cpu})  # of this thread
        with self.lab.client.inside():
            program = _object(self.pins / "flood_send")
            try:
                goal = self._counts(SENT)[cpu] + frames
                while (left := goal - self._counts(SENT)[cpu]) > 0:
                    with contextlib.suppress(InterruptedError):  # the kernel stops early for a signal
                        _run_live(program, bytes(self._plan()[-60:]), left)
            finally:
                os.close(program)

    def sent(self) -> int:
        return sum(self._counts(SENT).values())

    def seen(self) -> int:
        return sum(self._counts(SEEN).values())

    def _plan(self) -> bytes:
        lab = self.lab
        frame = Frame(mac_of(lab.client), mac_of(lab.balancer), lab.client.address, lab.service_address, UDP,
                      udp(FIRST_PORT, PORT, bytes(60 - 42)))
        cpus = os.cpu_count() or 1
        ifindex = json.loads(lab.client.run("ip", "-j", "link", "show", "dev", "eth0").stdout)[0]["ifindex"]
        return struct.pack("=IIIHH", ifindex, FLOWS - FLOWS % cpus, cpus, FIRST_PORT, PORT) + frame.encode()

    def _counts(self, which: int) -> dict[int, int]:
        """By CPU."""
        dump = json.loads(run("bpftool", "-j", "map", "dump", "pinned", self.pins / "flood_counts").stdout)
        return {cpu["cpu"]: cpu["value"] for cpu in dump[which]["formatted"]["values"]}


def statistics(host: Host, device: str) -> dict[str, int]:
    """`ethtool -S`, the queues' numbers left out and their values added up."""
    totals: dict[str, int] = {}
    for line in host.run("ethtool", "-S", device).stdout.splitlines()[1:]:
        name, _, value = line.strip().rpartition(": ")
        plain = "_".join(word for word in name.split("_") if not word.isdigit())
        totals[plain] = totals.get(plain, 0) + int(value)
    return totals


def _object(path: pathlib.Path) -> int:
    name = ctypes.create_string_buffer(str(path).encode())
    return _bpf(BPF_OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, 0))


def _run_live(program: int, frame: bytes, frames: int) -> None:
    data = ctypes.create_string_buffer(frame, len(frame))
    _bpf(BPF_PROG_TEST_RUN, struct.pack("=IIIIQQIIIIQQIIII", program, 0, len(frame), 0, ctypes.addressof(data), 0, frames,
                                        0, 0, 0, 0, 0, LIVE_FRAMES, 0, BATCH, 0))


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = _libc.syscall(SYS_BPF, command, buffer, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return int(result)
