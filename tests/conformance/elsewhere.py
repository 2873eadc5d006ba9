"""Somebody else, who edits routes of a Gateway of their own all the time."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Self

from tests.beside import Beside
from tests.conformance.data import Manifest

EVERY_S = 0.2
NAMESPACE = "elsewhere"
CLASS = "gateway-conformance"

_API = "gateway.networking.k8s.io/v1"
_ROUTES = 10


class Elsewhere(Beside):
    """Changes, adds or removes one route every 200 ms."""

    def __init__(self, directory: Path) -> None:
        """Describe the edits.

        Args:
            directory: the watched one.
        """
        super().__init__()
        self._directory = directory
        self._random = random.Random(0)

    def assert_alive(self) -> None:
        """Fail where the edits have ended."""
        assert self._thread.is_alive(), "nobody edits any more"

    def __enter__(self) -> Self:
        self._write("gateway", _gateway())
        return super().__enter__()

    def _run(self) -> None:
        while not self._is_left.wait(EVERY_S):
            self._edit()

    def _edit(self) -> None:
        name = f"route-{self._random.randrange(_ROUTES)}"
        if self._random.random() < 0.2:
            self._file(name).unlink(missing_ok=True)
        else:
            self._write(name, _route(name, self._random))

    def _write(self, name: str, manifest: Manifest) -> None:
        draft = self._directory.parent / f"{NAMESPACE}.draft"
        draft.write_text(json.dumps(manifest))
        draft.replace(self._file(name))

    def _file(self, name: str) -> Path:
        return self._directory / f"{NAMESPACE}.{name}.yaml"


def _gateway() -> Manifest:
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    return {
        "apiVersion": _API,
        "kind": "Gateway",
        "metadata": {"name": "busy", "namespace": NAMESPACE},
        "spec": {"gatewayClassName": CLASS, "listeners": [listener]},
    }


def _route(name: str, random: random.Random) -> Manifest:
    rules = [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": f"/{random.randrange(100)}"}}],
            "backendRefs": [{"name": f"backend-{random.randrange(3)}", "port": 80, "weight": random.randrange(100)}],
        }
        for _ in range(random.randrange(1, 4))
    ]
    hostnames = [f"{name}-{random.randrange(5)}.example.com"]
    return {
        "apiVersion": _API,
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"parentRefs": [{"name": "busy"}], "hostnames": hostnames, "rules": rules},
    }
