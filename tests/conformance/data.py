"""The conformance suite as data: its tests step by step, and the manifests that they apply.

There are two sources of tests in one form: the data that was read out of the suite, a folder with `cases.json` that may
be absent, and those in `own`, which `own.py` reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

Step = Mapping[str, Any]
"""One step of a test; `op` says what is done."""

Manifest = dict[str, Any]
"""One object, as a user writes it."""

PROFILES = {
    "GRPCRoute": "GRPC",
    "TLSRoute": "TLS",
    "TCPRoute": "TCP",
    "UDPRoute": "UDP",
    "HTTPRoute": "HTTP",
}
"""Feature → the profile of the tests that ask for it; the first that a test asks for counts."""

NO_ROUTE = "Gateway"
"""What tests that need no route are listed under: they belong to every profile."""

BEFORE_TRAFFIC = {"manual_endpointslices"}
"""Customs that come last in the data, and say that they are done before the first request."""

CLAIMED = {
    "TLSRouteListenerTerminateNotSupported": "TLSRouteModeTerminate",
    "TLSRouteListenerMixedTerminationNotSupported": "TLSRouteModeMixed",
}
"""Tests about the absence of a feature → the feature. The suite asks nothing in them of who claims to have it, as egxds
does; the data has what is asked of others, and the replay asks for the opposite: that such a listener is accepted."""

TRAFFIC = {"http", "https", "grpc", "tcp", "tcp_echo", "udp_echo", "dns", "websocket", "tls_rejected"}
"""The steps that send something."""


@dataclass(frozen=True)
class ConformanceTest:
    """One test.

    Attributes:
        name: its short name.
        features: that it needs.
        resources: kinds of objects that it makes.
        manifests: files with the objects that it makes.
        steps: in order.
        released: in the version of the suite that counts; False for those that came after it.
    """

    name: str
    features: tuple[str, ...]
    resources: tuple[str, ...]
    manifests: tuple[Path, ...]
    steps: tuple[Step, ...]
    released: bool = True

    @property
    def profile(self) -> str:
        """By which it is listed."""
        named = {*self.features, *self.resources}
        return next((profile for feature, profile in PROFILES.items() if feature in named), NO_ROUTE)

    @classmethod
    def of(cls, entry: Mapping[str, Any], manifests: Path) -> Self:
        """Read an entry of `tests`.

        Args:
            entry: as the data has it.
            manifests: the folder of its files.
        """
        name, steps = entry["short_name"], entry["steps"]
        asked = [_accepted(step) for step in steps] if name in CLAIMED else steps
        files = tuple(manifests / file for file in entry["manifests"])
        return cls(name, tuple(entry["features"]), tuple(entry["resources"]), files, tuple(_in_order(asked)))


@dataclass(frozen=True)
class Suite:
    """Tests, and what they share.

    Attributes:
        base: files with the objects that there are in every test.
        tests: in order.
    """

    base: tuple[Path, ...]
    tests: tuple[ConformanceTest, ...]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `cases.json` of a folder."""
        content = json.loads((folder / "cases.json").read_text())
        base, manifests = content["base_manifests"], folder / "manifests"
        files = (base,) if isinstance(base, str) else tuple(base)
        tests = tuple(ConformanceTest.of(entry, manifests) for entry in content["tests"])
        return cls(tuple(manifests / file for file in files), tests)

    def __add__(self, other: Suite) -> Suite:
        """Return both as one."""
        return Suite((*self.base, *other.base), (*self.tests, *other.tests))


def objects(files: Iterable[Path]) -> list[Manifest]:
    """Return the objects of some files."""
    return [document for file in files for document in documents(file) if document and "kind" in document]


def documents(file: Path) -> list[dict[str, Any]]:
    """Return what the YAML documents of a file say."""
    return list(yaml.load_all(file.read_text(), yaml.CSafeLoader))


def _in_order(steps: Sequence[Step]) -> Iterator[Step]:
    """Bring forward what belongs before the first request."""
    early = [step for step in steps if step["op"] == "custom" and step["check"] in BEFORE_TRAFFIC]
    waiting = list(early)
    for step in steps:
        if waiting and step["op"] in TRAFFIC:
            yield from waiting
            waiting = []
        if step not in early:
            yield step
    yield from waiting


def _accepted(step: Step) -> Step:
    """Ask for listeners to be accepted that a step wants refused."""
    return {
        "op": "status",
        "check": "GatewayListenersMustHaveConditions",
        "gateway": step["gateway"],
        "listeners": [listener["name"] for listener in step["listeners"]],
        "conditions": [{"type": "Accepted", "status": "True", "reason": ""}],
    }
