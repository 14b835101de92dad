"""Load from the client, and what the client saw."""

from __future__ import annotations

import json
import re
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

from lab import paths
from lab.host import Host, Process
from lab.waiting import wait_until

HURT_NS = 500_000_000  # a connection that takes longer than this is hurt, whatever becomes of it


@dataclass(frozen=True)
class Connection:
    """One connection with one request. Times in ns of CLOCK_MONOTONIC; `backend` is empty unless the result is ok."""

    start_ns: int
    duration_ns: int
    result: str
    backend: str

    @property
    def hurt(self) -> bool:
        return self.result != "ok" or self.duration_ns > HURT_NS


class ConnectClient:
    """Opens new connections, one request each, at `rate` a second (0: as many as go), to `ports` ports from `port` on in turn,
    and records each."""

    def __init__(self, host: Host, address: str, port: int = 80, *, rate: int = 2000, parallel: int = 16,
                 seconds: float = 30, count: int = 1_000_000, timeout_ms: int = 3000, path: str = "/",
                 ports: int = 1) -> None:
        self._read = 0
        self._seen: list[Connection] = []
        self.process = host.start(
            paths.connect_client(), "connect", address, str(port), "--rate", str(rate), "--parallel", str(parallel),
            "--seconds", str(round(seconds)), "--count", str(count), "--timeout-ms", str(timeout_ms), "--path", path,
            "--ports", str(ports), log=f"connect-{time.monotonic_ns()}.jsonl", errors="connect.err")

    @property
    def connections(self) -> list[Connection]:
        """All that have ended so far, in the order of their ends."""
        with open(self.process.output, "rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        self._seen += [Connection(**json.loads(line)) for line in whole[0].splitlines()]
        return self._seen

    def hurt(self) -> list[Connection]:
        """By start."""
        return sorted((c for c in self.connections if c.hurt), key=lambda c: c.start_ns)

    def since(self, start_ns: int, backend: str | None = None) -> list[Connection]:
        """Those that began at or after `start_ns`, and, with `backend`, were answered by it."""
        return [c for c in self.connections if c.start_ns >= start_ns and backend in (None, c.backend)]

    def wait_for(self, count: int, since_ns: int = 0, backend: str | None = None, timeout: float = 10) -> None:
        """Until `count` more connections have begun after `since_ns` and ended."""
        whose = f" answered by {backend}" if backend else ""
        wait_until(lambda: self._running() and len(self.since(since_ns, backend)) >= count,
                   f"{count} connections{whose}", timeout, interval=0.02)

    def stop(self) -> list[Connection]:
        self.process.stop(timeout=8)
        return self.connections

    def finish(self, timeout: float = 60) -> list[Connection]:
        """Waits for its own end by seconds or count."""
        self.process.wait(timeout)
        return self.connections

    def _running(self) -> bool:
        if self.process.popen.poll() not in (None, 0):
            raise RuntimeError(f"connect_client: {self.process.errors.read_text()}")
        return True


def by_result(connections: list[Connection]) -> dict[str, int]:
    return dict(Counter(c.result if not c.hurt or c.result != "ok" else "slow" for c in connections))


@dataclass(frozen=True)
class Held:
    """A connection that was held open. `broke_ns` is 0 while it lives; `worst_ns` the longest wait for an answer."""

    backend: str
    requests: int
    opened_ns: int
    broke_ns: int
    result: str
    worst_ns: int


class HeldConnections:
    """`count` connections that stay open and ask every `interval_ms` (0: only when made and when released)."""

    def __init__(self, host: Host, address: str, port: int = 80, *, count: int = 32, interval_ms: int = 50,
                 seconds: float = 120, timeout_ms: int = 3000) -> None:
        self.process = host.start(
            paths.connect_client(), "hold", address, str(port), "--parallel", str(count),
            "--interval-ms", str(interval_ms), "--seconds", str(round(seconds)), "--timeout-ms", str(timeout_ms),
            log=f"hold-{time.monotonic_ns()}.jsonl", errors="hold.err")
        wait_until(self._holding, f"{count} connections held to {address}:{port}")

    def release(self) -> list[Held]:
        """Each is asked once more; then what became of all."""
        self.process.stop(timeout=8)
        return [Held(**json.loads(line)) for line in self.process.text().splitlines() if line.startswith("{")]

    def _holding(self) -> bool:
        if not self.process.running:
            raise RuntimeError(f"connect_client: {self.process.errors.read_text()}")
        return "holding" in self.process.text()


@dataclass(frozen=True)
class WrkReport:
    """`errors` counts broken connections, `bad_status` answers of other than 2xx and 3xx."""

    requests: int
    requests_per_second: float
    errors: dict[str, int] = field(default_factory=dict)
    bad_status: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0

    @property
    def failed(self) -> int:
        return sum(self.errors.values()) + self.bad_status


class Wrk:
    """wrk in the background, keep-alive unless `close`."""

    def __init__(self, host: Host, address: str, port: int = 80, *, seconds: float = 10, connections: int = 100,
                 threads: int = 2, close: bool = False, path: str = "/", timeout: float = 2) -> None:
        literal = f"[{address}]" if ":" in address else address
        header = ["-H", "Connection: close"] if close else []
        self.seconds = seconds
        self.process: Process = host.start(
            "wrk", f"-t{threads}", f"-c{connections}", f"-d{round(seconds)}s", f"--timeout={round(timeout)}s", "--latency",
            *header, f"http://{literal}:{port}{path}", log=f"wrk-{time.monotonic_ns()}.log")

    def stop(self) -> WrkReport:
        """Ends it early."""
        if self.process.running:
            self.process.popen.send_signal(signal.SIGINT)
        return self.finish()

    def finish(self) -> WrkReport:
        code = self.process.wait(self.seconds + 15)
        if code != 0:
            raise RuntimeError(f"wrk: exit {code}\n{self.process.text()}")
        return parse_wrk(self.process.text())


def parse_wrk(text: str) -> WrkReport:
    def number(pattern: str) -> float:
        found = re.search(pattern, text)
        return float(found.group(1)) if found else 0.0

    def milliseconds(percentile: int) -> float:
        found = re.search(rf"^\s+{percentile}%\s+([\d.]+)(us|ms|s|m)$", text, re.MULTILINE)
        return float(found.group(1)) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[found.group(2)] if found else 0.0

    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    kinds = ("connect", "read", "write", "timeout")
    return WrkReport(
        requests=int(number(r"(\d+) requests in")), requests_per_second=number(r"Requests/sec:\s+([\d.]+)"),
        errors=dict(zip(kinds, map(int, errors.groups()))) if errors else {},
        bad_status=int(number(r"Non-2xx or 3xx responses: (\d+)")), p50_ms=milliseconds(50), p99_ms=milliseconds(99))
