"""`make` says in one line what it lacks, soon, and takes nothing for installed that is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.declared import ROOT
from tests.ports import free_port

_OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}


@pytest.fixture(autouse=True)
def _needs_make(require: Callable[..., None]) -> None:
    require("make")


def make(venv: Path, python: str, **environment: str) -> str:
    """Run `make run`, which is to fail before it installs anything; return the one line that says why."""
    command = ["make", "--no-print-directory", "-C", str(ROOT), "run", f"VENV={venv}", f"PYTHON={python}"]
    # These tests may be run by make themselves, which hands on what it was told.
    own_environment = {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
    done = subprocess.run(
        command, env={**own_environment, **environment}, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert not list(venv.glob("*.installed"))
    line, own = done.stderr.splitlines()
    assert own.startswith("make: ***")
    return line


def odd_python(directory: Path, code: str) -> str:
    """Return a Python that is not as others are: some code runs before everything else."""
    (directory / "sitecustomize.py").write_text(f"import sys\n{code}\n")
    program = directory / "python"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={directory} exec {sys.executable} "$@"\n')
    program.chmod(0o755)
    return str(program)


def test_no_python(tmp_path: Path) -> None:
    """What is wanted, and how another one is chosen."""
    line = make(tmp_path / "venv", "python-of-nobody")
    assert "needs Python 3.11 or newer, and there is no python-of-nobody" in line
    assert "make run PYTHON=python3.12" in line


def test_a_python_that_is_too_old(tmp_path: Path) -> None:
    """Pip would look for a version of every library that still ran on it."""
    python = odd_python(tmp_path, 'sys.version_info = (3, 10, 13, "final", 0)')
    assert f"needs Python 3.11 or newer, and {python} is 3.10.13" in make(tmp_path / "venv", python)
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv(tmp_path: Path) -> None:
    """As Debian has it; the package to install is named."""
    python = odd_python(tmp_path, 'sys.modules["ensurepip"] = None')
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"apt install python{version}-venv" in make(tmp_path / "venv", python)
    assert not (tmp_path / "venv").exists()


def test_no_index(tmp_path: Path) -> None:
    """Pip would try again and again; what was half made before is not taken for a venv."""
    venv = tmp_path / "venv"
    venv.mkdir()
    (venv / "pyvenv.cfg").write_text("cut off")
    line = make(venv, sys.executable, PIP_INDEX_URL=f"http://somebody:secret@127.0.0.1:{free_port()}/")
    assert "pip reaches no package index: set PIP_INDEX_URL" in line
    assert "secret" not in line
    assert (venv / "bin" / "python").exists()


def test_a_directory_that_is_something_else(tmp_path: Path) -> None:
    """A slip of the fingers does not cost it."""
    kept = tmp_path / "letters.txt"
    kept.write_text("dear")
    assert f"{tmp_path} holds something that is no venv" in make(tmp_path, sys.executable)
    assert kept.read_text() == "dear"
