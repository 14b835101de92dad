"""Rules between health and traffic: weights, drains, slow start, ejection by clients, announcement."""

from __future__ import annotations

import socket
import time

from conftest import Site, running

from lab import ConnectClient, HeldConnections, Lab, Service
from lab.pointsman import Record
from lab.waiting import wait_until

REFUSED_BY_B1 = 'pointsman_second_chances_total{service="web",backend="b1"}'  # and served by b2


def share_of(site: Site, backend: str, count: int = 400) -> float:
    connections = ConnectClient(site.lab.client, site.address, count=count, seconds=10).finish()
    assert [c for c in connections if c.hurt] == []
    return len([c for c in connections if c.backend == backend]) / len(connections)


def web(lab: Lab, check: dict[str, object] | None = None, ports: tuple[int, int] = (80, 80), **keys: object) -> list[Service]:
    backends = [(host.name, host.address, port) for host, port in zip(lab.backends, ports)]
    return [Service("web", lab.service_address, backends, keys=keys,
                    check={"type": "http", "path": "/healthz", **(check or {})})]


def test_a_weight_by_order_moves_flows_until_ready(site: Site) -> None:
    before = time.monotonic_ns()
    done = site.daemon.command("weight", "web/b1", "25", "--reason", "smaller machine")
    assert (done.returncode, done.stdout) == (0, "web/b1 has weight 25\n"), done.stderr
    backend = site.daemon.backend("b1")
    assert (backend["weight"], backend["weight_configured"], backend["weight_reason"]) == (25, 100, "smaller machine")
    assert 0.1 < share_of(site, "b1") < 0.3
    record = site.daemon.wait_for_audit(before, kind="admin", backend="b1", because="weight")
    assert (record["was"], record["now"], record["reason"]) == ("100", "25", "smaller machine")
    assert site.daemon.command("ready", "web/b1").returncode == 0
    assert "weight_configured" not in wait_until(
        lambda: (b := site.daemon.backend("b1"))["weight"] == 100 and b, "the configured weight counts") or {}


def test_a_weight_by_order_outlives_a_reload_unless_the_file_changed_it() -> None:
    with running("tc") as site:
        assert site.daemon.command("weight", "web/b1", "25").returncode == 0
        assert site.daemon.command("reload").returncode == 0
        assert site.daemon.backend("b1")["weight"] == 25
        host = site.lab.backends[0]
        site.daemon.services[0].backends = [
            {"name": host.name, "address": host.address, "port": 80, "weight": 50}, *site.daemon.services[0].backends[1:]]
        site.daemon.write()
        assert site.daemon.command("reload").returncode == 0
        assert site.daemon.backend("b1")["weight"] == 50


def test_a_weight_must_be_in_range_and_of_a_known_backend(site: Site) -> None:
    assert site.daemon.command("weight", "web/b1", "65536").returncode == 2
    assert site.daemon.command("weight", "b1", "5").returncode == 2
    unknown = site.daemon.command("weight", "web/b9", "5")
    assert unknown.returncode == 1 and "web/b9" in unknown.stderr


def test_a_drain_that_is_waited_for_tells_how_it_ended() -> None:
    with running("tc") as site:
        empty = site.daemon.command("drain", "web/b2", "--wait")
        assert empty.returncode == 0, empty.stderr
        assert site.daemon.command("ready", "web/b2").returncode == 0
        site.daemon.wait_for_state("b2", "up")

        held = HeldConnections(site.lab.client, site.address, count=32, interval_ms=20)
        late = site.daemon.command("drain", "web/b1", "--deadline", "1s", "--then", "maint", "--wait", "--reason", "swap")
        assert late.returncode == 1
        assert "left, " in late.stderr and "to the deadline" in late.stderr
        assert "the deadline came with " in late.stderr
        assert site.daemon.backend("b1")["state"] == "maint"
        assert {h.backend for h in held.release() if h.broke_ns} == {"b1"}


def test_a_drain_shows_its_progress_and_another_order_ends_the_wait() -> None:
    with running("tc") as site:
        held = HeldConnections(site.lab.client, site.address, count=32, interval_ms=20)
        waiting = site.daemon.lab.balancer.start(
            site_binary(), "drain", "--control", site.daemon.control, "web/b1", "--wait", "--deadline", "60s", log="drain.log")
        drain: Record = wait_until(lambda: site.daemon.backend("b1").get("drain"), "the drain is in force") or {}
        assert drain["sessions_left"] > 0 and drain["then"] == "maint" and 0 < drain["deadline_ms"] <= 60_000
        assert site.daemon.command("ready", "web/b1").returncode == 0
        assert waiting.wait(5) == 6
        assert "another order" in waiting.text()
        held.release()


def site_binary() -> str:
    from lab import paths
    return str(paths.pointsman())


def test_a_backend_that_comes_back_starts_slowly() -> None:
    with running("tc", lambda lab: web(lab, slow_start="3s")) as site:
        assert {b["state"] for b in site.daemon.status()["services"][0]["backends"]} == {"up"}
        killed = site.nginx["b1"].kill()
        site.daemon.wait_for_audit(killed, kind="health", backend="b1", now="down")
        site.nginx["b1"].start()
        starting = site.daemon.wait_for_state("b1", "starting")
        assert starting["ramp_percent"] <= 50
        assert site.daemon.status()["services"][0]["healthy"] == 2
        site.daemon.wait_for_state("b1", "up", timeout=6)
        steps = [change["now"] for record in site.daemon.audit(killed, kind="publish") for change in record["changes"]
                 if change["kind"] == "weight"]
        assert 5 <= len(steps) <= 10 and steps[-1] == "100", steps
        assert 0.4 < share_of(site, "b1") < 0.6


def refused_connects(site: Site, sources: list[str], count: int) -> int:
    """How many of `count` connections from each address are refused."""
    refused = 0
    with site.lab.client.inside():
        for source in sources:
            for _ in range(count):
                with socket.socket() as connection:
                    connection.bind((source, 0))
                    connection.settimeout(2)
                    try:
                        connection.connect((site.address, 80))
                    except ConnectionRefusedError:
                        refused += 1
    return refused


def sources_of(site: Site, count: int) -> list[str]:
    sources = [f"10.77.0.{200 + number}" for number in range(count)]
    for source in sources:
        site.lab.client.run("ip", "address", "add", f"{source}/24", "dev", site.lab.client.devices[0])
    return sources


def test_one_client_ejects_nobody_however_often_it_is_refused() -> None:
    """b1 refuses every client and passes every probe: the worst that one client can bring up against a backend."""
    with running("tc", lambda lab: web(lab, {"port": 80, "passive": "eject"}, ports=(81, 80))) as site:
        before = time.monotonic_ns()
        assert refused_connects(site, sources_of(site, 1), 200) == 0
        assert site.daemon.metrics()[REFUSED_BY_B1] > 50
        assert site.daemon.backend("b1")["state"] == "up"
        assert site.daemon.audit(before, kind="health") == []


def test_several_clients_eject_a_backend_whose_probes_pass_and_it_comes_back() -> None:
    with running("tc", lambda lab: web(lab, {"port": 80, "passive": "eject"}, ports=(81, 80))) as site:
        sources = sources_of(site, 4)
        before = time.monotonic_ns()
        # The datapath reports one refusal a tick at most, so some clients' may go unseen in one round.
        down = wait_until(lambda: refused_connects(site, sources, 4) >= 0 and site.daemon.audit(
            before, kind="health", backend="b1", now="down"), "b1 is ejected")[0]
        assert (down["because"], down["ruled_by"]) == ("clients_failed", "clients_failed")
        assert refused_connects(site, sources, 20) == 0
        up = site.daemon.wait_for_audit(before, timeout=8, kind="health", backend="b1", now="up")
        assert up["because"] == "released"
        assert 4.5 < (up["mono_ns"] - down["mono_ns"]) / 1e9 < 6


def test_the_last_healthy_backend_is_never_ejected_by_clients() -> None:
    with running("tc", lambda lab: web(lab, {"port": 80, "passive": "eject"}, ports=(81, 80))) as site:
        assert site.daemon.command("maint", "web/b2").returncode == 0
        site.daemon.wait_for_state("b2", "maint")
        assert refused_connects(site, sources_of(site, 4), 20) == 80
        assert site.daemon.backend("b1")["state"] == "up"


def test_passive_off_asks_for_no_probe() -> None:
    with running("tc", lambda lab: web(lab, {"port": 80, "passive": "off"}, ports=(81, 80))) as site:
        before = time.monotonic_ns()
        assert refused_connects(site, sources_of(site, 2), 50) == 0
        assert site.daemon.metrics()[REFUSED_BY_B1] > 20
        assert site.daemon.audit(before, kind="passive") == []


def test_the_address_is_withdrawn_and_announced_again_with_a_gap() -> None:
    with running("tc", lambda lab: web(lab, healthy_low=1, healthy_high=2)) as site:
        service = site.daemon.status()["services"][0]
        assert service["announce"] is True
        killed = [nginx.kill() for nginx in site.nginx.values()][0]
        gone = site.daemon.wait_for_audit(killed, kind="announce", service="web", now="off")
        site.nginx["b1"].start()
        site.daemon.wait_for_state("b1", "up")
        assert site.daemon.status()["services"][0]["announce"] is False
        assert "WITHDRAW" in site.daemon.command("status").stdout
        site.nginx["b2"].start()
        site.daemon.wait_for_audit(gone["mono_ns"], kind="announce", service="web", now="on")


def test_a_service_with_one_backend_goes_down_and_resets_its_clients() -> None:
    def one(lab: Lab) -> list[Service]:
        return [Service("web", lab.service_address, [(lab.backends[0].name, lab.backends[0].address, 80)])]

    with running("tc", one) as site:
        with site.lab.client.connect(site.address, 80) as connection:
            site.nginx["b1"].host.run("ip", "link", "set", "eth0", "down")
            site.daemon.wait_for_state("b1", "down")
            status = site.daemon.status()["services"][0]
            assert (status["panic"], status["announce"]) == (False, False)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
            try:
                assert connection.recv(100) != b"", "the client waits for nothing"
            except ConnectionResetError:
                pass
