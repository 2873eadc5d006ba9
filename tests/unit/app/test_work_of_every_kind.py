"""Whatever changes behind a route of any kind costs what it changes, and an Envoy is told of nothing else.

Each app is a route in a namespace of its own, to a Service in another one, that it may refer to by a grant and speaks
to as a policy says. What the interpreter does over all of them is copies of mappings and sorted lists, the join of the
bytes of a RouteConfiguration or a Listener, and their hash.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from tests.envoy.certificates import Authority
from tests.unit.app.test_work_follows_change_everywhere import OTHER_SECRET, Directory

SIZES = (100, 300, 1_000)
ALONE = 20
"""So many routes that take connections as a whole have a port each; the others contend for that of the first one."""

FIRST, OTHER = Authority().cert, Authority("Others").cert


def _port(name: str, port: int, protocol: str) -> str:
    return (
        f"  - {{name: {name}, port: {port}, protocol: {protocol}, "
        "allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {served: 'yes'}}}}}\n"
    )


GATEWAY = (
    """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: egxds
  listeners:
  - {name: https, port: 443, protocol: HTTPS, hostname: tls.test, tls: {certificateRefs: [{name: cert}]}}
"""
    + _port("http", 80, "HTTP")
    + _port("passing", 443, "TLS, tls: {mode: Passthrough}")
    + _port("ending", 443, "TLS, hostname: '*.end.test', tls: {certificateRefs: [{name: cert}]}")
    + "".join(_port(f"tcp{number}", 1000 + number, "TCP") for number in range(ALONE))
    + "".join(_port(f"udp{number}", 1000 + number, "UDP") for number in range(ALONE))
)

BEHIND = """\
---
apiVersion: v1
kind: Namespace
metadata: {{name: r{number:05}, labels: {{served: '{served}'}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: s, namespace: b{number}}}
spec: {{ports: [{{name: a, port: 80, {service}}}, {{name: b, port: 81, protocol: UDP}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: s, namespace: b{number}, labels: {{kubernetes.io/service-name: s}}}}
addressType: IPv4
endpoints: [{{addresses: [{address}]}}]
ports: [{{name: a, port: 80}}, {{name: b, port: 81, protocol: UDP}}]
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {{name: g, namespace: b{number}}}
spec:
  from: [{{group: gateway.networking.k8s.io, kind: {kind}, namespace: {granted}}}]
  to: [{{group: '', kind: Service}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: p, namespace: b{number}}}
spec:
  targetRefs: [{{group: '', kind: Service, name: s, sectionName: a}}]
  validation: {{hostname: {server_name}.test, caCertificateRefs: [{{name: ca, group: '', kind: ConfigMap}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: ca, namespace: b{number}}}
data: {{ca.crt: {authorities}}}
"""


@dataclass(frozen=True)
class App:
    """A route, and all that is behind it.

    Attributes:
        path: changes a route that looks at requests.
        host: of a route that has hostnames.
        share: name of a backend that is not there, for a share of the traffic; empty for none.
        address: of its endpoint.
        service: what the port of its Service says besides.
        server_name: that the policy asks for.
        authorities: in the ConfigMap.
        is_granted: whether the route may refer to the Service.
        served: label of the route's namespace.
    """

    path: str = "first"
    host: str = ""
    share: str = ""
    address: str = "10.0.0.1"
    service: str = "appProtocol: tcp"
    server_name: str = "a"
    authorities: str = FIRST
    is_granted: bool = True
    served: str = "yes"

    def text(self, kind: str, number: int) -> str:
        """Write it."""
        namespace, host = f"r{number:05}", self.host or f"h{number}"
        behind = BEHIND.format(
            number=number,
            kind=kind,
            granted=namespace if self.is_granted else "nobody",
            service=self.service,
            address=self.address,
            server_name=self.server_name,
            authorities=json.dumps(self.authorities),
            served=self.served,
        )
        port = 81 if kind == "UDPRoute" else 80
        backends = f"[{{name: s, namespace: b{number}, port: {port}}}{self.share}]"
        return (
            f"apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\n"
            f"metadata: {{name: r, namespace: {namespace}}}\n"
            f"spec: {_ROUTES[kind](number, self, host, backends)}\n{behind}"
        )


def _parent(section: str) -> str:
    return f"{{name: web, namespace: default, sectionName: {section}}}"


def _of_requests(match: str, number: int, app: App, host: str, backends: str) -> str:
    del number
    rules = f"[{{matches: [{match.format(app.path)}], backendRefs: {backends}}}]"
    return f"{{parentRefs: [{_parent('http')}], hostnames: [{host}.test], rules: {rules}}}"


def _of_server_names(number: int, app: App, host: str, backends: str) -> str:
    del number, app
    parents = f"[{_parent('passing')}, {_parent('ending')}]"
    names = f"[{host}.test, {host}.end.test]"
    return f"{{parentRefs: {parents}, hostnames: {names}, rules: [{{backendRefs: {backends}}}]}}"


def _of_ports(prefix: str, number: int, app: App, host: str, backends: str) -> str:
    del app, host
    port = f"{prefix}{number if number < ALONE else 0}"
    return f"{{parentRefs: [{_parent(port)}], rules: [{{backendRefs: {backends}}}]}}"


_ROUTES: dict[str, Callable[[int, App, str, str], str]] = {
    "HTTPRoute": partial(_of_requests, "{{path: {{value: /{}}}}}"),
    "GRPCRoute": partial(_of_requests, "{{method: {{service: {}}}}}"),
    "TLSRoute": _of_server_names,
    "TCPRoute": partial(_of_ports, "tcp"),
    "UDPRoute": partial(_of_ports, "udp"),
}


def _written(kind: str, number: int, path: str = "") -> str:
    """Write an app as it is at first."""
    return App(path=path or "first").text(kind, number)


Edit = Callable[[Directory, str], Path]


def _edited(number: int, **changes: object) -> Edit:
    return lambda files, kind: files.edit_app(number, replace(App(), **changes).text(kind, number))  # type: ignore[arg-type]


EDITS: dict[str, Edit] = {
    "a match": _edited(2, path="second"),
    "a hostname": _edited(3, host="elsewhere"),
    "a share that is refused": _edited(4, share=", {name: gone, port: 80}"),
    "an endpoint": _edited(5, address="10.0.0.9"),
    "a Service": _edited(6, service="appProtocol: kubernetes.io/h2c"),
    "a policy": _edited(7, server_name="b"),
    "authorities": _edited(8, authorities=OTHER),
    "a grant": _edited(9, is_granted=False),
    "labels of a namespace": _edited(10, served="no"),
    "a removal": lambda files, _kind: files.edit_app(11, ""),
    "a new route": lambda files, kind: files.edit_app(files.size, _written(kind, 12_345)),
    "a touch": lambda files, _kind: files.touch(),
    "a certificate": lambda files, _kind: files.write("secret.yaml", OTHER_SECRET),
}
REQUESTS, SERVER_NAMES, PORTS = ("HTTPRoute", "GRPCRoute"), ("TLSRoute",), ("TCPRoute", "UDPRoute")


def _sent(kind: str, case: str) -> dict[str, int]:
    """Return how many names of which types an Envoy is told about."""
    place = {"route" if kind in REQUESTS else "listener": 1}
    # What the policy has fetched; there is no TLS over datagrams.
    secret = {} if kind == "UDPRoute" else {"secret": 1}
    gone = {"cluster": 1, **secret, **place}
    return {
        "a match": place if kind in REQUESTS else {},
        "a hostname": {} if kind in PORTS else place,
        # One cluster with both of them becomes one for each, of which the one that is not there has no endpoints.
        "a share that is refused": {"cluster": 2, "endpoint": 1, **secret, **place},
        "an endpoint": {"endpoint": 1},
        "a Service": {"cluster": 1, "endpoint": 1, **secret} if kind == "HTTPRoute" else {},
        # Endpoints and secrets go out once more behind a cluster that changed.
        "a policy": {"cluster": 1, "endpoint": 1, **secret} if secret else {},
        "authorities": secret,
        "a grant": gone,
        "labels of a namespace": gone,
        "a removal": gone,
        # Where another one has the port, it waits for it.
        "a new route": {"cluster": 1, "endpoint": 1, **secret, **({} if kind in PORTS else place)},
        "a touch": {},
        "a certificate": {"secret": 1},
    }[case]


@pytest.fixture(scope="module", params=_ROUTES)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of route."""
    return str(request.param)


@pytest.fixture(scope="module")
def directories(kind: str, tmp_path_factory: pytest.TempPathFactory) -> list[Directory]:
    """One directory of each size; every case edits another app in them. The first one finds what is made once."""
    base, app = tmp_path_factory.mktemp("kinds"), partial(_written, kind)
    return [
        Directory(base / str(number), size, is_one_file=False, gateway=GATEWAY, app=app)
        for number, size in enumerate((SIZES[0], *SIZES))
    ]


@pytest.mark.parametrize("case", EDITS)
def test_an_edit_costs_the_same_at_any_size(directories: list[Directory], kind: str, case: str) -> None:
    """Room by room; and an Envoy is told about what changed and nothing else."""
    _, *results = [files.house.edit([EDITS[case](files, kind)]) for files in directories]
    lines = [dict(counted) for counted, _ in results]
    assert [sent for _, sent in results] == [_sent(kind, case)] * len(SIZES)
    assert lines[1:] == lines[:-1]
