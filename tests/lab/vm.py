"""A machine with another kernel, Debian 12's own, that runs a command on this machine's files:

    /usr/bin/python3 -m lab.vm [--kernel PACKAGE] COMMAND...      its output, its exit code

The files are shared (virtiofs, read-only; what is written goes to a layer in memory), so the build, the tests and their
tools are at their places. QEMU emulates the processors where /dev/kvm is of no use, some ten times slower."""

from __future__ import annotations

import argparse
import lzma
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from lab import paths
from lab.vm_kernel import OWN, Kernel, kernel
from lab.waiting import wait_until

VIRTIOFSD = pathlib.Path("/usr/lib/qemu/virtiofsd")
AT_START = ("virtio_pci", "virtiofs", "overlay")
TAIL = 4000  # octets
MEMORY = "3G"


class Died(RuntimeError):
    """The machine ended before its command did; the message holds the end of its console."""


@dataclass(frozen=True)
class Done:
    code: int
    output: str


def run(command: Sequence[str], *, on: Kernel | None = None, timeout: float = 120) -> Done:
    """Boots, runs the command in the current directory, ends the machine. Codes above 127 come back as 127."""
    with tempfile.TemporaryDirectory(prefix="pointsman-vm-") as made:
        folder = pathlib.Path(made)
        return _boot(on or kernel(), command, folder, timeout)


def _boot(chosen: Kernel, command: Sequence[str], folder: pathlib.Path, timeout: float) -> Done:
    (folder / "initramfs").write_bytes(_initramfs(chosen, script(chosen, command)))
    socket, output, console = folder / "files", folder / "output", folder / "console"
    files = subprocess.Popen([str(VIRTIOFSD), f"--socket-path={socket}", "-o", "source=/,sandbox=chroot,cache=always"],
                             stdout=subprocess.DEVNULL, stderr=open(console, "wb"))
    try:
        wait_until(socket.exists, f"{VIRTIOFSD} listens")
        machine = subprocess.run(_qemu(chosen, folder), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise Died(f"not done within {timeout:g} s\n{_end_of(output)}{_end_of(console)}") from error
    finally:
        files.terminate()
        files.wait()
    if machine.returncode % 2 == 0 or machine.returncode == 1:
        raise Died(f"{machine.stderr}{_end_of(output)}{_end_of(console)}")
    return Done(machine.returncode // 2 - 1, output.read_text(errors="replace"))


def _end_of(file: pathlib.Path) -> str:
    return file.read_text(errors="replace")[-TAIL:] if file.exists() else ""


def script(chosen: Kernel, command: Sequence[str]) -> bytes:
    """What the machine runs after vm_init.c: mounts that bash does better, and the command."""
    lines = [f"export PATH={shlex.quote(os.environ['PATH'])} PYTHONPATH={paths.ROOT / 'tests'} PYTHONDONTWRITEBYTECODE=1 "
             "HOME=/root TERM=dumb",
             "mkdir -p /dev/shm /dev/pts /usr/lib/modules /run/lock",
             "mount -t tmpfs shm /dev/shm",
             "mount -t devpts pts /dev/pts",
             "mount -t cgroup2 cgroup /sys/fs/cgroup",
             "mount -t bpf bpf /sys/fs/bpf",
             f"mount --bind {shlex.quote(str(chosen.modules))} /usr/lib/modules",
             "ip link set lo up",
             f"cd {shlex.quote(os.getcwd())} && {shlex.join(command)}"]
    return "\n".join(lines).encode() + b"\n"


def usable_kvm() -> bool:
    """A KVM without the processor's own help runs only kernels that were made for it."""
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return os.access("/dev/kvm", os.R_OK | os.W_OK) and (" vmx" in flags or " svm" in flags)


def _qemu(chosen: Kernel, folder: pathlib.Path) -> list[str]:
    accelerator = ["-accel", "kvm", "-cpu", "host"] if usable_kvm() else ["-accel", "tcg,thread=multi", "-cpu", "qemu64"]
    return ["qemu-system-x86_64", *accelerator, "-smp", "2", "-m", MEMORY, "-machine", "q35,memory-backend=memory",
            "-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on",
            "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-reboot",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
            "-serial", f"file:{folder / 'console'}", "-serial", f"file:{folder / 'output'}",
            "-chardev", f"socket,id=files,path={folder / 'files'}", "-device", "vhost-user-fs-pci,chardev=files,tag=host",
            "-kernel", str(chosen.image), "-initrd", str(folder / "initramfs"),
            "-append", "console=ttyS0 quiet panic=-1"]


def _initramfs(chosen: Kernel, command: bytes) -> bytes:
    modules = chosen.needed_by(*AT_START)
    files = {"init": paths.vm_init().read_bytes(), "command": command,
             **{f"modules/{number:02}": _unpacked(file) for number, file in enumerate(modules)}}
    folders = b"".join(_entry(name, 0o040755) for name in ("modules", "dev"))
    return folders + b"".join(_entry(name, 0o100755, data) for name, data in files.items()) + _entry("TRAILER!!!", 0)


def _unpacked(module: pathlib.Path) -> bytes:
    return lzma.decompress(module.read_bytes()) if module.suffix == ".xz" else module.read_bytes()


def _entry(name: str, mode: int, data: bytes = b"") -> bytes:
    """One file of a cpio archive; Documentation/driver-api/early-userspace/buffer-format.rst in Linux."""
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="lab.vm", description="Runs a command under another kernel.")
    parser.add_argument("--kernel", default=OWN, metavar="PACKAGE", help="a kernel package of Debian (%(default)s)")
    parser.add_argument("--seconds", type=float, default=600, help="at most so long (%(default)s)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    wanted = parser.parse_args(arguments)
    done = run(wanted.command, on=kernel(wanted.kernel), timeout=wanted.seconds)
    sys.stdout.write(done.output)
    return done.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
