"""Kernels of Debian, for the machine of vm.py: the package is unpacked under build/, nothing of it is installed."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
from dataclasses import dataclass

from lab import paths
from lab.host import run

OWN = "linux-image-cloud-amd64"  # Debian 12's 6.1 with fewer drivers: 27 MB to download instead of 70


class NoKernel(RuntimeError):
    """The package cannot be had here; the message says why."""


@dataclass(frozen=True)
class Kernel:
    """`folder` is the unpacked package: boot/ and lib/modules/."""

    release: str
    folder: pathlib.Path

    @property
    def image(self) -> pathlib.Path:
        return self.folder / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self) -> pathlib.Path:
        return self.folder / "lib" / "modules"

    def needed_by(self, *names: str) -> list[pathlib.Path]:
        """The files of these modules and of those that they need, in the order of loading."""
        files: dict[pathlib.Path, None] = {}
        for name in names:
            shown = run("modprobe", "-d", self.folder, "-S", self.release, "--show-depends", name).stdout
            files |= {pathlib.Path(line.split()[1]): None for line in shown.splitlines() if line.startswith("insmod ")}
        return list(files)


def kernel(package: str = OWN) -> Kernel:
    """What is unpacked already, or else the newest one that apt knows."""
    folder = paths.BUILD / "kernels" / package
    if not folder.exists():
        _unpack(package, folder)
    release = next((folder / "lib" / "modules").iterdir()).name
    return Kernel(release, folder)


def _unpack(package: str, folder: pathlib.Path) -> None:
    partial = folder.with_suffix(f".{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        run("dpkg-deb", "-x", _download(package, partial), partial, timeout=120)
        release = next((partial / "lib" / "modules").iterdir()).name
        run("depmod", "-b", partial, release, timeout=60)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _download(package: str, folder: pathlib.Path) -> pathlib.Path:
    """By what the package of no content depends on: linux-image-cloud-amd64 on linux-image-6.1.0-56-cloud-amd64."""
    for refresh in (False, True):
        if refresh:
            _apt(folder, "apt-get", "update")
        known = _apt(folder, "apt-cache", "show", "--no-all-versions", package)
        depends = re.search(r"^Depends: (linux-image-\S+) \(= (\S+)\)", known.stdout, re.MULTILINE)
        wanted = f"{depends[1]}={depends[2]}" if depends else package
        got = _apt(folder, "apt-get", "download", wanted)
        if got.returncode == 0:
            return next(folder.glob("*.deb"))
    raise NoKernel(f"the kernel of {package} cannot be downloaded: {got.stderr.strip().splitlines()[-1]}")


def _apt(folder: pathlib.Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
