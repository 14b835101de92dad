"""The main job: a backend dies under load, and its traffic moves. Run by tests/demo, as root.

Exit 0 only if the last connection that was hurt began at most 100 ms after the kill, the connections to the other backend
were undisturbed, the audit trail agrees with what the client measured, and nothing was left behind."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from lab import command, demo_report
from lab.balancers import HAProxyBalancer, PointsmanBalancer
from lab.load import ConnectClient, Connection, Held, HeldConnections, Wrk, WrkReport
from lab.pointsman import Record, now_ns
from lab.servers import Nginx
from lab.terminal import Story, paint
from lab.topology import Lab, remove_stale

RATE = 2000     # new connections a second
HELD = 32       # connections held open
WRK = 16        # keep-alive connections of wrk
AFTERWARDS = 3000  # connections to be seen after the failover, and after the return


@dataclass
class Course:
    """What happened. Times in ns of CLOCK_MONOTONIC."""

    backend: str  # the killed one
    killed_ns: int
    restarted_ns: int
    connections: list[Connection]
    held: list[Held]
    wrk: WrkReport
    records: list[Record]
    left: list[str]


def main() -> int:
    options = parse_arguments()
    balancer_kind = HAProxyBalancer if options.balancer == "haproxy" else PointsmanBalancer
    print(paint(f"{balancer_kind.name}: a backend dies under load", "bold"))
    story = Story()
    remove_stale()
    with Lab(physical=options.attach == "native") as lab:
        course = play(lab, balancer_kind, options.attach, story, keep=options.keep)
        passed = demo_report.show(course, has_trail=balancer_kind is PointsmanBalancer)
        if options.keep:
            keep(lab)
    left = [] if options.keep else lab.leftovers()
    if left or course.left:
        print(paint(f"  left behind: {', '.join(course.left + left)}", "red"))
    elif not options.keep:
        print("  nothing left behind: no process, namespace, BPF program, pin or file")
    return 0 if passed and not left and not course.left else 1


def play(lab: Lab, balancer_kind: type[PointsmanBalancer | HAProxyBalancer], attach: str, story: Story, keep: bool) -> Course:
    first, *others = [Nginx(host) for host in lab.backends]
    backends = ", ".join(f"{host.name} {host.address}" for host in lab.backends)
    story.tell(f"lab: client {lab.client.address}, balancer {lab.balancer.address}, nginx on {backends}")
    before = now_ns()
    balancer = balancer_kind(lab, attach)
    story.tell(f"{balancer.name} serves {lab.service_address}:80, every backend up {(now_ns() - before) / 1e6:.0f} ms "
               "after its start")
    held = HeldConnections(lab.client, lab.service_address, count=HELD)
    wrk = Wrk(lab.client, lab.service_address, seconds=50, connections=WRK, threads=1)
    client = ConnectClient(lab.client, lab.service_address, rate=RATE, parallel=64, timeout_ms=1000)
    story.tell(f"load: wrk on {WRK} keep-alive connections, {RATE:,} new connections/s, {HELD} connections held open")
    client.wait_for(1000, backend=first.host.name)

    pids = " ".join(map(str, first.process.family()))
    killed = first.kill()
    story.tell(f"{paint('kill -9', 'red')} {pids}: the nginx of {first.host.name}")
    balancer.wait_for(first.host.name, "down", killed)
    story.tell(f"{first.host.name} is down; its traffic goes to {others[0].host.name}")
    client.wait_for(AFTERWARDS, since_ns=now_ns())

    restarted = now_ns()
    first.start()
    story.tell(f"nginx of {first.host.name} started again")
    balancer.wait_for(first.host.name, "up", restarted)
    client.wait_for(1, since_ns=restarted, backend=first.host.name)
    story.tell(f"{first.host.name} is up and answers")
    client.wait_for(AFTERWARDS, since_ns=now_ns())

    connections = client.stop()
    course = Course(first.host.name, killed, restarted, connections, held.release(), wrk.stop(), balancer.records(before), [])
    story.tell("load ended")
    if not keep:
        course.left = balancer.end()
    return course


def keep(lab: Lab) -> None:
    lab.keep()
    print("\nThe lab stays up. A shell on the balancer, one request from the client, and its removal:")
    print(f"  sudo nsenter --net=/run/netns/{lab.balancer.namespace} bash")
    print(f"  sudo nsenter --net=/run/netns/{lab.client.namespace} curl -s http://{lab.service_address}/")
    print(f"  build/release/pointsman status -c {lab.folder}/pointsman/pointsman.toml")
    print(f"  sudo {lab.folder}/remove")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/demo", description=__doc__.split("\n")[0],
                                     epilog="Exit 0 only if the failover met its bound of 100 ms.")
    parser.add_argument("--attach", choices=["tc", "native"], default="tc",
                        help="tc on plain veth (default), or native XDP with the links of physical NICs modelled")
    parser.add_argument("--keep", action="store_true", help="leave the lab up and print how to enter it")
    parser.add_argument("--balancer", choices=["pointsman", "haproxy"], default="pointsman",
                        help="haproxy: the same course with HAProxy's defaults, for comparison")
    return parser.parse_args()


if __name__ == "__main__":
    command.run("tests/demo", main)
