"""Tests in the words of this project, as they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import own
from tests.conformance.data import ConformanceTest, objects

TEXT = """
features: [Gateway, TCPRoute]
released: false
steps:
- {op: http, request: {path: /a}, expect: {backend: one}}
- {op: https, to: {gateway: other/secure, port: 443}, request: {path: /b}, expect: {status_codes: [404]}}
- {op: grpc, metadata: {a: b}}
- {op: patch, object: "Gateway:web", merge_patch: {}}
- {op: routes_and_parent_accepted, parent_kind: ListenerSet, parent: set, routes: [a, other/b]}
---
kind: TCPRoute
metadata: {name: a, namespace: own}
"""


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConformanceTest:
    """The test that one file holds, beside what all share."""
    (tmp_path / "Example.yaml").write_text(TEXT)
    (tmp_path / "base.yaml").write_text("kind: Namespace\nmetadata: {name: own}\n")
    monkeypatch.setattr(own, "FOLDER", tmp_path)
    (read,) = own.read_own().tests
    return read


def test_what_a_step_leaves_out_is_filled_in(example: ConformanceTest) -> None:
    """Where it goes to, how, and what answers; nothing else is changed."""
    http, https, grpc, *_ = example.steps
    assert http["to"] == {"gateway": "own/plain", "port": 80}
    assert http["request"] == {"method": "GET", "protocol": "HTTP", "scheme": "http", "path": "/a"}
    assert http["expect"] == {"status_codes": [200], "backend": "one", "namespace": "own"}
    assert https["to"] == {"gateway": "other/secure", "port": 443}
    assert https["expect"] == {"status_codes": [404], "backend": "", "namespace": ""}
    assert (grpc["method"], grpc["metadata"]) == ("Echo", {"a": "b"})


def test_names_are_of_the_namespace_of_all(example: ConformanceTest) -> None:
    """With their kind before them, too; those with a namespace keep it."""
    *_, patch, accepted = example.steps
    assert patch["object"] == "Gateway:own/web"
    assert (accepted["parent"], accepted["routes"]) == ("own/set", ["own/a", "other/b"])


def test_the_first_document_is_the_test_and_the_others_are_objects(example: ConformanceTest) -> None:
    """The file has the name of the test."""
    assert (example.name, example.profile, example.released) == ("Example", "TCP", False)
    assert [each["kind"] for each in objects(example.manifests)] == ["TCPRoute"]
