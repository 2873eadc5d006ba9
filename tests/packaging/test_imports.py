"""What is imported is declared, and the other way round: what others happen to bring may not be there tomorrow."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.packaging.declared import DEPENDENCIES, ROOT

PACKAGE = ROOT / "egxds"
PROJECTS_OF_AUTHORS = PACKAGE / "extension" / "template"
"""It has dependencies of its own."""

BY_NAME_ONLY = {"uvloop": "anyio imports it, where it is told to run on it"}
"""Distribution → who uses it instead."""


def imported_modules(file: Path) -> Iterator[str]:
    """Yield the full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield node.module


def provided_modules(requirement: Requirement) -> set[str]:
    """Return the full names of the modules that a distribution has."""
    found = set()
    for file in distribution(requirement.name).files or ():
        if file.suffix in {".py", ".so"}:
            parts = (*file.parts[:-1], file.name.partition(".")[0])
            found.add(".".join(parts).removesuffix(".__init__"))
    return found


@pytest.fixture(scope="module")
def imported() -> dict[str, Path]:
    """Every module of others that egxds imports, and a file that does."""
    files = (file for file in PACKAGE.rglob("*.py") if not file.is_relative_to(PROJECTS_OF_AUTHORS))
    found = {module: file.relative_to(ROOT) for file in files for module in imported_modules(file)}
    own = {*sys.stdlib_module_names, "egxds"}
    return {module: file for module, file in found.items() if module.partition(".")[0] not in own}


@pytest.fixture(scope="module")
def provided() -> dict[str, set[str]]:
    """The modules of each distribution that is declared, and that this machine needs."""
    needed = [each for each in DEPENDENCIES if each.marker is None or each.marker.evaluate()]
    return {each.name: provided_modules(each) for each in needed}


def test_what_is_imported_is_declared(imported: dict[str, Path], provided: dict[str, set[str]]) -> None:
    """By the distribution that has the module, and not by one that happens to depend on it."""
    declared = set().union(*provided.values())
    assert len(imported) > 50
    assert {module: str(file) for module, file in imported.items() if module not in declared} == {}


def test_what_is_declared_is_imported(imported: dict[str, Path], provided: dict[str, set[str]]) -> None:
    """One that nobody imports any more is one to install, to lock and to watch for nothing."""
    unused = {name for name, modules in provided.items() if not modules & imported.keys()}
    assert unused == set(BY_NAME_ONLY)
