"""What a backend's agent says, through the real binary: share of its weight, drain, maintenance, health, strange words."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from conftest import Site, running
from test_replay import agrees

from lab import Agent, ConnectClient, HeldConnections, Lab, Service, wait_until

PORT = 9777
FAST = {"interval": "100ms", "down_interval": "100ms", "fast_interval": "20ms"}
CHECKS = [{"type": "http", "path": "/healthz"}, {"type": "agent", "port": PORT}]
SLOTS = 16381


@dataclass
class Talking:
    site: Site
    agents: dict[str, Agent]

    def says(self, line: str, backend: str = "b1") -> int:
        """@return the time before it said so."""
        before = time.monotonic_ns()
        self.agents[backend].says = line
        return before

    def repeats(self, backend: str = "b1") -> None:
        """Until an answer that began after this was taken in."""
        asked = self.agents[backend].asked
        wait_until(lambda: self.agents[backend].asked >= asked + 3, "the agent is asked again")

    def backend(self) -> dict[str, object]:
        return self.site.daemon.backend("b1")

    def order(self, *words: str) -> None:
        done = self.site.daemon.command(*words)
        assert done.returncode == 0, done.stderr


def services(lab: Lab) -> list[Service]:
    return [Service("web", lab.service_address, [(host.name, host.address, 80) for host in lab.backends], check=CHECKS)]


@pytest.fixture
def talking() -> Iterator[Talking]:
    with contextlib.ExitStack() as stack:
        agents: dict[str, Agent] = {}

        def with_agents(lab: Lab) -> list[Service]:
            agents.update({host.name: stack.enter_context(Agent(host, PORT, "up")) for host in lab.backends})
            return services(lab)

        with running("tc", with_agents, health=FAST, daemon={"detach_on_exit": False}) as site:
            yield Talking(site, agents)


def share_of_b1(site: Site) -> float:
    connections = ConnectClient(site.lab.client, site.address, count=400, seconds=10).finish()
    assert [c for c in connections if c.hurt] == []
    return sum(c.backend == "b1" for c in connections) / len(connections)


def test_a_percentage_moves_its_share_of_the_slots_and_of_the_new_flows(talking: Talking) -> None:
    daemon = talking.site.daemon
    before = talking.says("25%")
    told = daemon.wait_for_audit(before, kind="agent", backend="b1")
    assert (told["was"], told["now"], told["lowest"], told["check"]) == ("100 %", "25 %", 25, "agent")
    published = daemon.wait_for_audit(before, kind="publish")
    assert published["changes"] == [{"kind": "weight", "service": "web", "backend": "b1", "was": "100", "now": "100, agent 25 %"}]
    assert published["cause_seq"] == told["seq"]
    assert published["generation"]["slots_moved"] == pytest.approx((1 / 2 - 1 / 5) * SLOTS, rel=0.15)
    assert talking.backend()["agent_weight_percent"] == 25
    assert "100, agent 25 %" in daemon.command("status").stdout
    assert daemon.metrics()['pointsman_backend_agent_weight_percent{service="web",backend="b1"}'] == 25
    assert share_of_b1(talking.site) == pytest.approx(0.2, abs=0.1)

    talking.order("weight", "web/b1", "50")
    assert "50, agent 25 %" in daemon.command("status").stdout
    talking.says("0%")
    wait_until(lambda: not talking.backend()["eligible"], "b1 takes no new flows")
    assert share_of_b1(talking.site) == 0
    talking.says("up")
    talking.repeats()
    assert not talking.backend()["eligible"], "what is left unsaid is as before"
    talking.says("up 100%")
    wait_until(lambda: talking.backend()["eligible"], "b1 takes new flows")
    assert "agent" in {decision["kind"] for decision in agrees(talking.site)["decisions"]}


def test_drain_and_maint_last_until_the_agent_says_ready(talking: Talking) -> None:
    daemon = talking.site.daemon
    talking.says("drain")
    assert daemon.wait_for_state("b1", "drain")["because"] == "asked_to_drain"
    talking.says("up")
    talking.repeats()
    assert talking.backend()["state"] == "drain"
    talking.says("ready")
    daemon.wait_for_state("b1", "up")

    held = HeldConnections(talking.site.lab.client, talking.site.address)
    before = talking.says("maint # new kernel")
    backend = daemon.wait_for_state("b1", "maint")
    assert (backend["because"], backend["admin"], backend["eligible"]) == ("asked_for_maint", "ready", False)
    record = daemon.wait_for_audit(before, kind="health", backend="b1")
    assert (record["now"], record["check"], record["evidence"][-1]["asks"]) == ("maint", "agent", "maint")
    assert record["evidence"][-1]["text"] == "new kernel"
    shown = daemon.command("status").stdout
    assert "asked_for_maint by agent" in shown and "agent: new kernel" in shown
    assert {each.backend for each in held.release() if each.broke_ns} == {"b1"}
    talking.site.nginx["b1"].kill()
    talking.repeats()
    assert talking.backend()["state"] == "maint", "its other checks do not matter"
    talking.site.nginx["b1"].start()
    talking.says("ready")
    daemon.wait_for_state("b1", "up")


def test_orders_go_before_the_agents_words(talking: Talking) -> None:
    daemon = talking.site.daemon
    talking.order("drain", "web/b1")
    talking.says("maint")
    talking.repeats()
    assert talking.backend()["state"] == "drain"
    talking.says("up")
    talking.repeats()
    talking.order("ready", "web/b1")
    daemon.wait_for_state("b1", "up")
    talking.says("maint")
    daemon.wait_for_state("b1", "maint")


def test_after_down_only_up_is_healthy_and_strange_words_are_shown(talking: Talking) -> None:
    daemon = talking.site.daemon
    before = talking.says("down # disk full")
    down = daemon.wait_for_audit(before, kind="health", backend="b1", now="down")
    assert (down["because"], down["evidence"][-1]["text"]) == ("l7_status", "disk full")
    talking.says("75%")
    talking.repeats()
    assert talking.backend()["state"] == "down"
    talking.says("up splendid")
    daemon.wait_for_state("b1", "up")
    wait_until(lambda: 'agent: ignored: "splendid"' in daemon.command("status").stdout, "the strange word is shown")


def test_what_an_agent_said_goes_on_after_a_restart(talking: Talking) -> None:
    daemon = talking.site.daemon
    talking.says("25%")
    wait_until(lambda: talking.backend().get("agent_weight_percent") == 25, "b1 has a quarter of its weight")
    talking.says("maint", "b2")
    daemon.wait_for_state("b2", "maint")
    talking.says("up")
    talking.says("up", "b2")
    talking.repeats()
    assert daemon.process is not None
    daemon.process.kill()
    daemon.start()
    wait_until(daemon.control_answers, "the next daemon")
    talking.repeats()
    talking.repeats("b2")
    assert talking.backend()["agent_weight_percent"] == 25
    assert daemon.backend("b2")["state"] == "maint"
    talking.says("ready 50%", "b2")
    daemon.wait_for_state("b2", "up")
    wait_until(lambda: daemon.backend("b2").get("agent_weight_percent") == 50, "b2 has half of its weight")
    agrees(talking.site)
