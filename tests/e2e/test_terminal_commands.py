"""Commands for people: top in a terminal, completion in a shell, doctor on a host that lacks something."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator

import pytest
from conftest import Site, running

from lab import ConnectClient, Lab, Pointsman, paths


@pytest.fixture
def site() -> Iterator[Site]:
    with running("tc") as made:
        yield made


class Terminal:
    """A command in a pseudo-terminal."""

    def __init__(self, *words: object, rows: int = 24, columns: int = 100) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen([str(word) for word in words], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True)
        self.text = ""

    def read_until(self, wanted: str, timeout: float = 5) -> str:
        """Everything up to `wanted`, which is taken away."""
        deadline = time.monotonic() + timeout
        while wanted not in self.text:
            assert select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))[0], self.text
            self.text += os.read(self.master, 65536).decode()
        found, _, self.text = self.text.partition(wanted)
        return found

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@contextlib.contextmanager
def top(site: Site) -> Iterator[Terminal]:
    with contextlib.closing(Terminal(paths.pointsman(), "top", "--control", site.daemon.control)) as terminal:
        terminal.read_until("\033[?1049h")
        terminal.read_until("service/backend")
        yield terminal


def test_top_shows_rates_until_q(site: Site) -> None:
    load = ConnectClient(site.lab.client, site.address, rate=500, seconds=20)
    with top(site) as terminal:
        seen = 0.0
        while seen < 100:
            terminal.read_until("  b1 ")
            columns = terminal.read_until("\r\n").split()
            assert columns[0] == "up"
            seen = float(columns[4].replace("k", "e3"))  # connections a second
        terminal.type("q")
        assert terminal.process.wait(5) == 0
        terminal.read_until("\033[?25h\033[?1049l")
        assert termios.tcgetattr(terminal.slave) == terminal.before
    load.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_top_restores_the_terminal_when_it_is_interrupted(site: Site, number: signal.Signals) -> None:
    with top(site) as terminal:
        terminal.process.send_signal(number)
        assert terminal.process.wait(5) == 0
        terminal.read_until("\033[?1049l")
        assert termios.tcgetattr(terminal.slave) == terminal.before


def test_top_ends_when_the_daemon_does(site: Site) -> None:
    with top(site) as terminal:
        site.daemon.stop()
        assert terminal.process.wait(5) == 5
        terminal.read_until("\033[?1049l")
        terminal.read_until("no daemon answers at")
        assert termios.tcgetattr(terminal.slave) == terminal.before


def completed(*words: str) -> list[str]:
    """What bash offers for the last of these words."""
    script = subprocess.run([paths.pointsman(), "completion", "bash"], check=True, capture_output=True, text=True).stdout
    line = "COMP_WORDS=(" + " ".join(f"'{word}'" for word in words) + f"); COMP_CWORD={len(words) - 1}; "
    done = subprocess.run(["bash", "-c", f"{script}\ncomplete -p pointsman\n{line}_pointsman; echo \"${{COMPREPLY[@]}}\""],
                          check=True, capture_output=True, text=True)
    assert done.stderr == ""
    registered, offered = done.stdout.splitlines()
    assert registered == "complete -o default -F _pointsman pointsman"
    return offered.split()


def test_bash_completes_commands_and_options() -> None:
    assert completed("pointsman", "st") == ["status"]
    assert completed("pointsman", "re") == ["reload", "ready", "replay"]
    assert completed("pointsman", "status", "--e") == ["--exit-code"]
    assert completed("pointsman", "reload", "--conf") == ["--config", "--confirm-within"]
    assert completed("pointsman", "completion", "f") == ["fish"]
    assert completed("pointsman", "status", "we") == []


def test_completion_names_every_command_of_the_help() -> None:
    help_text = subprocess.run([paths.pointsman(), "--help"], check=True, capture_output=True, text=True).stdout
    commands = {line.split()[0] for line in help_text.partition("Subcommands:\n")[2].partition("\n\n")[0].splitlines()}
    assert commands <= set(completed("pointsman", ""))


@pytest.fixture
def lacking() -> Iterator[Pointsman]:
    """A configured host that lacks what doctor can mend: its ephemeral range meets nat_ports."""
    with Lab() as lab:
        lab.balancer.sysctl("net.ipv4.ip_local_port_range", "20000 60999")
        yield Pointsman(lab)


def findings(daemon: Pointsman, *words: str) -> tuple[int, dict[str, dict[str, object]]]:
    done = daemon.command("doctor", "--json", *words)
    answer = json.loads(done.stdout)
    assert answer["schema"] == "pointsman.doctor/1"
    return done.returncode, {f["check"]: f for f in answer["findings"] if f["severity"] != "ok"}


def port_range(daemon: Pointsman) -> list[str]:
    return daemon.lab.balancer.run("sysctl", "-n", "net.ipv4.ip_local_port_range").stdout.split()


def test_doctor_finds_mends_and_takes_back(lacking: Pointsman) -> None:
    code, found = findings(lacking)
    assert code == 1 and found["ephemeral_ports"]["severity"] == "error" and found["ephemeral_ports"]["applies"]
    assert found["service_address"]["severity"] == "warning"
    assert lacking.run_to_end().returncode == 3
    code, found = findings(lacking, "--apply")
    assert "ephemeral_ports" not in found and "service_address" not in found and code == 0, found
    assert port_range(lacking) == ["32768", "60999"]
    assert "10.77.0.100/32" in lacking.lab.balancer.run("ip", "address", "show", "dev", "lo").stdout
    again = lacking.command("doctor", "--apply")
    assert again.stderr == ""
    lacking.start()
    undone = lacking.command("doctor", "--revert")
    assert undone.returncode == 0
    assert undone.stdout.splitlines() == ["did: ip address del 10.77.0.100/32 dev lo",
                                          "did: sysctl -w 'net.ipv4.ip_local_port_range=20000 60999'"]
    assert port_range(lacking) == ["20000", "60999"]
    assert "10.77.0.100" not in lacking.lab.balancer.run("ip", "address", "show", "dev", "lo").stdout
    assert lacking.command("doctor", "--revert").stdout == ""


def test_doctor_says_what_is_wrong_in_words(lacking: Pointsman) -> None:
    text = lacking.command("doctor").stdout
    assert "error    ephemeral_ports: nat_ports 1024-32767 meets the host's own ports 20000-60999\n" in text
    assert "         do (or --apply): sysctl -w net.ipv4.ip_local_port_range='32768 60999'\n" in text
    assert "ok       backend: web/b1 at 10.77.0.2: next hop resolved\n" in text


def test_doctor_sees_dead_neighbours_downed_interfaces_and_strangers(lacking: Pointsman) -> None:
    lab = lacking.lab
    lab.backends[0].run("ip", "link", "set", lab.backends[0].devices[0], "down")
    _, found = findings(lacking)
    assert "web/b1 at 10.77.0.2" in str(found["backend"]["what"])
    lab.balancer.run("ip", "link", "set", lab.interfaces[0], "down")
    _, found = findings(lacking)
    assert found["interface"]["what"] == f"{lab.interfaces[0]} is down"
    lab.balancer.run("ip", "link", "set", "dev", lab.interfaces[0], "xdp", "obj", paths.xdp_pass(), "sec", "xdp")
    _, found = findings(lacking)
    assert found["xdp"]["severity"] == "warning"


def test_explain_and_version_need_nothing() -> None:
    done = subprocess.run([paths.pointsman(), "explain", "drop_malformed", "--json"], check=True, capture_output=True,
                          text=True)
    entry = json.loads(done.stdout)["entries"][0]
    assert entry["kind"] == "verdict" and entry["remedy"]
