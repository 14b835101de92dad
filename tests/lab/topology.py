"""The lab's namespaces, links, addresses and routes. Nothing of it outlives the `with` block.

One leg:   client 10.77.0.1 ─┐
           balancer  .0.5   ─┼─ bridge        service 10.77.0.100, which the client routes to the balancer
           backends  .0.2…  ─┘
Two legs:  client 10.77.0.1 ─ front ─ eth0 balancer eth1 ─ back ─ backends 10.78.0.2…     (balancer .0.5 on both)
IPv6 is alongside: fd77::1, fd77::5, fd77::2…, service fd77::100 (backends of two legs: fd78::).
With a router between the client (or the backends) and the rest, that side is 10.79.0.x behind 10.79.0.9 and 10.77.0.9.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import re
import shutil
import signal
import tempfile
from types import FrameType, TracebackType
from typing import NoReturn

from lab import paths
from lab.host import Host, run

_numbers = itertools.count(1)
BPFFS = pathlib.Path("/sys/fs/bpf")


class Lab:
    """`physical` models physical NICs: endpoints send finished checksums and frames of at most an MTU, and the far
    ends of the balancer's links pass XDP_TX frames on. Without it every veth keeps its default settings.
    With `own_address` the service address is the balancer's own; with `routed` the "client" or the "backends" are behind a router.
    With `rss` all packets of a flow are handled by one core of the host that they come to, as a NIC with several queues sees to; else
    each by the core that sent it, so that two cores may have the ACK of a handshake and the first data in hand at once."""

    def __init__(self, backends: int = 2, *, physical: bool = False, own_address: bool = False, two_legs: bool = False,
                 routed: str = "", rss: bool = False) -> None:
        self.prefix = f"pm{os.getpid()}-{next(_numbers)}-"
        self.physical = physical
        self.own_address = own_address
        self.two_legs = two_legs
        self.routed = routed
        self.rss = rss
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"pointsman-{self.prefix}"))
        self.bpffs = BPFFS / self.prefix.rstrip("-")
        self.bridge = self._host("bridge")
        self.client = self._host("client")
        self.balancer = self._host("balancer")
        self.router = self._host("router")
        self.backends = [self._host(f"b{number}") for number in range(1, backends + 1)]
        self.kept = False
        self.resources = contextlib.ExitStack()  # of this process, closed when the lab is removed
        self._signals: dict[int, object] = {}

    @property
    def hosts(self) -> list[Host]:
        return [self.client, self.balancer, *([self.router] if self.routed else []), *self.backends, self.bridge]

    @property
    def service_address(self) -> str:
        return self.balancer.address if self.own_address else "10.77.0.100"

    @property
    def service_address6(self) -> str:
        return self.balancer.address6 if self.own_address else "fd77::100"

    @property
    def interfaces(self) -> list[str]:
        """The balancer's, for `datapath.interfaces`."""
        return self.balancer.devices

    def __enter__(self) -> Lab:
        self._catch_signals()
        try:
            self._build()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
                 ) -> None:
        try:
            if not self.kept:
                self._ignore_signals()
                self.remove()
        finally:
            self._release_signals()

    def keep(self) -> None:
        """Leaves the lab up after the `with` block, with a script `remove` in its folder."""
        self.kept = True
        script = self.folder / "remove"
        names = " ".join(host.namespace for host in self.hosts)
        script.write_text(f"#!/bin/sh\n# Ends the processes of this lab by pid and removes everything of it.\n"
                          f"for ns in {names}; do for pid in $(ip netns pids $ns); do kill -9 $pid; done; done\n"
                          f"for ns in {names}; do ip netns del $ns; done\n"
                          f"rm -rf {self.bpffs} {self.folder}\n")
        script.chmod(0o755)

    def remove(self) -> None:
        self.resources.close()
        for host in self.hosts:
            if _exists(host):
                host.end_processes()
        if self.bpffs.exists():
            shutil.rmtree(self.bpffs)
        for host in self.hosts:
            if _exists(host):
                run("ip", "netns", "del", host.namespace)
        shutil.rmtree(self.folder, ignore_errors=True)

    def leftovers(self) -> list[str]:
        """What of this lab is still on the machine."""
        left = [host.namespace for host in self.hosts if _exists(host)]
        return left + [str(path) for path in (self.bpffs, self.folder) if path.exists()]

    def settings_of(self, host: Host) -> str:
        return host.run("ethtool", "-k", host.devices[0]).stdout

    def _host(self, name: str) -> Host:
        return Host(name, self.prefix + name, self.folder)

    def _make_hosts(self) -> None:
        if not BPFFS.is_mount():
            run("mount", "-t", "bpf", "bpf", BPFFS)
        for host in self.hosts:
            run("ip", "netns", "add", host.namespace)
            run("ip", "-n", host.namespace, "link", "set", "lo", "up")
            host.sysctl("net.ipv6.conf.default.accept_dad", 0)  # a second in which neighbours are not answered

    def _build(self) -> None:
        self._make_hosts()
        self._make_bridges_plain()
        for bridge in ["front", *(["back"] if self.two_legs else []), *(["outer"] if self.routed else [])]:
            self._ip(self.bridge, f"link add {bridge} type bridge forward_delay 0 mcast_snooping 0")
            self._ip(self.bridge, f"link set {bridge} up")
        back, network = ("back", "78") if self.two_legs else ("front", "77")
        if self.routed == "backends":
            back, network = "outer", "79"
        self._connect(self.client, *(("outer", "79") if self.routed == "client" else ("front", "77")), 1)
        if self.routed:
            self._connect(self.router, "front", "77", 9)
            self._connect(self.router, "outer", "79", 9)
        self._connect(self.balancer, "front", "77", 5)
        if self.two_legs:
            self._connect(self.balancer, "back", "78", 5)
        for number, backend in enumerate(self.backends):
            self._connect(backend, back, network, number + 2 if number < 3 else number + 3)
        self._route()
        if self.physical:
            self._model_physical_nics()
        if self.rss:
            self._keep_flows_together()

    def _make_bridges_plain(self) -> None:
        """A switch forwards frames and knows no iptables; with br_netfilter in the kernel a bridge does, for every frame."""
        self.bridge.run("sh", "-c", "for knob in /proc/sys/net/bridge/bridge-nf-call-*tables; do "
                        "[ ! -e $knob ] || echo 0 > $knob; done")

    def _connect(self, host: Host, bridge: str, network: str, number: int) -> None:
        """A veth from the host to a bridge, with the addresses 10.NETWORK.0.NUMBER and fdNETWORK::NUMBER."""
        device, port = f"eth{len(host.devices)}", f"{host.name}-{bridge}"
        self._ip(host, f"link add {device} type veth peer name {port} netns {self.bridge.namespace}")
        self._ip(self.bridge, f"link set {port} master {bridge} up")
        self._ip(host, f"addr add 10.{network}.0.{number}/24 dev {device}")
        self._ip(host, f"addr add fd{network}::{number}/64 dev {device} nodad")
        self._ip(host, f"link set {device} up")
        host.devices.append(device)
        host.addresses.append(f"10.{network}.0.{number}")
        host.address6 = host.address6 or f"fd{network}::{number}"

    def join(self, host: Host, bridge: str, network: str, number: int) -> None:
        """Gives the host one more interface, in another network of the lab."""
        self._connect(host, bridge, network, number)
        if self.physical:
            host.run("ethtool", "-K", host.devices[-1], "tx", "off", "tso", "off", "gso", "off")

    def narrow(self, mtu: int) -> None:
        """The router's way to those behind it takes packets of at most `mtu` octets; neither end knows."""
        for host in self._behind_router():
            for address in (host.address, host.address6):
                self._ip(self.router, f"route add {address} dev eth1 mtu lock {mtu}")

    def unplug(self, host: Host, device: str) -> None:
        """Removes one of the host's interfaces."""
        self._ip(host, f"link del {device}")

    def plug_in(self, host: Host, device: str, bridge: str) -> None:
        """Makes an interface anew that was unplugged, with its addresses, as a container's restart does."""
        number = host.devices.index(device)
        port, address = f"{host.name}-{bridge}", host.addresses[number]
        network = "78" if bridge == "back" else "77"
        self._ip(host, f"link add {device} type veth peer name {port} netns {self.bridge.namespace}")
        self._ip(self.bridge, f"link set {port} master {bridge} up")
        self._ip(host, f"addr add {address}/24 dev {device}")
        self._ip(host, f"addr add fd{network}::{address.rpartition('.')[2]}/64 dev {device} nodad")
        self._ip(host, f"link set {device} up")
        if self.physical:
            self._ip(self.bridge, f"link set {port} xdp obj {paths.xdp_pass()} sec xdp")

    def _route(self) -> None:
        if not self.own_address:
            nearest = self.router if self.routed == "client" else self.client
            self._ip(nearest, f"route add {self.service_address} via {self.balancer.address}")
            self._ip(nearest, f"route add {self.service_address6} via {self.balancer.address6}")
        if self.two_legs:
            for backend in self.backends:
                self._ip(backend, f"route add default via {self.balancer.addresses[1]}")
                self._ip(backend, "route add default via fd78::5")
        if self.routed:
            self._route_by_router()
        self.balancer.sysctl("net.ipv4.ip_forward", 0)
        self.client.sysctl("net.ipv4.ip_local_port_range", "1024 65535")

    def _behind_router(self) -> list[Host]:
        return [self.client] if self.routed == "client" else self.backends

    def _route_by_router(self) -> None:
        behind = self._behind_router()
        for host in behind:
            self._ip(host, "route add default via 10.79.0.9")
            self._ip(host, "route add default via fd79::9")
        for host in [self.client, self.balancer, *([] if self.two_legs else self.backends)]:
            if host not in behind:
                self._ip(host, "route add 10.79.0.0/24 via 10.77.0.9")
                self._ip(host, "route add fd79::/64 via fd77::9")
        self.router.sysctl("net.ipv4.ip_forward", 1)
        self.router.sysctl("net.ipv6.conf.all.forwarding", 1)

    def _model_physical_nics(self) -> None:
        for host in [self.client, *self.backends, *([self.router] if self.routed else [])]:
            for device in host.devices:
                host.run("ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off")
        for bridge in ["front", "back"] if self.two_legs else ["front"]:
            self._ip(self.bridge, f"link set balancer-{bridge} xdp obj {paths.xdp_pass()} sec xdp")
            self.bridge.run("ethtool", "-K", f"balancer-{bridge}", "txvlan", "off", "tx-vlan-stag-hw-insert", "off")

    def _keep_flows_together(self) -> None:
        for host in self.hosts:
            for device in host.devices:
                host.steer(device, [core for core in os.sched_getaffinity(0) if core < 32])

    def _ip(self, host: Host, words: str) -> None:
        run("ip", "-n", host.namespace, *words.split())

    def _catch_signals(self) -> None:
        def leave(number: int, frame: FrameType | None) -> NoReturn:
            raise SystemExit(128 + number)

        for number in (signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(ValueError):  # not in the main thread
                self._signals[number] = signal.signal(number, leave)

    def _ignore_signals(self) -> None:
        """A second Ctrl-C must not leave half a lab behind."""
        with contextlib.suppress(ValueError):
            for number in (signal.SIGINT, *self._signals):
                handler = signal.signal(number, signal.SIG_IGN)
                self._signals.setdefault(number, handler)

    def _release_signals(self) -> None:
        for number, handler in self._signals.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._signals.clear()


def _exists(host: Host) -> bool:
    return pathlib.Path("/run/netns", host.namespace).exists()


def remove_stale() -> None:
    """Removes what labs left behind whose process was killed outright; not those that were kept."""
    for namespace in _stale_namespaces():
        for pid in run("ip", "netns", "pids", namespace, check=False).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        run("ip", "netns", "del", namespace, check=False)
        prefix = namespace.rpartition("-")[0]
        for path in [BPFFS / prefix, *pathlib.Path(tempfile.gettempdir()).glob(f"pointsman-{prefix}-*")]:
            shutil.rmtree(path, ignore_errors=True)


def _stale_namespaces() -> list[str]:
    stale = []
    for path in sorted(pathlib.Path("/run/netns").glob("pm*-*-*")):
        found = re.fullmatch(r"pm(\d+)-\d+-\w+", path.name)
        kept = list(pathlib.Path(tempfile.gettempdir()).glob(f"pointsman-{path.name.rpartition('-')[0]}-*/remove"))
        if found and not pathlib.Path("/proc", found.group(1)).exists() and not kept:
            stale.append(path.name)
    return stale
