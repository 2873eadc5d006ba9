"""Where the data of the suite is, and which of its tests do not pass yet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import yaml

FOLDER = Path(os.environ.get("CONFORMANCE", Path(__file__).parents[3] / "shared" / "conformance"))

_PENDING = Path(__file__).with_name("pending.yaml")


def pending() -> Mapping[str, str]:
    """Return the tests that do not pass yet: name → why."""
    by_reason = yaml.safe_load(_PENDING.read_text()) or {}
    return {name: reason for reason, names in by_reason.items() for name in names}
