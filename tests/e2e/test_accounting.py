"""Not one frame of a flood is unaccounted for while generations come and go."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab import Pointsman, Service
from lab.flood import PORT, Flood, Wires, statistics
from lab.waiting import wait_until

FRAMES = int(os.environ.get("FLOOD_FRAMES", 1_000_000))
SLICE = 500_000  # frames between two looks at whether enough generations have passed
GENERATIONS = 20


@dataclass
class Flooded:
    lab: Wires
    flood: Flood
    daemon: Pointsman

    def settled(self) -> dict[str, int]:
        """The verdicts, when nothing is under way any more."""
        wait_until(lambda: self.verdicts() == self.verdicts(), "no more packets")
        return self.verdicts()

    def verdicts(self) -> dict[str, int]:
        start, end = 'pointsman_verdicts_total{verdict="', '"}'
        return {key.removeprefix(start).removesuffix(end): int(value) for key, value in self.daemon.metrics().items()
                if key.startswith(start)}


@pytest.fixture
def flooded(attach: str) -> Iterator[Flooded]:
    with Wires() as lab, Flood(lab) as flood:
        backends = [("b1", "10.78.0.2", PORT), ("b2", "10.78.0.3", PORT)]
        service = Service("names", lab.service_address, backends, port=PORT, protocol="udp", check={"type": "none"},
                          keys={"panic_threshold": 0})
        yield Flooded(lab, flood, Pointsman(lab, [service], attach=attach).start().ready())


def flip(daemon: Pointsman, stop: threading.Event) -> None:
    """One backend after the other goes and comes back: each time the tables flip, and mostly the sessions too. By the socket:
    a process for each order would take half of the CPUs."""
    while not stop.is_set():
        for backend in ("b1", "b2"):
            for state in ("maint", "ready"):
                order = {"service": "names", "backend": backend, "state": state}
                assert daemon.ask("POST", "/v1/admin", order)["http_status"] == 200


def test_every_frame_of_a_flood_is_accounted_for_while_generations_flip(flooded: Flooded) -> None:
    before = flooded.settled()
    stop = threading.Event()
    flips = threading.Thread(target=flip, args=(flooded.daemon, stop))
    flips.start()
    sent = 0
    began = time.monotonic()
    try:
        while sent < FRAMES or len(flooded.daemon.audit(kind="publish")) < GENERATIONS:
            flooded.flood.send(SLICE)
            sent += SLICE
    finally:
        took = time.monotonic() - began
        stop.set()
        flips.join()

    after = flooded.settled()
    verdicts = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    entrance = statistics(flooded.lab.client, "eth0")["tx_queue_xdp_xmit_errors"]
    exit_ = statistics(flooded.lab.balancer, "eth1")["tx_queue_xdp_xmit_errors"]
    print(f"sent {sent}, lost at the entrance {entrance}, {verdicts}, lost at the exit {exit_}, "
          f"seen {flooded.flood.seen()}, {sent / took:,.0f} a second, generations {len(flooded.daemon.audit(kind='publish'))}")
    assert flooded.flood.sent() == sent
    assert sum(verdicts.values()) == sent - entrance + others(verdicts)
    assert verdicts["forward_to_backend"] == flooded.flood.seen() + exit_
    assert flooded.daemon.metrics()["pointsman_unaccounted_packets"] == 0
    assert verdicts["forward_to_backend"] > 0.5 * sent


def others(verdicts: dict[str, int]) -> int:
    """Frames that are not the flood's: neighbour discovery, and what the far end answers to it."""
    return sum(count for name, count in verdicts.items() if name.startswith("pass_"))
