"""A change of a file that no request carries: whoever is concerned is asked again, and nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from egxds.hooks.policy.outcome import HookedGateway
from egxds.resources.translation import GatewayTranslation
from tests.envoy.certificates import Authority
from tests.unit.app.files import Files
from tests.unit.hooks.extensions import manager, record, working

ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}{more}}}
spec:
  parentRefs: [{{name: web}}]
  hostnames: [{name}.test]
  rules: [{{backendRefs: [{{{backend}}}]}}]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: pay, namespace: bank{more}}}
spec: {{ports: [{{port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: pay, namespace: bank, labels: {{kubernetes.io/service-name: pay}}}}
addressType: IPv4
ports: [{{port: 80}}]
endpoints: [{{addresses: [10.0.0.1]}}]
"""
BACKEND = """\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {{name: shop{more}}}
spec: {{endpoints: [{{ip: {{address: 10.0.0.2, port: 80}}}}]}}
"""
GRANT = """\
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {{name: all, namespace: bank}}
spec:
  from: [{{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}}{more}]
  to: [{{group: "", kind: Service}}]
"""
POLICY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: pay, namespace: bank{more}}}
spec:
  targetRefs: [{{group: "", kind: Service, name: pay}}]
  validation: {{hostname: pay.test, caCertificateRefs: [{{group: "", kind: ConfigMap, name: ca}}]}}
"""
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: ca, namespace: bank{more}}}
data: {{ca.crt: {pem}}}
"""
FIRST, SECOND = json.dumps(Authority().cert), json.dumps(Authority("Others").cert)
OTHER = ", {group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: default}"
LABEL, ANNOTATION = ", labels: {tier: gold}", ", annotations: {tier: gold}"
HOST, CLUSTER = "default/web/http/{0}_test", "httproute/default/{0}/rule/0"
MANAGERS = (manager(hooks=("Endpoints", "VirtualHost")),)


def write(files: Files, name: str, more: str = "") -> None:
    """Write one of the files, with more in it or without."""
    backends = {
        "pay": "name: pay, namespace: bank, port: 80",
        "shop": "group: gateway.envoyproxy.io, kind: Backend, name: shop",
    }
    texts = {"service": SERVICE, "backend": BACKEND, "grant": GRANT, "policy": POLICY}
    if name in backends:
        text = ROUTE.format(name=name, backend=backends[name], more=more)
    else:
        text = texts[name].format(more=more)
    files.write(f"{name}.yaml", text)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Two routes: one to a Service in another namespace, one to a Backend."""
    found = Files(tmp_path)
    found.write_gateway("web", 8080)
    for name in ("pay", "shop", "service", "backend", "grant", "policy"):
        write(found, name)
    found.write("authorities.yaml", CONFIG_MAP.format(more="", pem=FIRST))
    return found


def hooked(translation: GatewayTranslation, before: HookedGateway | None = None) -> tuple[HookedGateway, set[str]]:
    """Return a Gateway after its hooks, and what they were asked about."""
    found, batches = record(translation, MANAGERS, working, before.accepted if before else None, epoch=1)
    return found, {call.subject for batch in batches for call in batch}


@pytest.mark.parametrize(
    ("name", "more", "concerned"),
    [
        pytest.param("service", ANNOTATION, "pay", id="a Service (envoyproxy/gateway issue 8150)"),
        pytest.param("backend", LABEL, "shop", id="a Backend"),
        pytest.param("grant", OTHER, "pay", id="a ReferenceGrant"),
        pytest.param("pay", LABEL, "pay", id="labels of a route"),
        pytest.param("shop", ANNOTATION, "shop", id="annotations of a route"),
    ],
)
def test_who_is_concerned_is_asked_again(files: Files, name: str, more: str, concerned: str) -> None:
    """What is published comes out the same, for the extension says the same."""
    first, asked = hooked(files.build().translations["default/web"])
    assert asked == {each.format(route) for each in (HOST, CLUSTER) for route in ("pay", "shop")}
    write(files, name, more)
    second, asked = hooked(files.build().translations["default/web"], first)
    assert asked == {HOST.format(concerned), CLUSTER.format(concerned)}
    bodies = [
        {(type_url, each.name): each.body for type_url, found in one.resources.items() for each in found.values()}
        for one in (first, second)
    ]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("policy.yaml", POLICY.format(more=LABEL), id="labels of a policy"),
        pytest.param(
            "policy.yaml", POLICY.format(more="").replace("pay.test", "b.test"), id="what the policy asks for"
        ),
        pytest.param("authorities.yaml", CONFIG_MAP.format(more=ANNOTATION, pem=FIRST), id="notes of a ConfigMap"),
        pytest.param("authorities.yaml", CONFIG_MAP.format(more="", pem=SECOND), id="authorities in a ConfigMap"),
    ],
)
def test_what_asks_for_tls_concerns_the_cluster_alone(files: Files, file: str, text: str) -> None:
    """Whoever is asked about the cluster is asked again; who is asked about its virtual host, and others, are not."""
    first, _ = hooked(files.build().translations["default/web"])
    files.write(file, text)
    _, asked = hooked(files.build().translations["default/web"], first)
    assert asked == {CLUSTER.format("pay")}


def test_others_are_not_asked_for_what_asks_for_tls_to_nobody(files: Files) -> None:
    """A policy without a target that any route leads to changes no call."""
    first, _ = hooked(files.build().translations["default/web"])
    files.write("other.yaml", POLICY.format(more="").replace("name: pay", "name: nobody"))
    _, asked = hooked(files.build().translations["default/web"], first)
    assert asked == set()
