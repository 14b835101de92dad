"""Small servers in threads of the calling process: a UDP backend, and TCP listeners: such as ssh's, one that digests, agents."""

from __future__ import annotations

import contextlib
import hashlib
import select
import socket
import socketserver
import threading

from lab.host import Host

BANNER = b"SSH-2.0-lab\r\n"


class UdpEcho:
    """A UDP backend in a thread of its own: answers `NAME CLIENT_PORT PAYLOAD`. A context manager."""

    def __init__(self, host: Host, port: int = 5353, address: str | None = None) -> None:
        """Bound to one address, from which it answers: the host's own unless another one is named."""
        self.host = host
        self.port = port
        self.received = 0
        address = address or host.address
        self._socket = host.socket(socket.SOCK_DGRAM, socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((address, port))
        self._ends, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._answer, name=f"udp-{host.name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> UdpEcho:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._end.close()
        self._thread.join()
        self._socket.close()
        self._ends.close()

    def _answer(self) -> None:
        while True:
            ready, _, _ = select.select([self._socket, self._ends], [], [])
            if self._ends in ready:
                return
            payload, client = self._socket.recvfrom(65536)
            self.received += 1
            self._socket.sendto(f"{self.host.name} {client[1]} ".encode() + payload, client)



class TcpEcho:
    """Greets with a banner and echoes, on one address and port of a host. A context manager."""

    def __init__(self, host: Host, address: str, port: int) -> None:
        with host.inside():
            self._server = self._listen(address, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def _listen(self, address: str, port: int) -> socketserver.ThreadingTCPServer:
        return _EchoServer((address, port), _Echo)

    def __enter__(self) -> TcpEcho:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class TcpDigest(TcpEcho):
    """Reads to the end of what it is sent and answers with its SHA-256, on every address of a host."""

    def __init__(self, host: Host, port: int) -> None:
        super().__init__(host, "::", port)

    def _listen(self, address: str, port: int) -> socketserver.ThreadingTCPServer:
        return _DigestServer((address, port), _Digest)


class Agent(TcpEcho):
    """Tells each caller one line, `says`, as HAProxy's agents do. A context manager."""

    def __init__(self, host: Host, port: int, says: str) -> None:
        self.says = says
        self.asked = 0
        super().__init__(host, host.address, port)

    def _listen(self, address: str, port: int) -> socketserver.ThreadingTCPServer:
        agent = self

        class Answer(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.sendall(f"{agent.says}\n".encode())
                agent.asked += 1

        return _EchoServer((address, port), Answer)


class _EchoServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(BANNER)
        while piece := self.request.recv(65536):
            self.request.sendall(piece)


class _DigestServer(_EchoServer):
    address_family = socket.AF_INET6


class _Digest(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        digest = hashlib.sha256()
        with contextlib.suppress(ConnectionResetError):  # how probes end their connections
            while piece := self.request.recv(1 << 18):
                digest.update(piece)
            self.request.sendall(digest.hexdigest().encode())
