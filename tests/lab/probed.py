"""A lab with thousands of backends that are all one server: for what probes cost."""

from __future__ import annotations

import contextlib
import json
import os
import signal

from lab import paths
from lab.fast_switch import speed_up
from lab.host import Host
from lab.topology import Lab
from lab.waiting import wait_until

PORT = 8000
NETWORK = "10.80.0.0/16"
FIRST = ("nice", "-n", "-20")  # what else runs on the machine shall matter little


def address_of(number: int) -> str:
    return f"10.80.{number // 250}.{number % 250 + 1}"


def tcp_counters(host: Host) -> dict[str, int]:
    """Of the host's kernel, by the names of RFC 4022 and Linux."""
    names, values = (line.split()[1:] for line in host.run("grep", "^Tcp:", "/proc/net/snmp").stdout.splitlines())
    return dict(zip(names, map(int, values)))


class ProbedLab:
    """Every address of NETWORK is the one backend's own, where probed_server answers. Balancer and backend have a core
    each (if there are two), and what a host receives its own core handles, as on two machines: a veth by itself has the
    sender's core do the work of both ends. What a client sends is handled by one core, too, or two would have the end of its
    handshake and its request in hand at once (docs/limits.md): tc hands packets on past the balancer's steering."""

    def __init__(self, labs: contextlib.ExitStack, count: int) -> None:
        self.count = count
        self.lab = labs.enter_context(Lab(1))
        self.core, self.server_core = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
        speed_up(self.lab)
        balancer, backend = self.lab.balancer, self.lab.backends[0]
        backend.run("ip", "route", "add", "local", NETWORK, "dev", "lo")
        balancer.run("ip", "route", "add", NETWORK, "via", backend.address)
        backend.sysctl("net.core.somaxconn", 65535)
        backend.sysctl("net.ipv4.tcp_max_syn_backlog", 65535)
        self.lab.bridge.steer("client-front", [self.server_core])
        self.lab.bridge.steer("balancer-front", [self.server_core])
        self.lab.bridge.steer("b1-front", [self.core])
        self.server = backend.start(*FIRST, "taskset", "-c", str(self.server_core), paths.probed_server(), str(PORT),
                                    log="probed.jsonl")
        wait_until(lambda: self._listens(), "probed_server listens", 10)

    def seen(self) -> dict[str, object]:
        """What the server saw since the last call."""
        before = len(self._reports())
        self.server.popen.send_signal(signal.SIGUSR1)
        wait_until(lambda: len(self._reports()) > before, "the server's report", 10)
        found: dict[str, object] = json.loads(self._reports()[-1])
        return found

    def handshakes(self) -> int:
        """That the backend's kernel saw begin and end since it was made: also those that the client ends by RST before they are
        complete, as HAProxy's tcp checks do, which no server ever accepts."""
        counted = tcp_counters(self.lab.backends[0])
        return counted["PassiveOpens"] + counted["AttemptFails"]

    def probes_begun(self) -> int:
        """Connections that the balancer's kernel began: all of them are probes, since what it forwards is not its own."""
        return tcp_counters(self.lab.balancer)["ActiveOpens"]

    def _reports(self) -> list[str]:
        return self.server.text().rpartition("\n")[0].splitlines()

    def _listens(self) -> bool:
        return f":{PORT} " in self.lab.backends[0].run("ss", "-Hltn").stdout
