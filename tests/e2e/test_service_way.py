"""Probes that go as the service's packets do: by MAC address or in the tunnel, to the service's address."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from collections.abc import Iterator

import pytest
from conftest import physical

from lab import ConnectClient, Lab, Nginx, Pointsman, Service, UdpEcho, Way, paths, wait_until
from lab.forwarding import decapsulate, own_silently
from lab.host import Host

FAST = {"interval": "100ms", "down_interval": "100ms", "timeout": "200ms"}
SYS_BPF, BPF_PROG_QUERY, TCX_INGRESS, TCX_EGRESS = 321, 16, 46, 47
_libc = ctypes.CDLL(None, use_errno=True)
WAYS = [Way(forward, v6=v6) for v6 in (False, True) for forward in ("dsr", "ipip", "gue")]


def service(lab: Lab, way: Way, check: object = None, **keys: object) -> Service:
    backends = [(host.name, way.backend_address(host), 80) for host in lab.backends]
    return Service("web", way.service(lab), backends, keys={**way.keys, "panic_threshold": 0},
                   check=check or {"type": "http", "path": "/healthz"}, **keys)  # type: ignore[arg-type]


@contextlib.contextmanager
def balanced(way: Way, attach: str, check: object = None) -> Iterator[tuple[Lab, Pointsman]]:
    with Lab(physical=physical(attach)) as lab:
        way.prepare(lab)
        for host in lab.backends:
            Nginx(host)
        daemon = Pointsman(lab, [service(lab, way, check)], attach=attach, health=FAST).start()
        try:
            yield lab, daemon.ready()
        except BaseException:
            print(f"--- pointsman's log\n{daemon.log()}\n{daemon.command('status').stdout}")
            raise
        daemon.stop()
        assert daemon.attached() == []


def disown(host: Host, address: str) -> None:
    host.run("ip", "addr", "del", f"{address}/{128 if ':' in address else 32}", "dev", "lo")


def own(host: Host, address: str) -> None:
    own_silently(host, address)


def drop_tunnels(host: Host) -> None:
    """Their far end is gone, as behind a firewall that lets everything else pass."""
    host.run("tc", "qdisc", "del", "dev", host.devices[0], "clsact")


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_backend_without_the_services_address_is_down_and_the_reason_named(attach: str, way: Way) -> None:
    with balanced(way, attach) as (lab, daemon):
        address = way.service(lab)
        assert [check["via"] for check in daemon.backend("b1")["checks"]] == ["service"]
        disown(lab.backends[0], address)
        record = daemon.wait_for_audit(kind="health", backend="b1", now="down")
        assert record["via"] == "service"
        alarm = daemon.wait_for_audit(kind="alarm", because="path_fails", backend="b1")
        assert (alarm["direct"], alarm["check"]) == ("L7OK", "http")
        assert f"direct probe passes, path probe fails ({alarm['on_way']})" in alarm["text"]
        assert f"look for {address} on lo" in alarm["text"]
        found = daemon.wait_for_state("b1", "down")
        assert found["because"] == "path_fails"
        assert (found["path"]["fault"], found["path"]["direct"]["outcome"]) == ("path", "L7OK")
        by_hand = daemon.command("probe", "web/b1").stdout
        assert "direct probe passes, path probe fails" in by_hand
        assert daemon.backend("b2")["state"] == "up"
        assert not daemon.audit(kind="alarm", backend="b2")
        own(lab.backends[0], address)
        assert "path" not in daemon.wait_for_state("b1", "up")
        assert "directly: web/b1" in daemon.command("probe", "web/b1").stdout


@pytest.mark.parametrize("way", [way for way in WAYS if way.forward != "dsr"], ids=str)
def test_a_backend_whose_tunnel_is_cut_is_down_until_it_is_back(attach: str, way: Way) -> None:
    with balanced(way, attach) as (lab, daemon):
        drop_tunnels(lab.backends[1])
        alarm = daemon.wait_for_audit(kind="alarm", because="path_fails", backend="b2")
        named = "UDP port 6080" if way.forward == "gue" else f"IP protocol {41 if way.v6 else 4}"
        assert named in alarm["text"]
        daemon.wait_for_state("b2", "down")
        client = ConnectClient(lab.client, way.service(lab))
        client.wait_for(20)
        client.stop()
        assert client.hurt() == []
        decapsulate(lab.backends[1])
        daemon.wait_for_state("b2", "up")


@pytest.mark.parametrize("way", [Way("dsr"), Way("gue", v6=True)], ids=str)
def test_a_dead_server_is_the_backends_own_fault(attach: str, way: Way) -> None:
    with Lab(physical=physical(attach)) as lab:
        way.prepare(lab)
        nginx = {host.name: Nginx(host) for host in lab.backends}
        daemon = Pointsman(lab, [service(lab, way)], attach=attach, health=FAST).start().ready()
        nginx["b1"].kill()
        record = daemon.wait_for_audit(kind="health", backend="b1", now="down")
        assert (record["because"], record["via"]) == ("l4_refused", "service")
        found = wait_until(lambda: daemon.backend("b1").get("path"), "the direct probe has ended", 5)
        assert (found["fault"], found["direct"]["outcome"]) == ("backend", "L4CON")
        assert not daemon.audit(kind="alarm")


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_udp_probes_find_a_closed_port_at_once_and_an_answer(attach: str, way: Way) -> None:
    check = {"type": "udp", "send": "hello", "expect_regex": r"^b\d \d+ hello$", "timeout": "2s"}
    with Lab(physical=physical(attach)) as lab:
        way.prepare(lab)
        address = way.service(lab)
        names = Service("names", address, [(host.name, way.backend_address(host), 5353) for host in lab.backends], port=5353,
                        protocol="udp", keys={**way.keys, "panic_threshold": 0}, check=check)
        with UdpEcho(lab.backends[0], 5353, address):
            daemon = Pointsman(lab, [names], attach=attach, health={"interval": "100ms", "down_interval": "100ms"}).start()
            daemon.wait_for_audit(kind="attach")
            wait_until(daemon.control_answers, "the daemon is up", 5)
            daemon.wait_for_state("b1", "up", "names")
            assert daemon.wait_for_state("b2", "down", "names")["last_probe"]["outcome"] == "L4CON"
            with UdpEcho(lab.backends[1], 5353, address):
                daemon.wait_for_state("b2", "up", "names")


def test_a_check_may_go_directly_and_a_reload_takes_the_programs_off(attach: str) -> None:
    way = Way("ipip")
    with balanced(way, attach) as (lab, daemon):
        datapath = 1 if attach == "tc" else 0
        assert programs(lab) == (datapath + 1, 1)
        daemon.services = [service(lab, way, {"type": "http", "path": "/healthz", "via": "direct"})]
        daemon.write()
        assert daemon.command("reload").returncode == 0
        assert programs(lab) == (datapath, 0)
        drop_tunnels(lab.backends[0])
        assert [check["via"] for check in daemon.wait_for_state("b1", "up")["checks"]] == ["direct"]
        daemon.services = [service(lab, way)]
        daemon.write()
        assert daemon.command("reload").returncode == 0
        daemon.wait_for_audit(kind="alarm", because="path_fails", backend="b1")


def test_a_killed_daemon_leaves_no_program_of_the_probes_and_the_next_one_goes_on(attach: str) -> None:
    with balanced(Way("gue"), attach) as (lab, daemon):
        assert daemon.process is not None
        daemon.process.kill()
        wait_until(lambda: programs(lab)[1] == 0, "the probes' programs are gone", 5)
        daemon.start().ready()
        assert programs(lab) == (2 if attach == "tc" else 1, 1)
        assert not daemon.audit(kind="alarm")


def test_kernels_without_tcx_have_filters_and_lose_them() -> None:
    way = Way("dsr")
    with Lab() as lab:
        way.prepare(lab)
        for host in lab.backends:
            Nginx(host)
        daemon = Pointsman(lab, [service(lab, way)], attach="tc", health=FAST)
        daemon.start(LD_PRELOAD=str(paths.old_kernel())).ready()
        assert filters(lab) == (2, 1)
        disown(lab.backends[0], way.service(lab))
        daemon.wait_for_audit(kind="alarm", because="path_fails", backend="b1")
        assert daemon.process is not None
        daemon.process.kill()
        assert filters(lab) == (2, 1)
        daemon.start(LD_PRELOAD=str(paths.old_kernel()))
        wait_until(daemon.control_answers, "the daemon is up again", 5)
        daemon.wait_for_state("b2", "up")
        assert filters(lab) == (2, 1)
        daemon.process.kill()
        assert daemon.command("detach").returncode == 0
        assert filters(lab) == (0, 0)


def programs(lab: Lab) -> tuple[int, int]:
    """At tcx of the balancer's interface: ingress, egress. bpftool may be too old to know tcx."""
    counts = []
    with lab.balancer.inside():
        ifindex = socket.if_nametoindex(lab.balancer.devices[0])
        for side in (TCX_INGRESS, TCX_EGRESS):
            query = ctypes.create_string_buffer(struct.pack("=IIIIQI", ifindex, side, 0, 0, 0, 0) + bytes(100))
            if _libc.syscall(SYS_BPF, BPF_PROG_QUERY, query, len(query)) != 0:
                raise OSError(ctypes.get_errno(), "bpf(BPF_PROG_QUERY)")
            counts.append(struct.unpack_from("=I", query, 24)[0])
    return counts[0], counts[1]


def filters(lab: Lab) -> tuple[int, int]:
    """Filters at ingress and egress."""
    device = lab.balancer.devices[0]
    counts = [lab.balancer.run("tc", "filter", "show", "dev", device, side).stdout.count("direct-action")
              for side in ("ingress", "egress")]
    return counts[0], counts[1]
