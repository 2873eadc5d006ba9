"""Starts a crowd of clients and orders it about."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Any, Self

from envoy.service.discovery.v3 import discovery_pb2

from tests.bench.delta_client import Versions

_ROOT = Path(__file__).parents[2]
_LIMIT_S = 600.0


def first_requests(selector: str, wanted: Mapping[str, Sequence[str]], known: Versions | None = None) -> list[bytes]:
    """Return the first request for each type; the very first carries the node; each client adds an id of its own.

    Args:
        selector: `node.cluster`.
        wanted: type URL → names, none for all.
        known: versions to report.
    """
    requests = []
    for type_url, subscribed in wanted.items():
        request = discovery_pb2.DeltaDiscoveryRequest(type_url=type_url, resource_names_subscribe=subscribed)
        request.initial_resource_versions.update((known or {}).get(type_url, {}))
        requests.append(request)
    requests[0].node.cluster = selector
    return [request.SerializeToString() for request in requests]


class CrowdHandle:
    """A process of clients; leaving it ends them."""

    def __init__(self) -> None:
        self._answers: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.bench.crowd"]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def connect(
        self, port: int, count: int, requests: Sequence[bytes], at_once: int = 50, others: Sequence[int] = ()
    ) -> None:
        """Open streams, and wait until the requests are on their way; those that are lost go to the other ports."""
        encoded = [base64.b64encode(request).decode() for request in requests]
        order = {"port": port, "count": count, "requests": encoded, "at_once": at_once, "others": list(others)}
        self._order({"connect": order})
        self._until("connected")

    def expect(self, type_url: str, count: int, mark: bytes = b"") -> None:
        """Begin to look for a response of a type that holds the mark, at this many clients."""
        encoded = base64.b64encode(mark).decode()
        self._order({"expect": {"type": type_url, "mark": encoded, "count": count}})
        self._until("expecting")

    def wait_last(self) -> float:
        """Return when the last client had what is expected, of `time.perf_counter`."""
        return float(self._until("last")["last"])

    def _order(self, order: dict[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def _until(self, key: str) -> dict[str, Any]:
        """Return the next answer with this key; one that came before what was asked for is kept."""
        assert self._process.stdout is not None
        while True:
            for at, answer in enumerate(self._answers):
                if key in answer:
                    return self._answers.pop(at)
            watchdog = Timer(_LIMIT_S, self._process.kill)
            watchdog.start()
            line = self._process.stdout.readline()
            watchdog.cancel()
            if not line:
                raise TimeoutError(f"the crowd did not say {key!r}; it said {self._answers[-3:]}")
            answer = json.loads(line)
            if "lost" in answer:
                raise ConnectionError(f"a client of the crowd lost its stream: {answer['lost']}")
            self._answers.append(answer)
