"""An edit of a policy costs what it covers: one of a Gateway the same however many routes that has.

The HTTP listener and the HTTPS listener have a RouteConfiguration each; what is in force at both is the head of two.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.app.test_work_follows_change_everywhere import GATEWAY, Case, Directory, route_app

SIZES = (100, 1_000)
USERS = {"one": "Ys23Ag/5IOWqZCw9QGaVDdHwH00=", "two": "djZ11qHY0KOijeymK7aKvYuvhvM="}
ON_GATEWAY = {"kind": "Gateway", "name": "web"}
BASIC: dict[str, Any] = {"basicAuth": {"users": {"name": "users"}}}
ADDRESSES = {"rules": [{"action": "Allow", "principal": {"clientCIDRs": ["10.0.0.0/8"]}}]}


def users(password: str) -> str:
    """Write the Secret that policies name."""
    values = json.dumps({".htpasswd": f"foo:{{SHA}}{USERS[password]}"})
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: users}}\nstringData: {values}\n"


def secure(name: str, target: dict[str, str], **spec: Any) -> str:
    """Write a SecurityPolicy."""
    head = f"apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {{name: {name}}}\n"
    said = json.dumps({"targetRefs": [{"group": "gateway.networking.k8s.io", **target}], **spec})
    return f"{head}spec: {said}\n"


def on_route(number: int, **target: str) -> dict[str, str]:
    """Return a target that is a route."""
    return {"kind": "HTTPRoute", "name": f"r{number}", **target}


CASES = {
    "a Gateway's policy": Case(
        lambda files: files.write("outer.yaml", secure("outer", ON_GATEWAY, **BASIC, authorization=ADDRESSES)),
        {"route": 2},
    ),
    "the Secret that it names": Case(lambda files: files.write("users.yaml", users("two")), {"route": 2}),
    # A route whose own policy cannot be done sends to no cluster.
    "a Secret without what it is for": Case(
        lambda files: files.write("users.yaml", users("one").replace(".htpasswd", "other")), {"route": 2, "cluster": 1}
    ),
    "that Secret again": Case(
        lambda files: files.write("users.yaml", users("one")), {"route": 2, "cluster": 1, "endpoint": 1}
    ),
    "a route's policy": Case(
        lambda files: files.write("inner.yaml", secure("inner", on_route(4), authorization=ADDRESSES)), {"route": 1}
    ),
    "a first policy of a route": Case(
        lambda files: files.write("first.yaml", secure("first", on_route(5), authorization={})), {"route": 1}
    ),
    "a policy that is merged over the Gateway's": Case(
        lambda files: files.write(
            "merged.yaml", secure("merged", on_route(6), mergeType="JSONMerge", authorization={})
        ),
        {"route": 1},
    ),
    "a route with a policy of its own": Case(lambda files: files.edit_app(4, route_app(4, path="new")), {"route": 1}),
}


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> list[Directory]:
    """One directory of each size, with a policy of the Gateway, one of a route and one that is merged."""
    base = tmp_path_factory.mktemp("houses")
    merged = secure("warm", on_route(1), mergeType="StrategicMerge", authorization=ADDRESSES)
    gateway = f"{GATEWAY}---\n{merged}"
    made = [Directory(base / str(size), size, is_one_file=False, gateway=gateway) for size in SIZES]
    for files in made:
        first = [
            files.write("users.yaml", users("one")),
            files.write("outer.yaml", secure("outer", ON_GATEWAY, **BASIC)),
            files.write("inner.yaml", secure("inner", on_route(4), **BASIC)),
        ]
        files.house.edit(first)
        # What is made on first use is not part of what an edit costs.
        for password in ("two", "one"):
            files.house.edit([files.write("users.yaml", users(password))])
    return made


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_edit_costs_the_same_at_any_size(directories: list[Directory], case: Case) -> None:
    """Room by room; and an Envoy is told about the RouteConfigurations whose routes it is in force for."""
    results = [files.house.edit([case.edit(files)]) for files in directories]
    lines = [dict(counted) for counted, _ in results]
    assert [sent for _, sent in results] == [case.sent] * len(SIZES)
    assert lines[1:] == lines[:-1]
