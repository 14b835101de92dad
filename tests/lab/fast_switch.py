"""Gives a lab's bridge a fast path (fast_switch.bpf.c), for benchmarks: a real switch costs the hosts nothing, while a Linux
bridge takes about as much CPU for a packet as a balancer does, and a balanced packet crosses it twice."""

from __future__ import annotations

import json
import pathlib
import shutil
import struct

from lab import paths
from lab.host import Host, run
from lab.topology import BPFFS, Lab


def speed_up(lab: Lab) -> None:
    """For a lab with one leg. Nothing stays pinned: the filters hold the program, and that holds its map."""
    pins = BPFFS / (lab.prefix + "switch")
    pins.mkdir()
    try:
        _attach(lab, pins)
    finally:
        shutil.rmtree(pins)


def _attach(lab: Lab, pins: pathlib.Path) -> None:
    run("bpftool", "prog", "load", paths.fast_switch(), pins / "program", "type", "classifier", "pinmaps", pins)
    for host in [lab.client, lab.balancer, *lab.backends]:
        port = f"{host.name}-front"
        lab.bridge.run("tc", "qdisc", "add", "dev", port, "clsact")
        lab.bridge.run("tc", "filter", "add", "dev", port, "ingress", "bpf", "da", "object-pinned", pins / "program")
        by_wire = lab.physical and host is lab.balancer
        value = struct.pack("=II", _ifindex(lab.bridge, port), by_wire)
        key = [f"0x{octet}" for octet in _mac(host).split(":")]
        run("bpftool", "map", "update", "pinned", pins / "switch_ports", "key", *key,
            "value", *(f"{byte:#04x}" for byte in value))


def _link(host: Host, device: str) -> dict[str, object]:
    found: list[dict[str, object]] = json.loads(host.run("ip", "-j", "link", "show", "dev", device).stdout)
    return found[0]


def _ifindex(host: Host, device: str) -> int:
    return int(str(_link(host, device)["ifindex"]))


def _mac(host: Host) -> str:
    return str(_link(host, host.devices[0])["address"])
