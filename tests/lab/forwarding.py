"""What backends need for each way of forwarding (docs/forwarding.md), done to the backends of a lab."""

from __future__ import annotations

from dataclasses import dataclass

from lab import paths
from lab.host import Host
from lab.topology import Lab


@dataclass(frozen=True)
class Way:
    """A `forward` with its `source`, and the family of the service (and of the backends)."""

    forward: str
    source: str = "pool"
    v6: bool = False

    def __str__(self) -> str:
        source = "-source-client" if self.source == "client" else ""
        return f"{self.forward}{source}-{'v6' if self.v6 else 'v4'}"

    @property
    def translates(self) -> bool:
        return self.forward == "nat"

    @property
    def keys(self) -> dict[str, object]:
        """For [[service]]."""
        return {"forward": self.forward, **({"source": self.source} if self.translates else {})}

    def service(self, lab: Lab) -> str:
        return lab.service_address6 if self.v6 else lab.service_address

    def address(self, host: Host) -> str:
        return host.address6 if self.v6 else host.address

    def prepare(self, lab: Lab) -> None:
        for backend in lab.backends:
            if not self.translates:
                own_silently(backend, self.service(lab))
            if self.forward in ("ipip", "gue"):
                decapsulate(backend)


def own_silently(host: Host, address: str) -> None:
    """The host accepts packets for the address and tells no neighbour that it has it."""
    if ":" in address:
        host.run("ip", "addr", "add", f"{address}/128", "dev", "lo", "nodad")
        return
    host.sysctl("net.ipv4.conf.all.arp_ignore", 1)
    host.sysctl("net.ipv4.conf.all.arp_announce", 2)
    host.run("ip", "addr", "add", f"{address}/32", "dev", "lo")


def decapsulate(host: Host) -> None:
    """Stands for the ipip, ip6tnl, sit and fou devices of a usual kernel."""
    host.run("tc", "qdisc", "add", "dev", host.devices[0], "clsact")
    host.run("tc", "filter", "add", "dev", host.devices[0], "ingress", "bpf", "da", "obj", paths.decap(), "sec", "tc")
