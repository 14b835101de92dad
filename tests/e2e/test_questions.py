"""Commands that ask the running daemon and change nothing: drops, sessions, why, plan, probe."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import pytest
from conftest import Site, running

from lab import ConnectClient, HeldConnections, Service
from lab.pointsman import Record

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"
FLOWS = 200


@contextlib.contextmanager
def connections(site: Site, ports: range) -> Iterator[dict[int, socket.socket]]:
    """One connection to the service from each of these ports of the client."""
    made: dict[int, socket.socket] = {}
    try:
        for port in ports:
            made[port] = site.lab.client.socket()
            made[port].settimeout(3)
            made[port].bind((site.lab.client.address, port))
            made[port].connect((site.address, 80))
        yield made
    finally:
        for connection in made.values():
            connection.close()


def backend_of(connection: socket.socket) -> str:
    connection.sendall(REQUEST)
    answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return answer.split()[-1].decode()


def why(site: Site, source: str, destination: str) -> Record:
    return site.daemon.ask("GET", f"/v1/why?from={source}&to={destination}")


def step(answer: Record, name: str) -> Record:
    return next((s for s in answer["steps"] if s["step"] == name), {})


def test_why_agrees_with_the_program_before_and_after_each_connection(site: Site) -> None:
    ports = range(20000, 20000 + FLOWS)
    flow = {port: (f"{site.lab.client.address}:{port}", f"{site.address}:80") for port in ports}
    predicted = {port: why(site, *flow[port]) for port in ports}
    assert {p["verdict"] for p in predicted.values()} == {"forward_to_backend"}
    assert all(not step(p, "session")["found"] and step(p, "maglev")["slots"] == 16381 for p in predicted.values())
    assert {p["backend"] for p in predicted.values()} == {"web/b1", "web/b2"}
    with connections(site, ports) as made:
        reached = {port: f"web/{backend_of(connection)}" for port, connection in made.items()}
        assert reached == {port: p["backend"] for port, p in predicted.items()}
        for port in ports:
            after = why(site, *flow[port])
            assert (after["backend"], after["verdict"]) == (reached[port], "forward_to_backend")
            assert step(after, "session")["state"] == "established" and step(after, "maglev") == {}


def test_why_knows_the_answers_way_back(site: Site) -> None:
    with connections(site, range(21000, 21020)) as made:
        for connection in made.values():
            backend_of(connection)
        listed = site.daemon.ask("GET", "/v1/sessions?limit=1000")["sessions"]
        addresses = {host.name: host.address for host in site.lab.backends}
        for session in listed:
            back = why(site, f"{addresses[session['backend']]}:80", session["nat"])
            assert back["verdict"] == "forward_to_client"
            assert step(back, "session")["direction"] == "to_client"


def test_why_follows_what_happens_to_a_backend(site: Site) -> None:
    with connections(site, range(22000, 22001)) as made:
        victim = backend_of(made[22000])
        flow = (f"{site.lab.client.address}:22000", f"{site.address}:80")
        site.daemon.command("maint", f"web/{victim}")
        answer = why(site, *flow)
        assert answer["backend"] == f"web/{site.other(victim)}"
        site.daemon.command("drain", f"web/{site.other(victim)}")
        answer = why(site, *flow)
        assert (answer["backend"], answer["verdict"]) == (None, "forward_reset")
        assert step(answer, "maglev")["slots"] == 0


def test_why_prints_each_step(site: Site) -> None:
    done = site.daemon.command("why", "10.9.9.9:1234", f"{site.address}:80")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"10.9.9.9:1234 -> {site.address}:80/tcp  generation ")
    assert [line.split()[0] for line in lines[1:-1]] == ["hash", "session", "service", "maglev", "backend", "verdict"]
    assert lines[-1] in ("reaches web/b1", "reaches web/b2")
    other = site.daemon.command("why", "10.9.9.9:1234", f"{site.address}:80/udp")
    assert other.stdout.splitlines()[-1] == "reaches no backend: pass_not_ours"
    v6 = site.daemon.command("why", "[2001:db8::7]:1234", "[2001:db8::a]:80")
    assert v6.returncode == 0 and "no service at [2001:db8::a]:80/tcp" in v6.stdout, v6.stderr
    assert site.daemon.command("why", "10.9.9.9", f"{site.address}:80").returncode == 2


def test_sessions_are_listed_with_both_their_ends(site: Site) -> None:
    ports = range(23000, 23040)
    with connections(site, ports) as made:
        reached = {port: backend_of(connection) for port, connection in made.items()}
        done = site.daemon.command("sessions", "--json", "--limit", "1000")
        answer = json.loads(done.stdout)
        assert answer["schema"] == "pointsman.sessions/1"
        mine = {int(s["client"].rpartition(":")[2]): s for s in answer["sessions"]}
        assert {port: mine[port]["backend"] for port in ports} == reached
        for session in mine.values():
            assert session["destination"] == f"{site.address}:80" and session["protocol"] == "tcp"
            nat, port = session["nat"].split(":")
            assert nat == site.lab.balancer.address and 1024 <= int(port) <= 32767
            assert session["state"] == "established"
            assert 0 <= session["idle_ms"] <= session["age_ms"] + 100 < 60_000
        assert answer["total"] == sum(site.daemon.backend(b)["sessions"] for b in ("b1", "b2"))


def test_sessions_are_chosen_and_limited(site: Site) -> None:
    held = HeldConnections(site.lab.client, site.address, count=64, interval_ms=1000)
    one = json.loads(site.daemon.command("sessions", "--backend", "web/b1", "--json").stdout)
    assert {s["backend"] for s in one["sessions"]} == {"b1"}
    assert one["total"] == one["listed"] == len(one["sessions"])
    few = site.daemon.command("sessions", "--limit", "5")
    assert len(few.stdout.splitlines()) == 1 + 5 + 1
    assert few.stdout.splitlines()[-1] == "64 sessions, 5 of them listed; --limit lists more"
    held.release()
    assert site.daemon.command("sessions", "--service", "nope").returncode == 1
    assert site.daemon.command("sessions", "--backend", "nope").returncode == 2


def test_drops_add_up_and_say_what_to_do(site: Site) -> None:
    ConnectClient(site.lab.client, site.address, count=500, seconds=10).finish()
    before = json.loads(site.daemon.command("drops", "--json").stdout)
    assert before["schema"] == "pointsman.drops/1" and before["unaccounted"] == 0
    assert before["received"] == before["forwarded"] + before["passed"] + before["dropped"]
    assert before["received"] == sum(v["packets"] for v in before["verdicts"])
    assert before["forwarded"] > 3000
    for fate in ("received", "forwarded", "passed", "dropped"):
        assert sum(i[fate] for i in before["interfaces"]) == before[fate]
    assert before["interfaces"][0]["forwarded"] > 1000 and before["interfaces"][-1]["received"] == 0
    site.lab.client.run("python3", "-c", "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 255);"
                        "s.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1);"
                        # a TCP header that does not fit
                        f"s.sendto(bytes.fromhex('4500001800010000400600000a4d0001') + socket.inet_aton('{site.address}')"
                        f" + b'1234', ('{site.address}', 0))")
    done = site.daemon.command("drops")
    assert done.returncode == 0, done.stderr
    assert "\ndrop_malformed  1\n" in done.stdout.replace("drop_malformed      ", "drop_malformed  "), done.stdout
    assert "An IP header that contradicts itself" in done.stdout and "Normal: 0, or a trickle" in done.stdout
    assert "drop_no_backend" not in done.stdout
    every = site.daemon.command("drops", "--all")
    assert "drop_no_backend" in every.stdout


def test_a_probe_shows_its_steps_and_changes_nothing(site: Site) -> None:
    generation = site.daemon.status()["generation"]
    passed = site.daemon.command("probe", "web/b1", "--json")
    answer = json.loads(passed.stdout)
    assert passed.returncode == 0 and answer["passed"] and answer["outcome"] == "L7OK" and answer["status"] == 200
    assert [s["step"] for s in answer["steps"]] == ["connect", "send", "first_byte", "verdict"]
    times = [s["at_us"] for s in answer["steps"]]
    assert times == sorted(times) and times[-1] < 500_000
    site.daemon.command("maint", "web/b1")
    site.nginx["b1"].kill()
    failed = site.daemon.command("probe", "web/b1")
    assert failed.returncode == 1
    assert "L4CON l4_refused" in failed.stdout and "error: Connection refused" in failed.stdout
    assert site.daemon.backend("b1")["state"] == "maint"
    assert site.daemon.status()["generation"] == generation + 1
    assert site.daemon.command("probe", "web/b9").returncode == 1


@pytest.fixture
def two_of_three() -> Iterator[Site]:
    """A site whose file can be changed; the attach does not matter here."""
    with running("tc") as made:
        yield made


def test_a_plan_names_what_changes_and_changes_nothing(two_of_three: Site) -> None:
    site = two_of_three
    held = HeldConnections(site.lab.client, site.address, count=40, interval_ms=1000)
    on_b2 = site.daemon.backend("b2")["sessions"]
    generation = site.daemon.status()["generation"]
    b1, b2 = site.lab.backends
    changed = [Service("web", site.address, [(b1.name, b1.address, 80)]),
               Service("other", "10.77.0.101", [("new", b2.address, 80)])]
    site.daemon.services = changed
    site.daemon.write()
    done = site.daemon.command("plan", "-c", str(site.daemon.config), "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["schema"] == "pointsman.plan/1" and plan["restart_needed"] == []
    assert plan["running"]["generation"] == generation
    assert {(c["kind"], c["service"], c.get("backend"), c["now"]) for c in plan["changes"] if c["was"] != c["now"]} >= {
        ("backend", "web", "b2", "absent"), ("backend", "other", "new", "up")}
    web, other = plan["services"]
    assert web["name"] == "web" and 45 < web["new_flows_moved_percent"] < 55 and web["sessions_cut"] == on_b2 > 0
    assert other["name"] == "other" and other["sessions_cut"] == 0
    assert plan["sessions_cut"] == on_b2 and plan["assumed_up"] == ["other/new"]
    assert site.daemon.status()["generation"] == generation
    text = site.daemon.command("plan", "-c", str(site.daemon.config)).stdout
    assert "- backend web/b2  was up\n" in text and "once these new backends have passed a probe: other/new" in text
    assert site.daemon.command("reload").returncode == 0
    assert len([h for h in held.release() if h.broke_ns]) == on_b2


def test_a_plan_of_the_same_file_changes_nothing(two_of_three: Site) -> None:
    done = two_of_three.daemon.command("plan", "-c", str(two_of_three.daemon.config))
    assert done.returncode == 0
    assert "nothing that packets would notice changes" in done.stdout
    assert "0.0 % of new flows lead elsewhere, 0 sessions cut" in done.stdout


def test_a_plan_of_a_bad_file_or_one_that_needs_a_restart_says_so(two_of_three: Site) -> None:
    daemon = two_of_three.daemon
    good = daemon.config.read_text()
    daemon.write(good.replace('name = "web"', 'nome = "web"'))
    bad = daemon.command("plan", "-c", str(daemon.config))
    assert bad.returncode == 3 and "did you mean `name`?" in bad.stderr
    daemon.write(good.replace("[datapath]", "[datapath]\nsessions = 2048"))
    restart = daemon.command("plan", "-c", str(daemon.config))
    assert restart.returncode == 6
    assert "a restart is needed to change datapath.sessions" in restart.stdout


def test_another_method_is_told_which_there_are(two_of_three: Site) -> None:
    ask = two_of_three.daemon.ask
    assert ask("DELETE", "/v1/status") == {"error": "only GET at /v1/status", "http_status": 405, "http_allow": "GET, HEAD"}
    assert ask("GET", "/v1/reload") == {"error": "only POST at /v1/reload", "http_status": 405, "http_allow": "POST"}
    assert "http_allow" not in ask("GET", "/v1/status")


def test_a_plan_of_a_large_file_is_answered(two_of_three: Site) -> None:
    site = two_of_three
    backends = [(f"n{i}", f"10.77.{1 + i // 250}.{1 + i % 250}", 80) for i in range(3000)]
    site.daemon.services = [Service("web", site.address, backends)]
    site.daemon.write()
    assert site.daemon.config.stat().st_size > 64 * 1024
    plan = json.loads(site.daemon.command("plan", "-c", str(site.daemon.config), "--json").stdout)
    assert len(plan["assumed_up"]) == 3000
