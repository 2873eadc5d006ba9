"""An edit of a route that takes connections as a whole costs what it changes, from the file to the Envoy.

The Listener that they stand in is joined of ready chains: what the interpreter does over all of them is copies of
sorted lists and of a mapping, the join of the bytes and their hash.
"""

from __future__ import annotations

import pytest

from tests.unit.app.test_work_follows_change_everywhere import Case, Directory

SIZES = (100, 1_000, 3_000)

GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: egxds
  listeners:
  - {name: https, port: 443, protocol: HTTPS, hostname: tls.test, tls: {certificateRefs: [{name: cert}]}}
  - {name: passing, port: 443, protocol: TLS, tls: {mode: Passthrough}}
  - {name: ending, port: 443, protocol: TLS, hostname: "*.end.test", tls: {certificateRefs: [{name: cert}]}}
  - {name: tcp, port: 53, protocol: TCP}
  - {name: udp, port: 53, protocol: UDP}
"""
APP = """\
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: {{name: t{number}}}
spec:
  parentRefs: [{{name: web}}]
  hostnames: [{host}.test, {host}.end.test]
  rules: [{{backendRefs: [{{name: s{number}, port: 80}}{more}]}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {{name: c{number:05}}}
spec: {{parentRefs: [{{name: web, sectionName: tcp}}], rules: [{{backendRefs: [{{name: s{number}, port: 80}}{more}]}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: UDPRoute
metadata: {{name: u{number:05}}}
spec: {{parentRefs: [{{name: web, sectionName: udp}}], rules: [{{backendRefs: [{{name: s{number}, port: 81}}{more}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: s{number}}}
spec: {{ports: [{{name: a, port: 80}}, {{name: b, port: 81, protocol: UDP}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: s{number}, labels: {{kubernetes.io/service-name: s{number}}}}}
addressType: IPv4
endpoints: [{{addresses: [{address}]}}]
ports: [{{name: a, port: 80}}, {{name: b, port: 81, protocol: UDP}}]
"""


def stream_app(number: int, host: str = "", path: str = "", address: str = "10.0.0.1") -> str:
    """Write three routes, their Service and its endpoints.

    Args:
        number: of the app.
        host: of its TLSRoute.
        path: name of a backend that is not there, for a share of the traffic; without one, none is refused.
        address: of its endpoint.
    """
    more = f", {{name: {path}, port: 80}}" if path else ""
    return APP.format(number=number, host=host or f"h{number}", more=more, address=address)


_LISTENER = {"listener": 1}
"""And nothing of what Envoy has fetched on behalf of it."""

CASES = {
    "a share that is refused": Case(
        lambda files: files.edit_app(2, stream_app(2, path="gone")), {"cluster": 6, "endpoint": 3, **_LISTENER}
    ),
    "a share of routes that have a port": Case(
        lambda files: files.edit_app(0, stream_app(0, path="gone")),
        {"cluster": 6, "endpoint": 3, **_LISTENER, "listener": 3},
    ),
    "a hostname": Case(lambda files: files.edit_app(3, stream_app(3, host="elsewhere")), _LISTENER),
    "an endpoint": Case(lambda files: files.edit_app(4, stream_app(4, address="10.0.0.9")), {"endpoint": 3}),
    "a deletion": Case(lambda files: files.edit_app(9, ""), {"cluster": 3, **_LISTENER}),
}


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> list[Directory]:
    """One directory of each size; every case edits another app in them."""
    base = tmp_path_factory.mktemp("streams")
    return [Directory(base / str(size), size, is_one_file=False, gateway=GATEWAY, app=stream_app) for size in SIZES]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_edit_costs_the_same_at_any_size(directories: list[Directory], case: Case) -> None:
    """Room by room; and an Envoy is told about what changed and nothing else."""
    results = [files.house.edit([case.edit(files)]) for files in directories]
    lines = [dict(counted) for counted, _ in results]
    assert [sent for _, sent in results] == [case.sent] * len(SIZES)
    assert lines[1:] == lines[:-1]
