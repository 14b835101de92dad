"""The cost of health checks: 10,000 backends probed each second from one core, by Pointsman and by HAProxy, in one run.

Each backend is an address of its own; all of them lead to one server on the other core (lab/probed_server.cpp). What a
host receives is handled by its own core, as between machines: without that, a veth has the sender's core do the work of
both ends, and a connection stands before connect() returns. Rounds are interleaved: one balancer runs at a time, and
is measured once it has found every backend up and probes evenly."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.result import Result, Series, Target
from lab import paths
from lab.fast_switch import speed_up
from lab.host import Process
from lab.pointsman import Pointsman, Service
from lab.topology import Lab
from lab.waiting import wait_until

TCP, HTTP = "tcp checks", "http checks"
OURS, HAPROXY, REPLACED = "pointsman", "HAProxy", "pointsman, passive = replace"
PORT = 8000
POOL = 100  # backends of one service
NETWORK = "10.80.0.0/16"
FIRST = ("nice", "-n", "-20")  # what else runs on the machine shall matter little

HAPROXY_CONFIG = """\
global
    nbthread 1
    maxconn 4000
    stats socket {folder}/haproxy.sock level admin
defaults
    mode tcp
    timeout connect 500ms
    timeout check 500ms
    timeout client 1h
    timeout server 1h
    default-server inter 1s fastinter 25ms rise 2 fall 3
frontend web
    bind {address}:8082
    default_backend pool0
{pools}
"""


@dataclass
class Measured:
    """Of one balancer, over some seconds."""

    cores: float
    probes: float                # connections that the server saw, a second
    gap_ms: dict[str, float]     # between two probes of one backend
    memory_mb: float             # resident, without mapped tables
    tables_mb: float             # resident mapped tables
    late_p99_ms: float           # as the balancer says; 0: it does not
    start_seconds: float         # until every backend was found up


def address_of(number: int) -> str:
    return f"10.80.{number // 250}.{number % 250 + 1}"


class ProbedLab:
    """Balancer and backends on a core each; `cores` are those of the balancer and of the server."""

    def __init__(self, labs: contextlib.ExitStack, count: int) -> None:
        self.count = count
        self.lab = labs.enter_context(Lab(1))
        speed_up(self.lab)
        self.server_core = max(os.sched_getaffinity(0))
        self.core = min(os.sched_getaffinity(0))
        balancer, backend = self.lab.balancer, self.lab.backends[0]
        backend.run("ip", "route", "add", "local", NETWORK, "dev", "lo")
        balancer.run("ip", "route", "add", NETWORK, "via", backend.address)
        balancer.sysctl("net.ipv4.ip_local_port_range", "32768 65000")
        backend.sysctl("net.core.somaxconn", 65535)
        backend.sysctl("net.ipv4.tcp_max_syn_backlog", 65535)
        for port, core in (("balancer-front", self.server_core), ("b1-front", self.core)):
            self.steer(port, core)
        self.server = backend.start(*FIRST, "taskset", "-c", str(self.server_core), probed_server(), str(PORT), log="probed.jsonl")

    def steer(self, port: str, core: int) -> None:
        """What arrives on this port of the switch is handled by that core (receive packet steering)."""
        path = f"/sys/class/net/{port}/queues/rx-0/rps_cpus"
        # sysfs shows the devices of the namespace in which it was mounted
        self.lab.bridge.run("unshare", "--mount", "sh", "-c", f"mount -t sysfs none /sys && echo {1 << core:x} > {path}")

    def seen(self) -> dict[str, object]:
        """What the server saw since the last call."""
        lines = len(self.server.text().splitlines())
        self.server.popen.send_signal(signal.SIGUSR1)
        wait_until(lambda: len(self.server.text().splitlines()) > lines, "the server's report", 5)
        found: dict[str, object] = json.loads(self.server.text().splitlines()[-1])
        return found


def probed_server() -> pathlib.Path:
    return paths.BUILD / "release" / "tests" / "probed_server"


class Ours:
    """The daemon on its core."""

    def __init__(self, probed: ProbedLab, check: str, passive: str = "probe") -> None:
        services = []
        for pool in range(0, probed.count, POOL):
            backends = [(f"b{n}", address_of(n), PORT) for n in range(pool, min(pool + POOL, probed.count))]
            keys = {"type": check, "interval": "1s", "timeout": "500ms", "passive": passive}
            if check == "http":
                keys["path"] = "/healthz"
            services.append(Service(f"pool{pool // POOL}", f"10.77.{1 + pool // POOL}.100", backends, check=keys))
        name = f"pointsman-{time.monotonic_ns()}"
        self.daemon = Pointsman(probed.lab, services, name=name, attach="tc", log={"level": "warning"},
                                datapath={"backends": max(probed.count + 1, 64), "services": max(len(services) + 1, 16), "sessions": 16384})
        self.count = probed.count
        self.daemon.start()
        assert self.daemon.process is not None
        self.process = self.daemon.process
        os.sched_setaffinity(self.process.pid, {probed.core})
        os.setpriority(os.PRIO_PROCESS, self.process.pid, -20)

    def all_up(self) -> bool:
        if not self.process.running:
            raise RuntimeError(f"pointsman ended:\n{self.daemon.log()}")
        if not self.daemon.control.exists():
            return False
        with contextlib.suppress(RuntimeError, json.JSONDecodeError):
            return sum(service["healthy"] for service in self.daemon.status()["services"]) == self.count
        return False

    def lateness(self, before: dict[str, float] | None) -> tuple[dict[str, float], float]:
        buckets = {name: value for name, value in self.daemon.metrics().items() if name.startswith("pointsman_probe_lateness")}
        return buckets, late_p99(before or {}, buckets)

    def stop(self) -> None:
        self.daemon.stop()


class HAProxyChecks:
    """HAProxy with the same backends and checks, on the same core."""

    def __init__(self, probed: ProbedLab, check: str) -> None:
        host = probed.lab.balancer
        folder = host.folder / f"haproxy-{time.monotonic_ns()}"
        folder.mkdir()
        ask = "    option httpchk GET /healthz\n" if check == "http" else ""
        pools = []
        for pool in range(0, probed.count, POOL):
            servers = "\n".join(f"    server b{n} {address_of(n)}:{PORT} check"
                                for n in range(pool, min(pool + POOL, probed.count)))
            pools.append(f"backend pool{pool // POOL}\n{ask}{servers}\n")
        config = folder / "haproxy.cfg"
        config.write_text(HAPROXY_CONFIG.format(folder=folder, address=host.address, pools="\n".join(pools)))
        self.socket = folder / "haproxy.sock"
        self.count = probed.count
        self.host = host
        self.process = host.start(*FIRST, "taskset", "-c", str(probed.core), "haproxy", "-db", "-f", config, log="haproxy.log")

    def all_up(self) -> bool:
        if not self.process.running:
            raise RuntimeError(f"haproxy ended:\n{self.process.text()}")
        if not self.socket.exists():
            return False
        import socket
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.socket))
            control.sendall(b"show stat\n")
            text = b""
            while piece := control.recv(65536):
                text += piece
        rows = [line.split(",") for line in text.decode().splitlines()]
        checked = [row for row in rows if len(row) > 36 and row[36].startswith(("L4OK", "L7OK"))]
        return len(checked) == self.count

    def lateness(self, before: dict[str, float] | None) -> tuple[dict[str, float], float]:
        return {}, 0.0

    def stop(self) -> None:
        self.process.stop()


def late_p99(before: dict[str, float], now: dict[str, float]) -> float:
    """Upper bound of the bucket with the 99th percentile of the probes in between, in ms, interpolated."""
    buckets = []
    for name, value in now.items():
        if found := re.search(r'_bucket\{le="([^"]+)"\}', name):
            bound = float("inf") if found.group(1) == "+Inf" else float(found.group(1))
            buckets.append((bound, value - before.get(name, 0.0)))
    buckets.sort()
    if not buckets:
        return 0.0
    wanted, lower, below = 0.99 * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            return 1e3 * (lower + (bound - lower) * (wanted - below) / max(count - below, 1.0))
        lower, below = bound, count
    return float("inf")


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory: the process's own, and that of the mapped tables of the BPF programs."""
    own = tables = 0
    of_a_map = False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            of_a_map = "bpf-map" in line or "bpf_map" in line
        elif line.startswith("Rss:"):
            size = int(line.split()[1])
            own, tables = (own, tables + size) if of_a_map else (own + size, tables)
    return own / 1024, tables / 1024


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(probed: ProbedLab, balancer: Ours | HAProxyChecks, settle: float, seconds: float) -> Measured:
    began = time.monotonic()
    wait_until(balancer.all_up, "every backend is up", 120, interval=0.2)
    start_seconds = time.monotonic() - began
    time.sleep(settle)
    probed.seen()
    late, _ = balancer.lateness(None)
    before, began = cpu_seconds(balancer.process.pid), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    used = cpu_seconds(balancer.process.pid) - before
    seen = probed.seen()
    _, late_ms = balancer.lateness(late)
    own, tables = memory_mb(balancer.process.pid)
    return Measured(used / took, float(str(seen["connections"])) / took, seen["gap_ms"], own, tables, late_ms, start_seconds)
