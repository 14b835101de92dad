"""What must hold of the source itself. Needs no root and no build."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#include\s+["<]([^">]+)[">]', re.MULTILINE)
# Which folders of controller/ (and healthcheck/) a folder may include; DESIGN: the layers.
MAY_INCLUDE = {
    "controller/model": set(),
    "controller/config": {"controller/model"},
    "controller/plan": {"controller/model"},
    "healthcheck": {"controller/model"},
    "controller/datapath": {"controller/model", "controller/plan"},
    "controller/api": {"controller/model", "healthcheck"},
}
LONGEST_FILE = 400  # lines; most have about 100


def sources(*folders: str) -> list[pathlib.Path]:
    endings = {".cpp", ".hpp", ".h", ".c", ".py"}
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*")) if path.suffix in endings]


def includes(path: pathlib.Path) -> list[str]:
    return INCLUDE.findall(path.read_text())


@pytest.mark.parametrize("layer", MAY_INCLUDE)
def test_a_layer_includes_only_layers_below_it(layer: str) -> None:
    allowed = MAY_INCLUDE[layer] | {layer}
    wrong = [f"{path.relative_to(ROOT)} includes {name}" for path in sources(layer) for name in includes(path)
             if re.match(r"(controller|healthcheck)/", name) and not any(name.startswith(f"{a}/") for a in allowed)]
    assert wrong == []


def test_only_the_datapath_knows_libbpf_and_the_shared_abi() -> None:
    elsewhere = [path for path in sources("controller", "healthcheck") if "controller/datapath" not in str(path)]
    wrong = [f"{path.relative_to(ROOT)} includes {name}" for path in elsewhere for name in includes(path)
             if name.startswith("bpf/") or name.endswith(".skel.h")]
    assert wrong == []


def test_no_file_is_too_long_to_read() -> None:
    found = {str(path.relative_to(ROOT)): len(path.read_text().splitlines())
             for path in sources("bpf", "controller", "healthcheck", "tests")}
    assert {name: lines for name, lines in found.items() if lines > LONGEST_FILE} == {}


def test_no_test_sleeps() -> None:
    """Waiting is for a condition, with a deadline: lab/waiting.py, and its like in C++."""
    pattern = re.compile(r"\b(sleep_for|usleep|nanosleep)\s*\(|\btime\.sleep\(")
    wrong = [str(path.relative_to(ROOT)) for path in sources("tests") if pattern.search(path.read_text())]
    assert [name for name in wrong if name not in ("tests/lab/waiting.py", "tests/e2e/test_repository.py")] == []


@pytest.mark.parametrize("name", ["tests/demo", "tests/run", "tests/bench", ".ci/run"])
def test_a_command_of_the_readme_is_executable_and_valid(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / name], check=True)


def test_every_package_is_named_once() -> None:
    names = [line for line in (ROOT / "tests/packages.txt").read_text().splitlines() if not line.startswith("#")]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name) for name in names)
