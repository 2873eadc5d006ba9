"""The replay's API server: what it writes, and when the generation of an object grows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.api_server import ApiServer, Key
from tests.conformance.data import Manifest
from tests.envoy.workspace import Workspace

KEY = Key("Gateway", "shop", "web")


def gateway(**spec: Any) -> Manifest:
    """A Gateway with this spec."""
    return {"kind": "Gateway", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty directory."""
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def server(workspace: Workspace) -> ApiServer:
    """A server with one Gateway."""
    made = ApiServer(workspace)
    made.apply([gateway(a=1, b={"c": 1, "d": 2})])
    return made


def written(workspace: Workspace) -> list[Manifest]:
    """The objects in the files."""
    return [json.loads(path.read_text()) for path in sorted(workspace.routes.iterdir())]


@pytest.mark.parametrize(
    ("patch", "spec", "generation"),
    [
        ({"spec": {"a": 2}}, {"a": 2, "b": {"c": 1, "d": 2}}, 2),
        ({"spec": {"b": {"c": None, "e": 3}}}, {"a": 1, "b": {"d": 2, "e": 3}}, 2),
        ({"spec": {"a": 1}}, {"a": 1, "b": {"c": 1, "d": 2}}, 1),
        ({"metadata": {"labels": {"x": "y"}}}, {"a": 1, "b": {"c": 1, "d": 2}}, 1),
    ],
)
def test_the_generation_grows_with_the_spec(
    server: ApiServer, workspace: Workspace, patch: Manifest, spec: Manifest, generation: int
) -> None:
    """A patch that changes nothing of the spec leaves it."""
    server.patch(KEY, patch)
    assert [(each["spec"], each["metadata"]["generation"]) for each in written(workspace)] == [(spec, generation)]
    assert server.generation(KEY) == generation


def test_what_is_created_later_has_a_later_time(server: ApiServer) -> None:
    """By a second of the server's, without waiting for it."""
    server.pass_time(1)
    server.apply([{"kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "shop"}, "spec": {}}])
    before, after = (each["metadata"]["creationTimestamp"] for each in server.objects.values())
    assert before < after


def test_all_is_as_it_was_after_a_test(server: ApiServer, workspace: Workspace) -> None:
    """What changed, what came and what went."""
    before, files = server.snapshot(), written(workspace)
    server.apply([gateway(a=7), {"kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "shop"}, "spec": {}}])
    assert server.restore(before) == {Key("HTTPRoute", "shop", "r")}
    assert written(workspace) == files
    server.delete(KEY)
    assert server.restore(before) == set()
    assert written(workspace) == files


def test_deployments_are_not_written(server: ApiServer, workspace: Workspace) -> None:
    """They become pods."""
    server.apply([{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {}}])
    assert [each["kind"] for each in written(workspace)] == ["Gateway"]
