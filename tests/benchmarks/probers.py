"""Who probes in tests/bench --health: the daemon and HAProxy, each alone on its core."""

from __future__ import annotations

import os
import re
import socket
import time
from typing import Protocol

from lab.host import Process
from lab.pointsman import Pointsman, Service
from lab.probed import FIRST, PORT, ProbedLab, address_of
from lab.trail import Trail

POOL = 100  # backends of one service
FIRST_SERVICE_PORT = 10_000

HAPROXY = """\
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


class Prober(Protocol):
    process: Process

    def all_up(self) -> bool: ...
    def lateness(self) -> dict[float, float]: ...
    def stop(self) -> None: ...


class PointsmanProber:
    """The daemon. Its checks are those of its defaults but for their type and `passive`. Its services are one address's, at ports
    from FIRST_SERVICE_PORT on."""

    def __init__(self, probed: ProbedLab, check: str, passive: str = "probe") -> None:
        keys = {"type": "http", "path": "/healthz"} if check == "http" else {"type": "tcp"}
        services = [Service(f"pool{number}", probed.lab.service_address, [(f"b{n}", address_of(n), PORT) for n in members],
                            port=FIRST_SERVICE_PORT + number, check={**keys, "passive": passive})
                    for number, (_, members) in enumerate(pools_of(probed.count))]
        self.count = probed.count
        self.daemon = Pointsman(
            probed.lab, services, name=f"pointsman-{time.monotonic_ns()}", attach="tc", log={"level": "warning"},
            datapath={"backends": max(self.count + 1, 64), "services": max(len(services) + 1, 16), "sessions": 16384})
        self.trail = Trail(self.daemon.audit_file)
        self.up: set[tuple[str, str]] = set()
        assert self.daemon.start().process is not None
        self.process = self.daemon.process
        os.sched_setaffinity(self.process.pid, {probed.core})
        os.setpriority(os.PRIO_PROCESS, self.process.pid, -20)

    def all_up(self) -> bool:
        """In the tables, by the audit trail: `status` of so many takes the daemon as long as thousands of probes."""
        if not self.process.running:
            raise RuntimeError(f"pointsman ended:\n{self.daemon.log()}")
        if not self.daemon.audit_file.exists():
            return False
        for record in self.trail.read_on():
            self.up.update((change["service"], change["backend"]) for change in record.get("changes", ())
                           if record["kind"] == "publish" and change["kind"] == "backend" and change["now"] == "up")
        return len(self.up) == self.count

    def lateness(self) -> dict[float, float]:
        """Probes that started so many seconds after they were due, or less."""
        found = {}
        for name, value in self.daemon.metrics().items():
            if bound := re.fullmatch(r'pointsman_probe_lateness_seconds_bucket\{le="(.+)"\}', name):
                found[float(bound.group(1).replace("+Inf", "inf"))] = value
        return found

    def stop(self) -> None:
        self.daemon.stop()


class HAProxyProber:
    """HAProxy with one thread and the same backends."""

    def __init__(self, probed: ProbedLab, check: str) -> None:
        host = probed.lab.balancer
        folder = host.folder / f"haproxy-{time.monotonic_ns()}"
        folder.mkdir()
        ask = "    option httpchk GET /healthz\n" if check == "http" else ""
        pools = [f"backend pool{first // POOL}\n{ask}"
                 + "".join(f"    server b{n} {address_of(n)}:{PORT} check\n" for n in members)
                 for first, members in pools_of(probed.count)]
        config = folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(folder=folder, address=host.address, pools="\n".join(pools)))
        self.control = folder / "haproxy.sock"
        self.count = probed.count
        self.process = host.start(*FIRST, "taskset", "-c", str(probed.core), "haproxy", "-db", "-f", config, log="haproxy.log")

    def all_up(self) -> bool:
        if not self.process.running:
            raise RuntimeError(f"haproxy ended:\n{self.process.text()}")
        if not self.control.exists():
            return False
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.control))
            control.sendall(b"show stat\n")
            text = b""
            while piece := control.recv(65536):
                text += piece
        rows = [line.split(",") for line in text.decode().splitlines()]
        return sum(len(row) > 36 and row[36].startswith(("L4OK", "L7OK")) for row in rows) == self.count

    def lateness(self) -> dict[float, float]:
        return {}

    def stop(self) -> None:
        self.process.stop()


def pools_of(count: int) -> list[tuple[int, range]]:
    return [(first, range(first, min(first + POOL, count))) for first in range(0, count, POOL)]
