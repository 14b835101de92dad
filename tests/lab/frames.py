"""Frames made and read by hand: VLAN tags, IPv4 and IPv6, UDP and ICMP echo, on a raw socket of a host."""

from __future__ import annotations

import ipaddress
import json
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.host import Host

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, ETH_P_8021Q, ETH_P_8021AD = 0x0003, 0x0800, 0x86DD, 0x8100, 0x88A8
SOL_PACKET, PACKET_AUXDATA = 263, 8
VLAN_VALID, VLAN_TPID_VALID = 1 << 4, 1 << 6  # of tpacket_auxdata.tp_status
UDP = 17
Tag = tuple[int, int]  # EtherType and VLAN id


@dataclass(frozen=True)
class Frame:
    """One IP packet in an Ethernet frame. `payload` is what follows the IP header, its checksum included."""

    source_mac: bytes
    destination_mac: bytes
    source: str
    destination: str
    protocol: int
    payload: bytes
    tags: tuple[Tag, ...] = ()
    hops: int = field(default=64, compare=False)
    traffic_class: int = field(default=0, compare=False)  # DSCP and ECN

    @property
    def ports(self) -> tuple[int, int]:
        source, destination = struct.unpack_from("!HH", self.payload)
        return source, destination

    @property
    def is_intact(self) -> bool:
        """Whether the L4 checksum, of UDP or ICMPv6 with the pseudo-header, is right."""
        header = b"" if self.protocol == socket.IPPROTO_ICMP else pseudo_header(self)
        return checksum(header + self.payload) == 0

    def encode(self) -> bytes:
        tags = b"".join(struct.pack("!HH", kind, number) for kind, number in self.tags)
        v6 = ":" in self.source
        kind = struct.pack("!H", ETH_P_IPV6 if v6 else ETH_P_IP)
        return self.destination_mac + self.source_mac + tags + kind + (_ipv6(self) if v6 else _ipv4(self)) + self.payload


def decode(octets: bytes) -> Frame | None:
    """None unless the frame holds IP."""
    tags: list[Tag] = []
    at = 12
    while (kind := int.from_bytes(octets[at:at + 2], "big")) in (ETH_P_8021Q, ETH_P_8021AD):
        tags.append((kind, int.from_bytes(octets[at + 2:at + 4], "big") & 0xFFF))
        at += 4
    ip = octets[at + 2:]
    if kind == ETH_P_IP:
        length, start = int.from_bytes(ip[2:4], "big"), (ip[0] & 15) * 4
        source, destination = (str(ipaddress.IPv4Address(ip[i:i + 4])) for i in (12, 16))
        protocol, hops, traffic_class = ip[9], ip[8], ip[1]
    elif kind == ETH_P_IPV6:
        length, start = 40 + int.from_bytes(ip[4:6], "big"), 40
        source, destination = (str(ipaddress.IPv6Address(ip[i:i + 16])) for i in (8, 24))
        protocol, hops, traffic_class = ip[6], ip[7], int.from_bytes(ip[:2], "big") >> 4 & 0xFF
    else:
        return None
    return Frame(octets[6:12], octets[:6], source, destination, protocol, ip[start:length], tuple(tags), hops,
                 traffic_class)


def udp(source_port: int, destination_port: int, data: bytes) -> bytes:
    return struct.pack("!HHHH", source_port, destination_port, 8 + len(data), 0) + data


def echo_request(v6: bool, data: bytes) -> bytes:
    return struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 77, 1) + data


def with_checksum(frame: Frame) -> Frame:
    """The frame with the checksum of UDP, ICMP or ICMPv6 in its place, which held 0."""
    at = 6 if frame.protocol == UDP else 2
    header = b"" if frame.protocol == socket.IPPROTO_ICMP else pseudo_header(frame)
    value = checksum(header + frame.payload) or 0xFFFF
    payload = frame.payload[:at] + value.to_bytes(2, "big") + frame.payload[at + 2:]
    return Frame(frame.source_mac, frame.destination_mac, frame.source, frame.destination, frame.protocol, payload,
                 frame.tags, frame.hops, frame.traffic_class)


def checksum(octets: bytes) -> int:
    """RFC 1071."""
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def pseudo_header(frame: Frame) -> bytes:
    addresses = b"".join(ipaddress.ip_address(address).packed for address in (frame.source, frame.destination))
    return addresses + struct.pack("!II", len(frame.payload), frame.protocol)


def _ipv4(frame: Frame) -> bytes:
    addresses = socket.inet_aton(frame.source) + socket.inet_aton(frame.destination)
    head = struct.pack("!BBHHHBB", 0x45, frame.traffic_class, 20 + len(frame.payload), 1, 0x4000, frame.hops, frame.protocol)
    return head + struct.pack("!H", checksum(head + b"\0\0" + addresses)) + addresses


def _ipv6(frame: Frame) -> bytes:
    addresses = b"".join(socket.inet_pton(socket.AF_INET6, address) for address in (frame.source, frame.destination))
    return struct.pack("!IHBB", 6 << 28 | frame.traffic_class << 20, len(frame.payload), frame.protocol, frame.hops) + addresses


def mac_of(host: Host, device: int = 0) -> bytes:
    link = json.loads(host.run("ip", "-j", "link", "show", "dev", host.devices[device]).stdout)[0]
    return bytes.fromhex(str(link["address"]).replace(":", ""))


class Tap:
    """A raw socket on a host's first device: sends frames, and sees what arrives, tags included. A context manager."""

    def __init__(self, host: Host) -> None:
        with host.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self._socket.bind((host.devices[0], ETH_P_ALL))
        self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, frame: Frame | bytes) -> None:
        self._socket.send(frame if isinstance(frame, bytes) else frame.encode())

    def receive(self, wanted: Callable[[Frame], bool], timeout: float = 2.0) -> Frame:
        """The first frame from elsewhere that is wanted."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                frame = self._read()
                if frame and wanted(frame):
                    return frame
        raise TimeoutError("no such frame")

    def _read(self) -> Frame | None:
        octets, notes, _, sender = self._socket.recvmsg(65536, 256)
        if sender[2] == socket.PACKET_OUTGOING:
            return None
        for level, kind, value in notes:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, tag, tpid = struct.unpack_from("=I12xHH", value)
                if status & VLAN_VALID:  # the kernel has taken it off the frame
                    tpid = tpid if status & VLAN_TPID_VALID else ETH_P_8021Q
                    octets = octets[:12] + struct.pack("!HH", tpid, tag) + octets[12:]
        return decode(octets)
