"""What may stand between client and backends in the demo and the benchmarks."""

from __future__ import annotations

from lab.pointsman import Pointsman, Record
from lab.servers import HAProxy
from lab.topology import Lab
from lab.waiting import wait_until


class PointsmanBalancer:
    """The daemon; its audit trail tells when what happened."""

    name = "pointsman"

    def __init__(self, lab: Lab, attach: str) -> None:
        self.daemon = Pointsman(lab, attach=attach).start().ready()

    def wait_for(self, backend: str, state: str, after_ns: int) -> None:
        """Until the change of state is committed."""
        health = self.daemon.wait_for_audit(after_ns, 10, kind="health", backend=backend, now=state)
        self.daemon.wait_for_audit(health["mono_ns"], kind="publish")

    def records(self, after_ns: int) -> list[Record]:
        return self.daemon.audit(after_ns)

    def end(self) -> list[str]:
        """What it left in the kernel."""
        self.daemon.stop()
        return self.daemon.attached()


class HAProxyBalancer:
    """HAProxy in tcp mode with its default checks, for comparison. It owns the service address and writes no trail."""

    name = "HAProxy"

    def __init__(self, lab: Lab, attach: str) -> None:
        del attach
        if not lab.own_address:
            lab.balancer.run("ip", "addr", "add", f"{lab.service_address}/32", "dev", "lo")
        self.server = HAProxy(lab.balancer, lab.backends, lab.service_address, 80)

    def wait_for(self, backend: str, state: str, after_ns: int) -> None:
        del after_ns
        wait_until(lambda: self.server.state_of(backend) == state.upper(), f"{backend} is {state}", 20, interval=0.05)

    def records(self, after_ns: int) -> list[Record]:
        del after_ns
        return []

    def end(self) -> list[str]:
        self.server.stop()
        return []
