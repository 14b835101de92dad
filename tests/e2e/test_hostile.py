"""Hostile backends by the dozen, all at once: verdict, reason and time of each, beside HAProxy's verdict on the same servers."""

from __future__ import annotations

import pathlib
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lab import HAProxy, Lab, Pointsman, Service, self_signed
from lab.host import Host, run
from lab.hostile import (Behaviour, Hostiles, by_tls, closes, frame, greets, grpc_answer, half_closes, resets, says,
                         says_and_stays, says_for_ever, says_slowly, until_closed, varnishtest)
from lab.pointsman import Record
from lab.waiting import Deadline, wait_until

TIMEOUT_MS = 500
HTTP: Mapping[str, object] = {"type": "http", "path": "/"}
NEEDLE = {**HTTP, "expect_body": "needle", "body_limit": 65536}
HTTPCHK = "option httpchk GET /\n    http-check expect status 200-399"
FINDS = "option httpchk GET /\n    http-check expect string needle"
OK = b"HTTP/1.1 200 OK\r\n"
NAME = "www.example.org"


@dataclass
class Case:
    """A server and what a reader would expect of a check. `outcome` may name two where a race decides, `text` is in the outcome's text, `haproxy` its configuration of
    the same check (empty: it has none like it), `differs` why its verdict is another one."""

    behave: Behaviour | None  # None: one of hostile.vtc
    outcome: str
    check: Mapping[str, object] = field(default_factory=lambda: HTTP)
    text: str = ""
    haproxy: str = HTTPCHK
    server: str = ""  # more words of HAProxy's server line
    differs: str = ""
    port: int = 0
    protocol: str = "tcp"

    @property
    def up(self) -> bool:
        return self.outcome.endswith("OK")

    @property
    def late(self) -> bool:
        return self.outcome.endswith("TOUT")


def tcp(**keys: object) -> Mapping[str, object]:
    return {"type": "tcp", **keys}


def http_cases() -> dict[str, Case]:
    return {
        "garbage": Case(says(b"\x00\x1b[2J\xff\"}\n{\"kind\":\"health\"}\r\n\r\n"), "L7RSP", text="no HTTP/1 status line"),
        "closes-at-once": Case(closes, "L7RSP", text="before an answer"),
        "resets-at-once": Case(resets, "L7RSP|L4CON"),
        "closes-after-the-request": Case(says(b""), "L7RSP", text="closed before an answer"),
        "never-answers": Case(until_closed, "L7TOUT", text="no answer"),
        "an-octet-each-second": Case(says_slowly(OK + b"\r\n", 1), "L7TOUT", text="the answer's head was not complete in time"),
        "an-octet-each-ms-but-valid": Case(says_slowly(OK + b"\r\n", 0.001), "L7OK"),
        "endless-fields": Case(says_for_ever(OK, b"X-Fill: 0123456789\r\n"), "L7RSP", text="longer than 16384 octets"),
        "endless-field": Case(says_for_ever(OK + b"X-Fill: ", b"x"), "L7RSP", text="longer than 16384 octets"),
        "endless-status-line": Case(says_for_ever(b"HTTP/1.1 200 ", b"x"), "L7RSP", text="longer than 16384 octets"),
        "head-without-end": Case(says(OK + b"Server: x\r\n"), "L7RSP", text="closed before the head's end"),
        "head-that-stops": Case(says_and_stays(OK + b"Server: x\r\n"), "L7TOUT", text="the answer's head was not complete in time"),
        "interim-for-ever": Case(says_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "L7RSP", text="more than 16 interim"),
        "interim-slowly-for-ever": Case(says_slowly(b"HTTP/1.1 102 Processing\r\n\r\n" * 9, 0.02), "L7TOUT"),
        "no-version": Case(says(b"<html>hello</html>\n"), "L7RSP", text="no HTTP/1 status line"),
        "lower-case": Case(says(b"http/1.1 200 ok\r\n\r\n"), "L7RSP", text="no HTTP/1 status line"),
        "http-2": Case(says(b"HTTP/2 200\r\n\r\n"), "L7RSP", text="no HTTP/1 status line"),
        "status-of-two-digits": Case(says(b"HTTP/1.1 20 OK\r\n\r\n"), "L7RSP", text="no HTTP/1 status line"),
        "lf-alone": Case(says(b"HTTP/1.1 200 OK\nServer: x\n\n"), "L7OK"),
        "control-characters-in-the-status-line": Case(says(b"HTTP/1.1 503 \x1b]0;owned\x07\r\n\r\n"), "L7RSP"),
        "nul-in-the-status-line": Case(says(b"HTTP/1.1 200 O\0K\r\n\r\n"), "L7RSP", differs="HAProxy's checks read over NUL"),
        "nul-in-a-field": Case(says(OK + b"X: a\0b\r\n\r\n"), "L7RSP", text="a header line",
                               differs="likewise; RFC 9110, section 5.5 forbids it"),
        "field-without-colon": Case(says(OK + b"nonsense\r\n\r\n"), "L7RSP", text="a header line"),
        "two-lengths": Case(says(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nneedle"), "L7RSP", NEEDLE, haproxy=FINDS),
        "two-answers": Case(says(OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n"), "L7OK"),
        "half-closed": Case(half_closes(OK + b"Content-Length: 0\r\n\r\n"), "L7OK"),
        "teapot": Case(says(b"HTTP/1.1 418 \"}\\ {\"kind\": \"health\"}\r\n\r\n"), "L7STS"),
        "needle-then-a-gigabyte": Case(says_for_ever(OK + b"Content-Length: 1000000000\r\n\r\nneedle", b"x"), "L7OK", NEEDLE,
                                       haproxy=FINDS),
        "a-gigabyte-then-needle": Case(says_for_ever(OK + b"Content-Length: 1000000000\r\n\r\n", b"x"), "L7RSP", NEEDLE,
                                       text="the expected text is missing", haproxy=FINDS),
        "chunks-that-are-none": Case(says(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nneedle\r\n0\r\n\r\n"), "L7RSP", NEEDLE,
                                     text="cut short or has no valid form", haproxy=FINDS),
        "body-cut-short": Case(says(OK + b"Content-Length: 100\r\n\r\nhay"), "L7RSP", NEEDLE,
                               text="cut short or has no valid form", haproxy=FINDS),
        "body-of-nuls-and-escapes": Case(says(OK + b"\r\n\0\x1b[31m\xff\r\n\"}\n" * 10), "L7RSP", NEEDLE, haproxy=FINDS),
        "body-that-stops": Case(says_and_stays(OK + b"Content-Length: 100\r\n\r\nhay"), "L7TOUT", NEEDLE,
                                text="the expected text did not come in time", haproxy=FINDS),
        "body-slowly-with-needle": Case(says_slowly(OK + b"\r\nneedle" + b"x" * 9999, 0.002), "L7OK", NEEDLE, haproxy=FINDS),
    }


def scripted_cases() -> dict[str, Case]:
    """The servers of hostile.vtc."""
    return {
        "fine": Case(None, "L7OK", port=9001),
        "moved": Case(None, "L7OK", port=9002),
        "404-drains": Case(None, "L7OK", {**HTTP, "drain_status": "404"}, port=9003,
                           haproxy="option httpchk GET /\n    http-check disable-on-404"),
        "500": Case(None, "L7STS", port=9004),
        "chunked-needle": Case(None, "L7OK", NEEDLE, port=9005, haproxy=FINDS),
        "continue-then-200": Case(None, "L7OK", port=9006,
                                  differs="HAProxy takes the interim answer for the answer (health-checks.md, http)"),
        "no-reason": Case(None, "L7OK", port=9007),
        "http-1.0": Case(None, "L7OK", port=9008),
        "terabyte-promised": Case(None, "L7OK", port=9009),
    }


def other_cases(folder: pathlib.Path, host: Host) -> dict[str, Case]:
    good = self_signed(folder, NAME, host.address)
    other = self_signed(folder, "other.example.org", "192.0.2.1")
    old = expired(folder, host.address)
    https: dict[str, object] = {"type": "https", "path": "/", "sni": NAME}
    words = f"check-ssl verify required check-sni {NAME} "
    serving, not_serving = b"\x08\x01", b"\x08\x02"
    agent: Mapping[str, object] = {"type": "agent"}
    grpc: Mapping[str, object] = {"type": "grpc"}
    return {
        "https": Case(by_tls(good, says(OK + b"\r\n")), "L7OK", {**https, "ca_file": str(good[0])},
                      server=words + f"ca-file {good[0]}"),
        "https-wrong-name": Case(by_tls(other, says(OK + b"\r\n")), "L6RSP", {**https, "ca_file": str(other[0])},
                                 text="certificate: hostname mismatch", server=words + f"ca-file {other[0]} verifyhost {NAME}"),
        "https-expired": Case(by_tls(old, says(OK + b"\r\n")), "L6RSP", {**https, "ca_file": str(old[0])},
                              text="certificate: certificate has expired", server=words + f"ca-file {old[0]}"),
        "https-unknown-issuer": Case(by_tls(other, says(OK + b"\r\n")), "L6RSP", {**https, "ca_file": str(good[0])},
                                     text="certificate: ", server=words + f"ca-file {good[0]}"),
        "https-on-a-plain-port": Case(says(OK + b"\r\n"), "L6RSP", {**https, "verify": "none"}, text="TLS: ",
                                      server="check-ssl verify none"),
        "https-that-never-answers": Case(until_closed, "L6TOUT", {**https, "verify": "none"}, server="check-ssl verify none"),
        "https-a-slow-handshake": Case(says_slowly(b"\x16\x03\x03\x00\x7a" + b"\x02" * 99, 0.03), "L6TOUT",
                                       {**https, "verify": "none"}, server="check-ssl verify none"),
        "https-closes-in-the-handshake": Case(says(b""), "L6RSP", {**https, "verify": "none"}, server="check-ssl verify none"),
        "http-on-a-tls-port": Case(by_tls(good, says(OK + b"\r\n")), "L7RSP"),
        "tcp-greeting": Case(greets(b"220 ready\r\n"), "L7OK", tcp(expect="220 "),
                             haproxy="option tcp-check\n    tcp-check expect string 220"),
        "tcp-greets-otherwise": Case(greets(b"554 no\r\n"), "L7TOUT", tcp(expect="220 "),
                                     haproxy="option tcp-check\n    tcp-check expect string 220"),
        "tcp-closes": Case(closes, "L7RSP", tcp(expect="220 "), text="the expected text is missing",
                           haproxy="option tcp-check\n    tcp-check expect string 220"),
        "tcp-endless": Case(greets(b"\0" * 10_000_000), "L7RSP", tcp(expect="220 "), text="the expected text is missing",
                            haproxy="option tcp-check\n    tcp-check expect string 220"),
        "tcp-hard-pattern": Case(greets(b"a" * 4000 + b"!"), "L7RSP", tcp(expect_regex="^(a+)+b$"), text="the pattern takes too long",
                                 haproxy=""),
        "tcp-closes-but-listens": Case(closes, "L4OK", tcp(), haproxy="option tcp-check"),
        "agent-up": Case(greets(b"up 50%\n"), "L7OK", agent, haproxy=""),
        "agent-down": Case(greets(b"down # on fire \x1b[31m\n"), "L7STS", agent, text="on fire", haproxy=""),
        "agent-unknown-word": Case(greets(b"splendid\n"), "L7RSP", agent, haproxy=""),
        "agent-half-a-word": Case(greets(b"u"), "L7TOUT", agent, haproxy=""),
        "agent-nothing": Case(closes, "L7RSP", agent, haproxy=""),
        "agent-absurd-weight": Case(greets(b"99999999999999999999%\n"), "L7RSP", agent, haproxy=""),
        "agent-endless-line": Case(greets(b"up " * 1_000_000), "L7RSP", agent, haproxy=""),
        "grpc-serving": Case(says_and_stays(grpc_answer(serving)), "L7OK", grpc, haproxy=""),
        "grpc-not-serving": Case(says_and_stays(grpc_answer(not_serving)), "L7STS", grpc, text="NOT_SERVING", haproxy=""),
        "grpc-garbage": Case(says(b"\xff" * 5000), "L7RSP", grpc, haproxy=""),
        "grpc-http-1": Case(says(OK + b"\r\n"), "L7RSP", grpc, haproxy=""),
        "grpc-settings-for-ever": Case(says_for_ever(b"", frame(4, 0, 0, b"\0\1\0\0\0\0")), "L7RSP", grpc, haproxy=""),
        "grpc-malformed-message": Case(says_and_stays(grpc_answer(b"\xff\xff\xff")), "L7RSP", grpc, haproxy=""),
        "grpc-never-answers": Case(until_closed, "L7TOUT", grpc, haproxy=""),
    }


def expired(folder: pathlib.Path, address: str) -> tuple[pathlib.Path, pathlib.Path]:
    certificate, key = folder / "old.pem", folder / "old.key"
    run("faketime", "2020-01-01", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-days", "1", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:{address}",
        "-out", certificate, "-keyout", key)
    return certificate, key


class WrongUdp:
    """Answers each datagram with the same octets."""

    def __init__(self, host: Host, port: int, octets: bytes) -> None:
        self.socket = host.socket(socket.SOCK_DGRAM)
        self.socket.bind((host.address, port))
        threading.Thread(target=self._serve, args=(octets,), daemon=True).start()

    def _serve(self, octets: bytes) -> None:
        while True:
            _, peer = self.socket.recvfrom(4096)
            self.socket.sendto(octets, peer)


def service_of(lab: Lab, name: str, case: Case) -> Service:
    backend = (name, lab.backends[0].address, case.port)
    check = {**case.check, "port": case.port}  # which an agent's check must name
    return Service(name, lab.service_address, [backend], port=case.port, protocol=case.protocol, check=check)


def haproxy_config(host: Host, cases: Mapping[str, Case]) -> str:
    sections = []
    for name, case in cases.items():
        if case.haproxy:
            sections.append(f"backend {name}\n    mode {'http' if 'httpchk' in case.haproxy else 'tcp'}\n    {case.haproxy}\n"
                            f"    timeout check {TIMEOUT_MS}ms\n"
                            f"    server {name} {host.address}:{case.port} check inter 200ms fall 3 rise 2 {case.server}\n")
    return "".join(sections)


def verdicts_of(daemon: Pointsman) -> dict[str, Record]:
    return {backend["name"]: backend for service in daemon.status()["services"] for backend in service["backends"]}


def problems(case: Case, backend: Record) -> str:
    probe = backend["last_probe"]
    if probe is None:
        return "no probe"
    wrong = []
    if (backend["state"] in ("up", "drain")) is not case.up:
        wrong.append(backend["state"])
    if probe["outcome"] not in case.outcome.split("|"):
        wrong.append(probe["outcome"])
    if case.text not in probe.get("text", ""):
        wrong.append(f"text {probe.get('text')!r}")
    took = probe["duration_us"] / 1000
    if case.late and not 0.95 * TIMEOUT_MS <= took < 2 * TIMEOUT_MS or not case.late and took >= TIMEOUT_MS:
        wrong.append(f"{took} ms")
    return ", ".join(wrong)


def wait_for_verdicts(daemon: Pointsman, cases: Mapping[str, Case]) -> None:
    """Until each is as expected; names those that are not."""
    found: dict[str, str] = {}

    def as_expected() -> bool:
        verdicts = verdicts_of(daemon)
        found.clear()
        found.update({name: wrong for name, case in cases.items() if (wrong := problems(case, verdicts[name]))})
        return not found

    try:
        wait_until(as_expected, "every verdict is as expected", timeout=30, interval=0.3)
    except Deadline as late:
        raise Deadline(f"{late}: {found}") from None


def anonymous_kb(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:"))


def probes(daemon: Pointsman) -> float:
    return sum(value for name, value in daemon.metrics().items() if name.startswith("pointsman_probe_results_total"))


def check_audit(daemon: Pointsman, cases: Mapping[str, Case]) -> None:
    """Every line is one record of ours (audit() parses them), gap-free, in printable ASCII."""
    lines = daemon.audit_file.read_bytes().splitlines()
    assert [line for line in lines if any(not 0x20 <= octet < 0x7F for octet in line)] == []
    records = daemon.audit()
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    judged = {record["backend"]: record for record in records if record["kind"] == "health"}
    assert set(judged) == set(cases)


def test_every_hostile_backend_gets_the_verdict_reason_and_time_that_one_expects_and_memory_stays_flat() -> None:
    with Lab(backends=1) as lab:
        host = lab.backends[0]
        cases = {**http_cases(), **scripted_cases(), **other_cases(lab.folder, host)}
        free = iter(range(8000, 9000))
        for case in cases.values():
            case.port = case.port or next(free)
        udp = Case(None, "L7RSP", {"type": "udp", "send": "?", "expect": "right"}, text="the expected text is missing",
                   haproxy="", port=next(free), protocol="udp")
        WrongUdp(host, udp.port, b"wrong\x00\x1b")
        cases["udp-wrong-answer"] = udp
        scripted = varnishtest(host, (pathlib.Path(__file__).parent / "hostile.vtc").read_text())
        behaviours = {case.port: case.behave for case in cases.values() if case.behave}
        behaviours[80] = says(OK + b"\r\n")  # by which HAProxy shows that it is up
        with Hostiles(host, behaviours):
            daemon = Pointsman(lab, [service_of(lab, name, case) for name, case in cases.items()], attach="tc",
                               health={"interval": "200ms", "down_interval": "200ms", "timeout": f"{TIMEOUT_MS}ms"}).start()
            try:
                wait_until(daemon.control_answers, "the daemon is up")
                wait_for_verdicts(daemon, cases)
                assert daemon.process is not None
                pid = daemon.process.family()[-1]
                before, seen = anonymous_kb(pid), probes(daemon)
                compare_with_haproxy(lab, cases)
                wait_until(lambda: probes(daemon) > seen + 50 * len(cases), "fifty more probes of each", timeout=90, interval=1)
                assert anonymous_kb(pid) - before < 4096
                wait_for_verdicts(daemon, cases)
                check_audit(daemon, cases)
            except BaseException:
                print(f"--- varnishtest: {scripted.popen.poll()}\n{scripted.text()[-2000:]}")
                print(f"--- pointsman's log\n{daemon.log()[-4000:]}")
                raise


def compare_with_haproxy(lab: Lab, cases: Mapping[str, Case]) -> None:
    """The same verdict on the same servers, and another one where `differs` says why."""
    host = lab.backends[0]
    peer = HAProxy(lab.balancer, [host], check="", extra=haproxy_config(host, cases))
    found: dict[str, Sequence[str]] = {}

    def agrees() -> bool:
        found.clear()
        for name, case in cases.items():
            if case.haproxy:
                says = peer.statistics(name)
                state, why = says["status"], says["check_status"]  # "* L7OK" while the next check is under way
                same = (state.startswith("UP") or "NOLB" in state) is case.up
                if not why or same is bool(case.differs):
                    found[name] = state, why, case.outcome
        return not found

    try:
        wait_until(agrees, "HAProxy agrees", timeout=30, interval=0.3)
    except Deadline as late:
        raise Deadline(f"{late}: {found}") from None
    finally:
        peer.stop()
