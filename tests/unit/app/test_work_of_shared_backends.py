"""An edit of a route costs the same however many others share its backend, which is spoken to as a policy says."""

from __future__ import annotations

import json

import pytest

from tests.envoy.certificates import Authority
from tests.unit.app.test_work_follows_change_everywhere import GATEWAY, Case, Directory, route_app

SIZES = (100, 1_000)
PEM = Authority().cert


def tls_app(number: int, host: str = "", path: str = "/") -> str:
    """Write a route to a backend that is spoken to by TLS, and to one that all routes share."""
    backend = f"{{group: '', kind: Service, name: s{number}}}"
    shared = f"matches: [{{path: {{value: /shared/{path.strip('/')}}}}}], backendRefs: [{{name: shared, port: 80}}]"
    text = route_app(number, host, path).replace("rules: [{", f"rules: [{{{shared}}}, {{")
    return (
        f"{text}---\n{policy(number, backend)}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: ca{number}}}\n"
        f"data: {{ca.crt: {json.dumps(PEM)}}}\n"
    )


def policy(name: object, target: str) -> str:
    """Write a policy with authorities of its own."""
    return (
        f"apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {{name: p{name}}}\nspec:\n"
        f"  targetRefs: [{target}]\n"
        f"  validation: {{hostname: a.test, caCertificateRefs: [{{name: ca{name}, group: '', kind: ConfigMap}}]}}\n"
    )


SHARED = """\
apiVersion: v1
kind: Service
metadata: {name: shared}
spec: {ports: [{port: 80}]}
---
"""


def _shared() -> str:
    authorities = json.dumps({"ca.crt": PEM})
    config_map = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: cashared}}\ndata: {authorities}\n---\n"
    return SHARED + config_map + policy("shared", "{group: '', kind: Service, name: shared}")


CASES = {
    "a route to a backend that all routes share": Case(
        lambda files: files.edit_app(4, tls_app(4, path="new")), {"route": 1}
    ),
    "a route that goes": Case(lambda files: files.edit_app(5, ""), {"route": 1, "cluster": 2, "secret": 1}),
}


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> list[Directory]:
    """One directory of each size."""
    base = tmp_path_factory.mktemp("houses")
    gateway = f"{GATEWAY}---\n{_shared()}"
    return [Directory(base / str(size), size, is_one_file=False, gateway=gateway, app=tls_app) for size in SIZES]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_edit_costs_the_same_at_any_size(directories: list[Directory], case: Case) -> None:
    """Room by room; and an Envoy is told about what changed and nothing else."""
    results = [files.house.edit([case.edit(files)]) for files in directories]
    lines = [dict(counted) for counted, _ in results]
    assert [sent for _, sent in results] == [case.sent] * len(SIZES)
    assert lines[1:] == lines[:-1]
