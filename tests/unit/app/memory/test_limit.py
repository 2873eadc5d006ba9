"""What limits memory: the control group and those above it, and the limits of the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from egxds.app.memory.limit import MemoryUse, nearest_limit

REPORT = "from egxds.app.memory.limit import nearest_limit as n; use = n(); print(use.source, use.limit_bytes)"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with a process in a control group of its own, and no limit."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("4:memory:/old\n0::/system.slice/egxds.service\n")
    group(tmp_path, "system.slice/egxds.service", "max", 100)
    group(tmp_path, "system.slice", "max", 200)
    return tmp_path


def group(root: Path, name: str, limit: str, used: int, cached: int = 0) -> Path:
    """Write what the kernel says of a group."""
    directory = root / "sys" / "fs" / "cgroup" / name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "memory.max").write_text(f"{limit}\n")
    (directory / "memory.current").write_text(f"{used}\n")
    (directory / "memory.stat").write_text(f"anon {used}\nfile {cached}\ninactive_file {cached - cached // 3}\n")
    with (directory / "memory.stat").open("a") as file:
        file.write(f"active_file {cached // 3}\n")
    return directory


def test_no_limit(root: Path) -> None:
    """There is none, and none above."""
    assert nearest_limit(root) is None


def test_group_of_its_own(root: Path) -> None:
    """Pages of files do not count: the kernel takes them back."""
    directory = group(root, "system.slice/egxds.service", "1000", 700, cached=300)
    assert nearest_limit(root) == MemoryUse(1000, 400, f"memory.max of {directory}")


def test_group_above(root: Path) -> None:
    """The one counts of which least is left."""
    group(root, "system.slice/egxds.service", "1000", 100)
    above = group(root, "system.slice", "2000", 1900)
    assert nearest_limit(root) == MemoryUse(2000, 1900, f"memory.max of {above}")


def test_container(root: Path) -> None:
    """There the group is the root of what can be seen."""
    (root / "proc" / "self" / "cgroup").write_text("0::/\n")
    directory = group(root, "", "1000", 100)
    assert nearest_limit(root) == MemoryUse(1000, 100, f"memory.max of {directory}")


def test_nothing_to_be_seen(tmp_path: Path) -> None:
    """Without /proc and /sys there is no limit that could be looked at."""
    assert nearest_limit(tmp_path) is None


@pytest.mark.parametrize("option", ["-v", "-d"])
def test_limits_of_the_process(option: str) -> None:
    """They are named as the shell names them."""
    command = ["/bin/sh", "-c", f'ulimit {option} 900000; exec "$@"', "sh", sys.executable, "-c", REPORT]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout == f"ulimit {option} {900_000 * 1024}\n"
