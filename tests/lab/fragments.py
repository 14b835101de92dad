"""Datagrams and segments in fragments that a test sends in its own order, from a client of its own making."""

from __future__ import annotations

import random
import struct

from lab.frames import UDP, Frame, Tap, checksum, mac_of, pseudo_header, udp, with_checksum
from lab.topology import Lab

TCP, FRAGMENT = 6, 44
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERNET, IPV4, IPV6 = 14, 20, 40


def fragments_of(frame: Frame, size: int, identification: int) -> list[bytes]:
    """The frame as a router or sender cuts it: `size` octets of its payload in each but the last. A multiple of 8."""
    whole, l2 = frame.encode(), ETHERNET + 4 * len(frame.tags)
    cut = _cut_v6 if ":" in frame.source else _cut_v4
    starts = range(0, len(frame.payload), size)
    return [whole[:l2] + cut(whole[l2:], frame, start, frame.payload[start:start + size], identification) for start in starts]


def _cut_v4(packet: bytes, frame: Frame, start: int, part: bytes, identification: int) -> bytes:
    more = 0x2000 if start + len(part) < len(frame.payload) else 0
    head = packet[:2] + struct.pack("!HHH", IPV4 + len(part), identification & 0xFFFF, more | start // 8) + packet[8:10]
    addresses = packet[12:20]
    return head + struct.pack("!H", checksum(head + b"\0\0" + addresses)) + addresses + part


def _cut_v6(packet: bytes, frame: Frame, start: int, part: bytes, identification: int) -> bytes:
    more = 1 if start + len(part) < len(frame.payload) else 0
    head = packet[:4] + struct.pack("!HB", 8 + len(part), FRAGMENT) + packet[7:IPV6]
    return head + struct.pack("!BBHI", frame.protocol, 0, start | more, identification) + part


class RawClient:
    """A client that only frames of the test know: an address beside the client's, whose MAC address and link it shares.
    Answers to it are seen and nobody else's stack takes part."""

    def __init__(self, lab: Lab, tap: Tap, service: str, number: int = 60, *, tags: tuple[tuple[int, int], ...] = ()) -> None:
        self.tap, self.service = tap, service
        self.source = f"fd77::{number}" if ":" in service else f"10.77.0.{number}"
        self.macs = mac_of(lab.client), mac_of(lab.balancer)
        self.tags = tags
        self._number = random.randrange(1 << 16)
        for backend in lab.backends:  # which answer it themselves where the balancer is not on the way back
            if not lab.two_legs:
                backend.run("ip", "neigh", "replace", self.source, "lladdr", self.macs[0].hex(":"), "dev", backend.devices[0])

    def frame(self, protocol: int, payload: bytes) -> Frame:
        return Frame(*self.macs, self.source, self.service, protocol, payload, self.tags)

    def send_whole(self, protocol: int, payload: bytes) -> None:
        self.tap.send(self.frame(protocol, payload))

    def fragments(self, protocol: int, payload: bytes, size: int = 256) -> list[bytes]:
        """Of one more packet, in their order."""
        self._number += 1
        return fragments_of(self.frame(protocol, payload), size, self._number)

    def datagram(self, source_port: int, port: int, data: bytes) -> bytes:
        return with_checksum(self.frame(UDP, udp(source_port, port, data))).payload

    def answer(self, source_port: int, port: int, timeout: float = 2.0, protocol: int = UDP) -> bytes:
        """What follows the ports in the first answer of this flow, none of whose packets is a fragment."""
        found = self.tap.receive(lambda frame: frame.destination == self.source and frame.source == self.service
                                 and frame.protocol == protocol and frame.ports == (port, source_port), timeout)
        return found.payload[4:]


class RawConnection:
    """A TCP connection of a RawClient's, as far as a request needs it."""

    def __init__(self, client: RawClient, source_port: int, port: int) -> None:
        self._client, self._ports = client, (source_port, port)
        self._sent, self._received = random.randrange(1 << 32), 0
        client.send_whole(TCP, self.segment(SYN))
        self._sent += 1
        answer = client.answer(source_port, port, protocol=TCP)
        assert answer[9] & (SYN | ACK | RST) == SYN | ACK
        self._received = int.from_bytes(answer[:4], "big") + 1
        client.send_whole(TCP, self.segment(ACK))

    def segment(self, flags: int, data: bytes = b"") -> bytes:
        numbers = self._sent & 0xFFFFFFFF, self._received & 0xFFFFFFFF
        head = struct.pack("!HHIIBBHHH", *self._ports, *numbers, 0x50, flags, 65535, 0, 0)
        frame = self._client.frame(TCP, head + data)
        value = checksum(pseudo_header(frame) + frame.payload)
        return frame.payload[:16] + value.to_bytes(2, "big") + frame.payload[18:]

    def request(self, data: bytes, size: int = 256) -> list[bytes]:
        """The fragments of one segment with this request."""
        return self._client.fragments(TCP, self.segment(PSH | ACK, data), size)

    def answer(self, timeout: float = 2.0) -> bytes:
        """The data of the first segment that has some."""
        while True:
            rest = self._client.answer(*self._ports, timeout, TCP)
            data = rest[(rest[8] >> 4) * 4 - 4:]
            if data:
                return data

    def reset(self) -> None:
        self._client.send_whole(TCP, self.segment(RST | ACK))

