"""A policy of how clients are taken is a change of Listeners, and of no route, however many there are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.app.test_work_follows_change_everywhere import GATEWAY, Case, Directory

SIZES = (100, 1_000)


def traffic(name: str, section: str = "", **spec: Any) -> str:
    """Write a ClientTrafficPolicy of the Gateway, or of a listener."""
    head = f"apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: ClientTrafficPolicy\nmetadata: {{name: {name}}}\n"
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web"}
    said = json.dumps({"targetRefs": [{**target, **({"sectionName": section} if section else {})}], **spec})
    return f"{head}spec: {said}\n"


CASES: dict[str, dict[str, Any]] = {
    "another timeout": {"timeout": {"http": {"idleTimeout": "20s"}}},
    "and a path for health checks": {"timeout": {"http": {"idleTimeout": "20s"}}, "healthCheck": {"path": "/ready"}},
    "whom to believe": {"clientIPDetection": {"xForwardedFor": {"numTrustedHops": 1}}},
}


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> list[Directory]:
    """One directory of each size, with a policy of the Gateway."""
    base = tmp_path_factory.mktemp("houses")
    made = [Directory(base / str(size), size, is_one_file=False, gateway=GATEWAY) for size in SIZES]
    for files in made:
        # What is made on first use is not part of what an edit costs.
        for spec in (*CASES.values(), {"timeout": {"http": {"idleTimeout": "10s"}}}):
            files.house.edit([files.write("clients.yaml", traffic("clients", **spec))])
    return made


@pytest.mark.parametrize("case", CASES)
def test_an_edit_costs_the_same_at_any_size(directories: list[Directory], case: str) -> None:
    """Room by room: an Envoy is told about the two Listeners, and about no more routes than it asks for again."""
    one = Case(lambda files: files.write("clients.yaml", traffic("clients", **CASES[case])), {})
    results = [files.house.edit([one.edit(files)]) for files in directories]
    lines = [dict(counted) for counted, _ in results]
    sent = [told for _, told in results]
    assert sent[0]["listener"] == 2
    assert sent[1:] == sent[:-1]
    assert lines[1:] == lines[:-1]
