"""The daemon under test: its configuration, its life, its commands and its audit trail."""

from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab import paths
from lab.host import Process, has_tcx
from lab.topology import Lab
from lab.waiting import Deadline, wait_until

Record = dict[str, Any]
Table = Mapping[str, object]


@dataclass
class Service:
    """One [[service]]; `backends` are (name, address, port) or tables. `keys` and `check` are written as they are."""

    name: str
    address: str
    backends: Sequence[tuple[str, str, int] | Table]
    port: int | str = 80
    protocol: str = "tcp"
    check: Table | Sequence[Table] = field(default_factory=lambda: {"type": "http", "path": "/healthz"})
    keys: Table = field(default_factory=dict)

    def text(self) -> str:
        own: Table = {"name": self.name, "address": self.address, "port": self.port, "protocol": self.protocol}
        parts = [_table("[[service]]", {**own, **self.keys})]
        if isinstance(self.check, Mapping):
            parts.append(_table("[service.check]", self.check))
        else:
            parts += [_table("[[service.check]]", check) for check in self.check]
        for backend in self.backends:
            if isinstance(backend, tuple):
                backend = dict(zip(("name", "address", "port"), backend))
            parts.append(_table("[[service.backend]]", backend))
        return "\n".join(parts)


def config_text(services: Sequence[Service], **tables: Table) -> str:
    """A whole pointsman.toml."""
    parts = [_table(f"[{name}]", table) for name, table in tables.items() if table]
    return "\n".join([*parts, *(service.text() for service in services)])


class Pointsman:
    """A daemon on the balancer of a lab. Made, it is only configured; `start` runs it, `ready` waits for it.
    Keyword tables (daemon, log, datapath, health) are merged over the lab's own."""

    def __init__(self, lab: Lab, services: Sequence[Service] | None = None, *, attach: str = "auto", name: str = "pointsman",
                 **tables: Table) -> None:
        self.lab = lab
        self.name = name
        self.folder = lab.folder / name
        self.folder.mkdir()
        self.config = self.folder / "pointsman.toml"
        self.control = self.folder / "control.sock"
        self.audit_file = self.folder / "audit.jsonl"
        self.tables: dict[str, Table] = {
            "daemon": {"control": str(self.control), "state_dir": str(self.folder / "state"), "bpffs": str(lab.bpffs)},
            "log": {"level": "info", "audit": str(self.audit_file)},
            "datapath": {"interfaces": lab.interfaces, "attach": attach},
        }
        for table, keys in tables.items():
            self.tables[table] = {**self.tables.get(table, {}), **keys}
        self.services = list(services) if services is not None else [web(lab)]
        self.process: Process | None = None
        self.write()

    def write(self, text: str | None = None) -> None:
        """The configuration file: from `services` and `tables`, or as given."""
        self.config.write_text(text if text is not None else config_text(self.services, **self.tables))

    def start(self, **environment: str) -> Pointsman:
        """Starts the process, no more."""
        settings = [f"{name}={value}" for name, value in environment.items()]
        self.process = self.lab.balancer.start("env", *settings, paths.pointsman(), "run", "-c", self.config,
                                               log=f"{self.name}.log")
        return self

    def ready(self, timeout: float = 5.0) -> Pointsman:
        """Waits until every backend of every service is healthy and may get new flows."""
        try:
            wait_until(self._all_healthy, "every backend is healthy", timeout, interval=0.02)
        except Deadline as late:
            status = self.command("status")
            raise Deadline(f"{late}\n{status.stdout}{status.stderr}\npointsman's log:\n{self.log()}") from None
        return self

    def stop(self) -> int:
        """SIGTERM and the exit code."""
        assert self.process is not None
        return self.process.stop()

    def command(self, *words: str, timeout: float = 15) -> subprocess.CompletedProcess[str]:
        """One command of the CLI, e.g. command("drain", "web/b1"); never raises for its exit code. The daemon is found by
        its socket, so that a broken configuration file does not matter."""
        where = ["--control", self.control]
        if words[0] in ("check", "detach", "doctor"):
            where = ["-c", self.config]
        elif words[0] in ("explain", "completion", "version"):
            where = []
        return self.lab.balancer.run(paths.pointsman(), words[0], *where, *words[1:], check=False, timeout=timeout)

    def ask(self, method: str, target: str, body: object = None) -> Record:
        """One request to the control socket; its JSON object, with the HTTP status as `http_status`, and `http_allow`, if given."""
        connection = http.client.HTTPConnection("pointsman", timeout=15)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.control))
        with contextlib.closing(connection):
            connection.request(method, target, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            found: Record = json.loads(answer.read())
            allow = answer.getheader("Allow")
            return {**found, "http_status": answer.status} | ({} if allow is None else {"http_allow": allow})

    def run_to_end(self, timeout: float = 5.0) -> subprocess.CompletedProcess[str]:
        """`run` that is expected to fail at start."""
        return self.lab.balancer.run(paths.pointsman(), "run", "-c", self.config, check=False, timeout=timeout)

    def log(self) -> str:
        return self.process.text() if self.process else ""

    def status(self) -> Record:
        done = self.command("status", "--json")
        if done.returncode != 0:
            raise RuntimeError(f"status: exit {done.returncode}: {done.stderr.strip()}")
        status: Record = json.loads(done.stdout)
        return status

    def control_answers(self) -> bool:
        """The daemon is up; raises if it ended."""
        if self.process is not None and not self.process.running:
            raise RuntimeError(f"pointsman ended with {self.process.popen.returncode}:\n{self.log()}")
        return self.command("status", "--json").returncode == 0

    def backend(self, name: str, service: str = "web") -> Record:
        """What `status` says of one backend."""
        found = next(s for s in self.status()["services"] if s["name"] == service)
        backend: Record = next(b for b in found["backends"] if b["name"] == name)
        return backend

    def wait_for_state(self, backend: str, state: str, service: str = "web", timeout: float = 5.0) -> Record:
        return wait_until(lambda: (found := self.backend(backend, service))["state"] == state and found,
                          f"{service}/{backend} is {state}", timeout, interval=0.02) or {}

    def audit(self, after_ns: int = 0, **fields: object) -> list[Record]:
        """The audit records after a time of CLOCK_MONOTONIC whose fields have these values."""
        if not self.audit_file.exists():
            return []
        lines = self.audit_file.read_text().rpartition("\n")[0].splitlines()
        records: list[Record] = [json.loads(line) for line in lines]
        return [r for r in records
                if r["mono_ns"] >= after_ns and all(r.get(key) == value for key, value in fields.items())]

    def wait_for_audit(self, after_ns: int = 0, timeout: float = 5.0, **fields: object) -> Record:
        """The first such record."""
        described = ", ".join(f"{key}={value}" for key, value in fields.items())
        return wait_until(lambda: self.audit(after_ns, **fields), f"an audit record with {described}", timeout)[0]

    def metrics(self) -> dict[str, float]:
        """Every sample, by its name with labels as they are written."""
        text = self.lab.balancer.run("curl", "-sf", "--unix-socket", self.control, "http://pointsman/metrics").stdout
        samples = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in samples}

    def attached(self) -> list[str]:
        """What of BPF is on the balancer's interfaces, and the pins: empty when Pointsman is gone. A kernel without tcx
        keeps the queueing discipline of its filters."""
        found = []
        for device in self.lab.balancer.devices:
            link = self.lab.balancer.run("ip", "-d", "link", "show", device).stdout
            found += [f"{device}: XDP program"] if "xdp" in link else []
            qdiscs = self.lab.balancer.run("tc", "qdisc", "show", "dev", device).stdout
            found += [f"{device}: clsact"] if "clsact" in qdiscs and has_tcx() else []
            programs = self.lab.balancer.run("bpftool", "-j", "net", "show", "dev", device).stdout
            hooks = [hook for entry in json.loads(programs or "[]") for hook, users in entry.items() if users]
            found += [f"{device}: program at {hook}" for hook in hooks]
        return found + [str(path) for path in [self.lab.bpffs] if path.exists()]

    def _all_healthy(self) -> bool:
        assert self.process is not None
        if not self.process.running:
            raise RuntimeError(f"pointsman ended with {self.process.popen.returncode}:\n{self.log()}")
        try:
            services = self.status()["services"]
        except RuntimeError:
            return False
        backends = [backend for service in services for backend in service["backends"]]
        return (len(services) == len(self.services) and all(s["healthy"] == s["total"] for s in services)
                and all(backend.get("eligible", True) for backend in backends))


def web(lab: Lab, **keys: object) -> Service:
    """The lab's usual service: HTTP on port 80 over every backend."""
    backends = [(host.name, host.address, 80) for host in lab.backends]
    return Service("web", lab.service_address, backends, keys=keys)


def record_time_ms(record: Record, since_ns: int) -> float:
    return float(record["mono_ns"] - since_ns) / 1e6


def now_ns() -> int:
    return time.monotonic_ns()


def _table(heading: str, keys: Table) -> str:
    return "\n".join([heading, *(f"{key} = {_value(value)}" for key, value in keys.items()), ""])


def _value(value: object) -> str:
    """TOML's basic strings, numbers, booleans and arrays are written as JSON writes them."""
    return json.dumps(value if not isinstance(value, pathlib.Path) else str(value), ensure_ascii=False)
