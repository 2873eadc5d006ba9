"""The conformance suite as data: its tests step by step, and the manifests that they apply."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
        profile: by which it is listed.
        manifests: files, relative to the manifests of the suite.
        steps: in order.
    """

    name: str
    profile: str
    manifests: tuple[str, ...]
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Read an entry of `tests`."""
        features = [*entry["features"], *entry["resources"]]
        profile = next((named for feature, named in PROFILES.items() if feature in features), NO_ROUTE)
        name, steps = entry["short_name"], entry["steps"]
        asked = [_accepted(step) for step in steps] if name in CLAIMED else steps
        return cls(name, profile, tuple(entry["manifests"]), tuple(_in_order(asked)))


@dataclass(frozen=True)
class Suite:
    """The data of a suite, in a folder that is read only.

    Attributes:
        tests: in the order of the file.
    """

    folder: Path
    base_manifests: tuple[str, ...]
    tests: tuple[ConformanceTest, ...]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `cases.json` of a folder."""
        content = json.loads((folder / "cases.json").read_text())
        base = content["base_manifests"]
        files = (base,) if isinstance(base, str) else tuple(base)
        return cls(folder, files, tuple(ConformanceTest.of(entry) for entry in content["tests"]))

    def base(self) -> list[Manifest]:
        """Return the objects that all tests share."""
        return self.manifests(self.base_manifests)

    def manifests(self, files: Sequence[str]) -> list[Manifest]:
        """Return the objects of some files."""
        texts = ((self.folder / "manifests" / file).read_text() for file in files)
        return [document for text in texts for document in yaml.safe_load_all(text) if document]


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
