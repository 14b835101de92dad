"""A lab in which services are forwarded in one way (nat, dsr, ipip, gue; IPv4 or IPv6), with servers of every kind behind."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from conftest import physical

from lab import Lab, Nginx, Pointsman, Service, TcpDigest, UdpEcho, Way

UDP_PORT = 5353
DIGEST_PORT = 9000
WAYS = [Way(forward, source, v6) for v6 in (False, True)
        for forward, source in [("nat", "pool"), ("nat", "client"), ("dsr", "pool"), ("ipip", "pool"), ("gue", "pool")]]
ACROSS = [Way(forward, v6=v6, across=True) for v6 in (False, True) for forward in ("ipip", "gue")]


@dataclass
class WaySite:
    """`daemon` runs with the services web (nginx), digest (TcpDigest) and names (UdpEcho) on one address."""

    way: Way
    lab: Lab
    nginx: dict[str, Nginx]
    daemon: Pointsman

    @property
    def address(self) -> str:
        return self.way.service(self.lab)

    def url(self, path: str) -> str:
        return f"http://{f'[{self.address}]' if self.way.v6 else self.address}{path}"

    def udp(self, timeout: float = 2) -> socket.socket:
        """A connected UDP socket of the client's."""
        client = self.lab.client.socket(socket.SOCK_DGRAM, socket.AF_INET6 if self.way.v6 else socket.AF_INET)
        client.settimeout(timeout)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        client.connect((self.address, UDP_PORT))
        return client

    def upload(self, payload: bytes, timeout: float = 30) -> bool:
        """Whether the payload arrived at a backend as it was sent."""
        with self.lab.client.connect(self.address, DIGEST_PORT, timeout) as connection:
            connection.sendall(payload)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(64) == hashlib.sha256(payload).hexdigest().encode()

    def download(self, path: str, timeout: int = 60) -> str:
        """SHA-256 of what is served there."""
        fetch = f"curl -gsf --max-time {timeout} '{self.url(path)}' | sha256sum"
        return self.lab.client.run("bash", "-o", "pipefail", "-c", fetch, timeout=timeout + 10).stdout.split()[0]


def services(lab: Lab, way: Way) -> list[Service]:
    def over(port: int) -> list[tuple[str, str, int]]:
        return [(host.name, way.backend_address(host), port) for host in lab.backends]

    address = way.service(lab)
    return [
        Service("web", address, over(80), keys=way.keys),
        Service("digest", address, over(DIGEST_PORT), port=DIGEST_PORT, keys=way.keys, check={"type": "tcp"}),
        Service("names", address, over(UDP_PORT), port=UDP_PORT, protocol="udp", keys=way.keys, check={"type": "none"}),
    ]


def ask(client: socket.socket, payload: bytes) -> tuple[str, bytes]:
    """The backend that answered, and the payload that came back."""
    client.send(payload)
    name, _, rest = client.recv(1 << 16).partition(b" ")
    return name.decode(), rest.partition(b" ")[2]


@contextlib.contextmanager
def running_way(way: Way, attach: str, *, routed: str = "", nics: bool | None = None) -> Iterator[WaySite]:
    """`nics`: whether the links are those of physical NICs; None: as the way to attach wants it."""
    with contextlib.ExitStack() as held:
        lab = held.enter_context(Lab(physical=physical(attach) if nics is None else nics, two_legs=way.source == "client", routed=routed))
        way.prepare(lab)
        nginx = {host.name: Nginx(host) for host in lab.backends}
        for host in lab.backends:
            held.enter_context(TcpDigest(host, DIGEST_PORT))
            held.enter_context(UdpEcho(host, UDP_PORT, way.address(host) if way.translates else way.service(lab)))
        daemon = Pointsman(lab, services(lab, way), attach=attach)
        daemon.start()
        try:
            daemon.ready()
            yield WaySite(way, lab, nginx, daemon)
        except BaseException:
            print(f"--- pointsman's log\n{daemon.log()}\n{daemon.command('status').stdout}")
            raise


@contextlib.contextmanager
def noise_file(octets: int) -> Iterator[tuple[pathlib.Path, str]]:
    """Noise that every user may read, and its SHA-256."""
    with tempfile.TemporaryDirectory(prefix="pointsman-noise-") as folder:
        os.chmod(folder, 0o755)
        path, noise = pathlib.Path(folder, "noise"), os.urandom(octets)
        path.write_bytes(noise)
        yield path, hashlib.sha256(noise).hexdigest()
