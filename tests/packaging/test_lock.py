"""What the image installs: pins within the bounds of pyproject.toml, and the bill of materials that comes of them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from egxds import __version__

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "config" / "container"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BOUNDS = {"requirements.lock": PROJECT["project"]["dependencies"], "build.lock": PROJECT["build-system"]["requires"]}
PLATFORMS = ("x86_64", "aarch64")
PYTHONS = ("3.11", "3.14")


@dataclass(frozen=True)
class Pin:
    """What a lock file says of a package.

    Attributes:
        hashes: of its files.
    """

    requirement: Requirement
    hashes: tuple[str, ...]


def pins(name: str) -> list[Pin]:
    """What a lock file pins."""
    text = re.sub(r"#.*", "", (CONTAINER / name).read_text()).replace("\\\n", " ")
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        requirement, *hashes = map(str.strip, line.split(" --hash="))
        found.append(Pin(Requirement(requirement), tuple(hashes)))
    return found


def faults(bounds: Sequence[str], locked: Sequence[Pin], python: str, machine: str) -> list[str]:
    """What a lock file has otherwise than bounds, on Linux."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine}
    environment |= {"sys_platform": "linux", "implementation_name": "cpython", "extra": ""}
    applies = [pin for pin in locked if not pin.requirement.marker or pin.requirement.marker.evaluate(environment)]
    versions = {
        canonicalize_name(pin.requirement.name): next(iter(pin.requirement.specifier)).version for pin in applies
    }
    found = []
    for bound in map(Requirement, bounds):
        version = versions.get(canonicalize_name(bound.name))
        if bound.marker and not bound.marker.evaluate(environment):
            continue
        if version is None or not bound.specifier.contains(version, prereleases=True):
            found.append(f"{bound}: {version} is locked; run make lock")
    return found


@pytest.mark.parametrize("machine", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", BOUNDS)
def test_pins_keep_the_bounds(lock: str, python: str, machine: str) -> None:
    """Whoever changes a bound runs `make lock`: it needs an index, and this does not."""
    assert faults(BOUNDS[lock], pins(lock), python, machine) == []


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        ("anyio>=99", "anyio>=99: 4.7 is locked; run make lock"),
        ("trio>=0.1", "trio>=0.1: None is locked; run make lock"),
        ("AnyIO>=4", ""),
        ("trio>=0.1; sys_platform == 'win32'", ""),
    ],
)
def test_a_bound_that_is_not_kept(bound: str, said: str) -> None:
    """It is told which, and what to do."""
    locked = [Pin(Requirement("anyio==4.7"), ())]
    assert faults([bound], locked, "3.11", "x86_64") == ([said] if said else [])


@pytest.mark.parametrize("lock", BOUNDS)
def test_every_file_is_known_by_its_hash(lock: str) -> None:
    """One version of each, every hash a SHA-256, and no word on where whoever locked got them."""
    found = pins(lock)
    assert found
    for pin in found:
        assert str(pin.requirement.specifier).startswith("==")
        assert pin.hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in pin.hashes)
    text = (CONTAINER / lock).read_text()
    assert [word for word in ("://", "--index", "--find-links", "--trusted-host") if word in text] == []


def test_what_is_left_out_is_not_locked() -> None:
    """Nor are those that egxds itself names, which it does import."""
    left_out = set(PROJECT["tool"]["uv"]["pip"]["no-emit-package"])
    assert "grpcio" in left_out
    assert left_out.isdisjoint(canonicalize_name(pin.requirement.name) for pin in pins("requirements.lock"))
    assert left_out.isdisjoint(canonicalize_name(Requirement(each).name) for each in BOUNDS["requirements.lock"])


def bill(lock: Path) -> dict[str, Any]:
    """The bill of materials of a lock file."""
    command = [sys.executable, str(CONTAINER / "sbom.py"), str(lock), __version__]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_bill_of_materials(tmp_path: Path) -> None:
    """It names each package with its version and files, says nothing of when and where it was made, and is no guess."""
    found = bill(CONTAINER / "requirements.lock")
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    assert found["metadata"]["component"]["purl"] == f"pkg:pypi/egxds@{__version__}"
    listed = {
        each["purl"]: tuple(f"sha256:{digest['content']}" for digest in each["externalReferences"][0]["hashes"])
        for each in found["components"]
    }
    assert listed == {
        f"pkg:pypi/{pin.requirement.name}@{str(pin.requirement.specifier).removeprefix('==')}": pin.hashes
        for pin in pins("requirements.lock")
    }
    elsewhere = tmp_path / "copy.lock"
    elsewhere.write_bytes((CONTAINER / "requirements.lock").read_bytes())
    assert bill(elsewhere) == found


def test_the_image_says_its_version() -> None:
    """Its label is the version of the package where the build names no other."""
    assert f"ARG VERSION={__version__}\n" in (ROOT / "Dockerfile").read_text()


def imported() -> set[str]:
    """The top-level modules that egxds imports anywhere, also where a function does when it runs."""
    found = set()
    for path in (ROOT / "egxds").rglob("*.py"):
        if "template" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"egxds"}


def test_whatever_is_imported_is_locked() -> None:
    """Nothing that egxds imports, at once or later, is among what is left out."""
    locked = {canonicalize_name(pin.requirement.name) for pin in pins("requirements.lock")}
    owners = packages_distributions()
    modules = imported()
    assert "grpclib" in modules
    assert [each for each in sorted(modules) if not {canonicalize_name(name) for name in owners[each]} & locked] == []
