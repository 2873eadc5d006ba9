"""What pyproject.toml says of this project."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = tuple(Requirement(text) for text in PROJECT["dependencies"])

_PYTHON = "Programming Language :: Python :: 3."
PYTHONS = tuple(f"3.{each.removeprefix(_PYTHON)}" for each in PROJECT["classifiers"] if each.startswith(_PYTHON))
"""The versions of Python that it is for, such as 3.11."""


def lower_bound(requirement: Requirement) -> str:
    """Return the oldest version that a requirement allows; one without it is an error."""
    (oldest,) = (bound.version for bound in requirement.specifier if bound.operator == ">=")
    return oldest
