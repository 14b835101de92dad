"""One host of the lab: a network namespace and the processes in it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lab.waiting import wait_until

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command: str | os.PathLike[str], check: bool = True, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    """Runs to the end; on failure raises with what the command printed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(w) for w in command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def has_tcx() -> bool:
    """Linux 6.6 or newer."""
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int(minor)) >= (6, 6)


class Process:
    """A process of the lab, ended by its pid."""

    def __init__(self, command: Sequence[str], output: pathlib.Path, errors: pathlib.Path | None = None) -> None:
        self.command = list(command)
        self.output = output
        self.errors = errors or output
        with open(output, "ab") as out, open(self.errors, "ab") as err:
            self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          start_new_session=True)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def family(self) -> list[int]:
        """This process and its living children (nginx's workers), parents first."""
        pids = [self.pid] if self.running else []
        for pid in pids:
            with contextlib.suppress(OSError):
                pids += [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return pids

    def kill(self) -> int:
        """SIGKILL to the process and its children, as `kill -9` would. Returns CLOCK_MONOTONIC in ns, just before."""
        pids = self.family()
        before = time.monotonic_ns()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.popen.wait(timeout=5)
        return before

    def stop(self, timeout: float = 5.0) -> int:
        """SIGTERM, then SIGKILL after `timeout` seconds. Returns the exit code."""
        if self.running:
            self.popen.terminate()
        try:
            return self.popen.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.popen.returncode

    def wait(self, timeout: float) -> int:
        return self.popen.wait(timeout=timeout)

    def text(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(errors="replace")


@dataclass
class Host:
    """`address` is that of its first device, `addresses` of all; `address6` is the IPv6 one of the first."""

    name: str
    namespace: str
    folder: pathlib.Path
    devices: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    address6: str = ""
    processes: list[Process] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.addresses[0]

    def command(self, *words: str | os.PathLike[str]) -> list[str]:
        """What runs `words` on this host. nsenter and not `ip netns exec`, which hides /sys/fs/bpf."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *(str(word) for word in words)]

    def run(self, *words: str | os.PathLike[str], check: bool = True, timeout: float = 30
            ) -> subprocess.CompletedProcess[str]:
        return run(*self.command(*words), check=check, timeout=timeout)

    def start(self, *words: str | os.PathLike[str], log: str, errors: str | None = None) -> Process:
        """Starts a process whose output goes to the file `log` (and `errors`) in the lab's folder."""
        process = Process(self.command(*words), self.folder / log, self.folder / errors if errors else None)
        self.processes.append(process)
        return process

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Puts the calling thread on this host; sockets made there stay there."""
        with open("/proc/thread-self/ns/net") as before, open(f"/run/netns/{self.namespace}") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def socket(self, kind: int = socket.SOCK_STREAM, family: int = socket.AF_INET) -> socket.socket:
        with self.inside():
            return socket.socket(family, kind)

    def connect(self, address: str, port: int, timeout: float = 3.0) -> socket.socket:
        """A TCP connection from this host."""
        connection = self.socket(family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        connection.settimeout(timeout)
        try:
            connection.connect((address, port))
        except BaseException:
            connection.close()
            raise
        return connection

    def get(self, address: str, port: int, path: str = "/", timeout: float = 3.0) -> bytes:
        """The body of one HTTP request on a connection of its own; raises OSError as sockets do."""
        with self.connect(address, port, timeout) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: lab\r\n\r\n".encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise ConnectionError(f"{address}:{port}{path}: {head[:80]!r}")
        return body

    def answers(self, address: str, port: int, path: str = "/") -> bool:
        try:
            self.get(address, port, path, timeout=0.5)
            return True
        except OSError:
            return False

    def ifindex(self, device: str) -> int:
        return int(str(self._link(device)["ifindex"]))

    def mac(self) -> bytes:
        """That of its first device."""
        return bytes.fromhex(str(self._link(self.devices[0])["address"]).replace(":", ""))

    def _link(self, device: str) -> dict[str, object]:
        found: list[dict[str, object]] = json.loads(self.run("ip", "-j", "link", "show", "dev", device).stdout)
        return found[0]

    def sysctl(self, key: str, value: str | int) -> None:
        """Sets a net.* key in this namespace only."""
        with self.inside():
            pathlib.Path("/proc/sys", key.replace(".", "/")).write_text(str(value))

    def steer(self, device: str, cores: Iterable[int]) -> None:
        """What arrives on the device is handled by one of these cores, all of a flow by the same one (receive packet steering). sysfs
        shows the devices of the namespace in which it was mounted."""
        mask = sum(1 << core for core in cores)
        rps = pathlib.Path("/sys/class/net", device, "queues/rx-0/rps_cpus")
        self.run("unshare", "--mount", "sh", "-c", f"mount -t sysfs none /sys && echo {mask:x} > {rps}")

    def end_processes(self) -> None:
        """Ends everything in the namespace, politely first, by pid."""
        for process in reversed(self.processes):
            if process.running:
                process.popen.terminate()
        for process in reversed(self.processes):
            process.stop(timeout=2.0)
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self._pids(), f"{self.name} has no processes left")

    def _pids(self) -> list[int]:
        return [int(pid) for pid in run("ip", "netns", "pids", self.namespace, check=False).stdout.split()]


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
