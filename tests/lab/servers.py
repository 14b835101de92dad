"""Real servers of the lab: nginx backends, and the reverse proxies that Pointsman is compared with."""

from __future__ import annotations

import pathlib
import socket
from collections.abc import Sequence

from lab.host import Host, Process, run
from lab.waiting import wait_until

NGINX = """\
daemon off;
user root;
pid {folder}/pid;
error_log {folder}/error.log crit;
worker_processes {workers};
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type text/plain;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/tmp; proxy_temp_path {folder}/tmp; fastcgi_temp_path {folder}/tmp;
    uwsgi_temp_path {folder}/tmp; scgi_temp_path {folder}/tmp;
{http}
}}
"""

BACKEND = """\
    server {{
        {listen}
        {rules}
        root {folder}/files;
        location = / {{ return 200 "{name:<12}\\n"; }}
        location = /healthz {{ return 200 "ok\\n"; }}
        location = /whoami {{ return 200 "$remote_addr $remote_port\\n"; }}
        location = /port {{ return 200 "$server_port\n"; }}
        location /files/ {{ alias {folder}/files/; }}
    }}"""

PROXY = """\
    upstream backends {{
        {servers}
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {address}:{port} backlog=4096;
        location / {{
            proxy_pass http://backends;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}"""

HAPROXY = """\
global
    nbthread 2
    maxconn 4000
    stats socket {folder}/haproxy.sock level admin
defaults
    mode tcp
    timeout connect {connect}
    timeout client 1h
    timeout server 1h
listen web
    bind {address}:{port} backlog 4096
    balance roundrobin
    {rules}
    {servers}
{extra}"""


class Server:
    """Something in the lab that is started, killed and started again. `process` is its present life."""

    process: Process

    def __init__(self, host: Host, name: str) -> None:
        self.host = host
        self.name = name
        self.folder = host.folder / name
        self.folder.mkdir()

    def start(self) -> None:
        raise NotImplementedError

    def kill(self) -> int:
        """`kill -9` of every process of it. Returns CLOCK_MONOTONIC in ns, just before."""
        return self.process.kill()

    def stop(self) -> None:
        self.process.stop()

    def _run(self, command: Sequence[str], address: str, port: int, path: str = "/") -> None:
        self.process = self.host.start(*command, log=f"{self.name}.log")
        wait_until(lambda: self._serves(address, port, path), f"{self.name} serves {address}:{port}", timeout=10)

    def _serves(self, address: str, port: int, path: str) -> bool:
        if not self.process.running:
            raise RuntimeError(f"{self.name} did not start:\n{self.process.text()}")
        return self.host.answers(address, port, path)


class Nginx(Server):
    """A backend: `/` answers with 13 bytes that name it, `/healthz` with ok, `/whoami` with what it sees of the client,
    `/port` with its port, `/files/` with what `add_file` made."""

    def __init__(self, host: Host, ports: Sequence[int] = (80,), workers: int = 1,
                 certificate: tuple[pathlib.Path, pathlib.Path] | None = None, *, backlog: int = 4096,
                 may_fall_ill: bool = False, name: str = "nginx") -> None:
        """With a certificate (and its key) also by TLS, on port 443. One that may fall ill answers 500 to everything while
        the file `ill` exists."""
        super().__init__(host, f"{name}-{host.name}")
        self.ports = list(ports)
        self.files = self.folder / "files"
        self.files.mkdir()
        self.ill = self.folder / "ill"
        listen = " ".join(f"listen {port} backlog={backlog}; listen [::]:{port} backlog={backlog};" for port in self.ports)
        if certificate:
            listen += f" listen 443 ssl; ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};"
        rules = f"if (-f {self.ill}) {{ return 500; }}" if may_fall_ill else ""
        server = BACKEND.format(listen=listen, folder=self.folder, name=host.name, rules=rules)
        self.configuration = self.folder / "nginx.conf"
        self.configuration.write_text(NGINX.format(folder=self.folder, workers=workers, http=server))
        self.start()

    def start(self) -> None:
        self._run(["nginx", "-p", str(self.folder), "-c", str(self.configuration)], self.host.address, self.ports[0])

    def add_file(self, source: pathlib.Path) -> str:
        """Serves a link to the file; returns its path in URLs."""
        (self.files / source.name).symlink_to(source)
        return f"/files/{source.name}"


def self_signed(folder: pathlib.Path, name: str, address: str) -> tuple[pathlib.Path, pathlib.Path]:
    """A certificate for a name and an address, and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:{address}", "-out", certificate, "-keyout", key)
    return certificate, key


class NginxProxy(Server):
    """nginx as reverse proxy with keep-alive to the backends, on an address of the host itself."""

    def __init__(self, host: Host, backends: Sequence[Host], port: int = 8081, workers: int = 2) -> None:
        super().__init__(host, "nginx-proxy")
        self.port = port
        servers = " ".join(f"server {backend.address}:80;" for backend in backends)
        proxy = PROXY.format(servers=servers, address=host.address, port=port)
        self.configuration = self.folder / "nginx.conf"
        self.configuration.write_text(NGINX.format(folder=self.folder, workers=workers, http=proxy))
        self.start()

    def start(self) -> None:
        self._run(["nginx", "-p", str(self.folder), "-c", str(self.configuration)], self.host.address, self.port)


class HAProxy(Server):
    """HAProxy in tcp mode with its default checks, unless `check` and `rules` say other ones."""

    def __init__(self, host: Host, backends: Sequence[Host], address: str | None = None, port: int = 8082,
                 check: str = "check", rules: Sequence[str] = (), connect: str = "3s", extra: str = "") -> None:
        """`extra` are more sections of its configuration."""
        super().__init__(host, "haproxy")
        self.address = address or host.address
        self.port = port
        servers = "\n    ".join(f"server {backend.name} {backend.address}:80 {check}" for backend in backends)
        self.configuration = self.folder / "haproxy.cfg"
        self.configuration.write_text(
            HAPROXY.format(folder=self.folder, address=self.address, port=port, servers=servers, connect=connect,
                           rules="\n    ".join(rules), extra=extra))
        self.start()

    def start(self) -> None:
        self._run(["haproxy", "-db", "-f", str(self.configuration)], self.address, self.port)

    def state_of(self, backend: str) -> str:
        """UP, DOWN, … as its statistics say."""
        return self.statistics(backend)["status"]

    def statistics(self, backend: str) -> dict[str, str]:
        """All they say of one backend, by the names that HAProxy gives."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.folder / "haproxy.sock"))
            control.sendall(b"show stat\n")
            text = b""
            while piece := control.recv(65536):
                text += piece
        names, *rows = [line.split(",") for line in text.decode().removeprefix("# ").splitlines() if line]
        return next(found for row in rows if (found := dict(zip(names, row)))["svname"] == backend)
