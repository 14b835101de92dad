"""Servers that behave badly, each on a port of one host, in threads of this process; and varnishtest's."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping

from lab.host import Host, Process
from lab.waiting import wait_until

Behaviour = Callable[[socket.socket], None]  # gets each connection, which is closed afterwards
PIECE = 65536


def asked(connection: socket.socket) -> None:
    """Reads what the probe sends first."""
    connection.recv(4096)


def says(octets: bytes) -> Behaviour:
    """Waits for the request, answers, closes."""
    def behave(connection: socket.socket) -> None:
        asked(connection)
        connection.sendall(octets)
    return behave


def greets(octets: bytes) -> Behaviour:
    """Speaks first, closes when the other side does."""
    def behave(connection: socket.socket) -> None:
        connection.sendall(octets)
        until_closed(connection)
    return behave


def says_and_stays(octets: bytes) -> Behaviour:
    """Answers and leaves the connection open."""
    def behave(connection: socket.socket) -> None:
        asked(connection)
        connection.sendall(octets)
        until_closed(connection)
    return behave


def says_for_ever(octets: bytes, piece: bytes) -> Behaviour:
    """Answers, and then repeats `piece` for as long as somebody listens."""
    many = piece * max(1, PIECE // len(piece))

    def behave(connection: socket.socket) -> None:
        asked(connection)
        connection.sendall(octets)
        while True:
            connection.sendall(many)
    return behave


def says_slowly(octets: bytes, every: float) -> Behaviour:
    """An octet each `every` seconds."""
    def behave(connection: socket.socket) -> None:
        asked(connection)
        for octet in octets:
            connection.sendall(bytes([octet]))
            with contextlib.suppress(TimeoutError):
                connection.settimeout(every)
                if not connection.recv(1):
                    return
    return behave


def half_closes(octets: bytes) -> Behaviour:
    """Answers, ends its own direction and leaves the other open."""
    def behave(connection: socket.socket) -> None:
        asked(connection)
        connection.sendall(octets)
        connection.shutdown(socket.SHUT_WR)
        until_closed(connection)
    return behave


def closes(_: socket.socket) -> None:
    """Accepts and closes."""


def resets(connection: socket.socket) -> None:
    """RST right after the handshake."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def until_closed(connection: socket.socket) -> None:
    """Says nothing, whatever comes."""
    while connection.recv(4096):
        pass


def by_tls(certificate: tuple[pathlib.Path, pathlib.Path], behave: Behaviour) -> Behaviour:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            behave(tls)
    return wrapped


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame of HTTP/2 (RFC 9113, section 4.1)."""
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def grpc_answer(message: bytes) -> bytes:
    """A gRPC answer with status 0: SETTINGS, HEADERS, DATA, trailers; literal fields without Huffman coding."""
    def field(name: bytes, value: bytes) -> bytes:
        return bytes([0, len(name)]) + name + bytes([len(value)]) + value
    head = b"\x88" + field(b"content-type", b"application/grpc")
    return (frame(4, 0, 0, b"") + frame(1, 4, 1, head) +
            frame(0, 0, 1, b"\0" + struct.pack("!I", len(message)) + message) +
            frame(1, 5, 1, field(b"grpc-status", b"0")))


class Hostiles:
    """Listens on a host's ports until the end of the `with` block."""

    def __init__(self, host: Host, behaviours: Mapping[int, Behaviour]) -> None:
        self.listeners = []
        for port, behave in behaviours.items():
            listener = host.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host.address, port))
            listener.listen(512)
            self.listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener, behave), daemon=True).start()

    def __enter__(self) -> Hostiles:
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self.listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    @staticmethod
    def _accept(listener: socket.socket, behave: Behaviour) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=Hostiles._serve, args=(connection, behave), daemon=True).start()

    @staticmethod
    def _serve(connection: socket.socket, behave: Behaviour) -> None:
        with contextlib.suppress(OSError), connection:  # a probe that has seen enough resets the connection
            behave(connection)


def varnishtest(host: Host, script: str) -> Process:
    """Runs a script of Varnish's HTTP tester on a host, `{address}` in it being the host's."""
    file = host.folder / f"{host.name}.vtc"
    file.write_text(script.replace("{address}", host.address))
    # It keeps its log of every request in memory, and ends when that is full.
    process = host.start("varnishtest", "-t", "3600", "-b", "256M", file, log="varnishtest.log")
    ports = [int(word.rpartition(":")[2].strip('"')) for word in script.split() if word.startswith('"{address}:')]

    def listen() -> bool:
        if not process.running:
            raise RuntimeError(f"varnishtest ended:\n{process.text()[-2000:]}")
        found = host.run("ss", "-Htln").stdout
        return all(f":{port} " in found for port in ports)

    wait_until(listen, "varnishtest listens")
    return process
