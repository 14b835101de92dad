"""Requests and new connections a second: directly to nginx, through Pointsman, and through nginx and HAProxy on the
balancer. Rounds are interleaved, so that whatever else the machine does meets every case alike.

Every case has the same servers behind it, an nginx of two workers on one backend: the cases differ in nothing but what is
between. The labs' switch has a fast path, since a real one takes no CPU of the hosts (lab/fast_switch.py).

The floor is a program in the balancer's place that sends frames on and does nothing else (lab/hop.py): what the place costs
whatever stands there. No balancer can come closer to direct than that."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.result import Result, Series, Target
from lab.fast_switch import speed_up
from lab.hop import put_between
from lab import HAProxy, Lab, Nginx, NginxProxy, Pointsman, Wrk
from lab.pointsman import Service

KEEP_ALIVE, NEW = "keep-alive", "new connections"
DIRECT, DIRECT_PHYSICAL = "direct", "direct, physical NICs"
TC, XDP = "pointsman tc", "pointsman XDP"
FLOOR_TC, FLOOR_XDP = "floor tc", "floor XDP"
NGINX, HAPROXY, HAPROXY_PHYSICAL = "nginx", "HAProxy tcp", "HAProxy tcp, physical NICs"
CONNECTIONS = 100
ROUNDS = 21
SECONDS = 2  # of load, a case and round

TARGETS = [
    Target(KEEP_ALIVE, TC, DIRECT, 0.9),
    Target(KEEP_ALIVE, XDP, DIRECT_PHYSICAL, 0.8),
    Target(KEEP_ALIVE, XDP, DIRECT, None),
    Target(KEEP_ALIVE, TC, HAPROXY, 1.5),
    Target(KEEP_ALIVE, XDP, HAPROXY_PHYSICAL, 1.5),
    Target(KEEP_ALIVE, XDP, HAPROXY, 1.5),
    Target(KEEP_ALIVE, TC, NGINX, None),
    Target(NEW, TC, DIRECT, 0.9),
    Target(NEW, XDP, DIRECT_PHYSICAL, 0.9),
    Target(NEW, TC, HAPROXY, None),
    Target(NEW, XDP, HAPROXY_PHYSICAL, None),
    *(Target(measure, *pair, None) for measure in (KEEP_ALIVE, NEW)
      for pair in ((FLOOR_TC, DIRECT), (TC, FLOOR_TC), (FLOOR_XDP, DIRECT_PHYSICAL), (XDP, FLOOR_XDP))),
]


@dataclass
class Case:
    name: str
    load: Callable[[bool], Wrk]  # argument: a new connection for each request


def measure(rounds: int, seconds: int) -> Result:
    with contextlib.ExitStack() as labs:
        cases = cases_of(labs, seconds)
        series = {measure: {case.name: Series(case.name) for case in cases} for measure in (KEEP_ALIVE, NEW)}
        for number in range(rounds):
            for measure, close in ((KEEP_ALIVE, False), (NEW, True)):
                for case in rotated(cases, number):
                    progress(f"round {number + 1} of {rounds}: {measure}, {case.name}")
                    report = case.load(close).finish()
                    series[measure][case.name].values.append(report.requests_per_second)
                    series[measure][case.name].failed += report.failed
    progress("")
    return Result("requests", {KEEP_ALIVE: "requests/s", NEW: "connections/s"}, series, TARGETS, rounds)


def rotated(cases: list[Case], number: int) -> list[Case]:
    """Each round begins with another case."""
    first = number % len(cases)
    return cases[first:] + cases[:first]


def cases_of(labs: contextlib.ExitStack, seconds: int) -> list[Case]:
    """Labs of their own: what is attached in one costs the others nothing. Idle, they cost a few probes a second."""
    plain, tc, floor_tc = (labs.enter_context(Lab(1)) for _ in range(3))
    physical, floor_xdp, proxied = (labs.enter_context(Lab(1, physical=True)) for _ in range(3))
    for lab in (plain, tc, floor_tc, physical, floor_xdp, proxied):
        speed_up(lab)
        Nginx(lab.backends[0], workers=2)
    put_between(floor_tc, "tc")
    put_between(floor_xdp, "native")

    def case(name: str, lab: Lab, address: str, port: int = 80) -> Case:
        return Case(name, lambda close: Wrk(lab.client, address, port, seconds=seconds, connections=CONNECTIONS, close=close))

    nginx, haproxy = NginxProxy(plain.balancer, plain.backends), HAProxy(plain.balancer, plain.backends)
    haproxy_physical = HAProxy(proxied.balancer, proxied.backends)
    for lab, attach in ((tc, "tc"), (physical, "native")):
        backends = [(host.name, host.address, 80) for host in lab.backends]
        Pointsman(lab, [Service("web", lab.service_address, backends)], attach=attach).start().ready()
    return [
        case(DIRECT, plain, plain.backends[0].address),
        case(FLOOR_TC, floor_tc, floor_tc.backends[0].address),
        case(TC, tc, tc.service_address),
        case(DIRECT_PHYSICAL, physical, physical.backends[0].address),
        case(FLOOR_XDP, floor_xdp, floor_xdp.backends[0].address),
        case(XDP, physical, physical.service_address),
        case(NGINX, plain, nginx.host.address, nginx.port),
        case(HAPROXY, plain, haproxy.host.address, haproxy.port),
        case(HAPROXY_PHYSICAL, proxied, haproxy_physical.host.address, haproxy_physical.port),
    ]


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
