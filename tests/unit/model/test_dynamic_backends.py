"""Backends of type DynamicResolver: who may refer to them, what they may say, and what people are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from egxds.model.resolve.upstreams import EndpointsShape
from tests.envoy.certificates import Authority
from tests.unit.model.texts import gateway, route
from tests.unit.model.told import problems
from tests.unit.model.worlds import conditions, parents, resolve, served, status

AUTHORITY = Authority()
ANY = {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "any"}
REF = json.dumps(ANY)
BUNDLE = {"ca.crt": AUTHORITY.cert}
CA = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": BUNDLE})
REFS = {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}


def dynamic(**said: Any) -> str:
    """Write one."""
    head = {"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "Backend", "metadata": {"name": "any"}}
    return json.dumps({**head, "spec": {"type": "DynamicResolver", **said}})


def to(*refs: str) -> str:
    """Write a route to some backends."""
    return route(spec=f"rules: [{{backendRefs: [{', '.join(refs)}]}}]")


@pytest.mark.parametrize(
    ("said", "accepted"),
    [
        ({}, "True/Accepted"),
        ({"tls": REFS}, "True/Accepted"),
        ({"tls": {"insecureSkipVerify": True}}, "True/Accepted"),
        ({"tls": {**REFS, "autoSNIFromEndpointHostname": True}}, "True/Accepted"),
        ({"tls": {**REFS, "sni": "one.test"}}, "False/Invalid"),
        ({"tls": {}}, "False/Invalid"),
    ],
)
def test_what_it_may_say(said: dict[str, Any], accepted: str) -> None:
    """It is asked by the host of the request, so nobody else may name who is asked for; what is refused answers 500."""
    resolution = resolve(gateway(), to(REF), CA, dynamic(**said))
    assert conditions(status(resolution, "Backend", "default/any"))["Accepted"] == accepted
    (attached,) = served(resolution)["http"].routes.values()
    (found,) = attached.route.rules[0].backends
    assert bool(found.refusal) == (accepted != "True/Accepted")
    assert found.refusal or found.shape is EndpointsShape.DYNAMIC


def test_whoever_writes_one_is_warned() -> None:
    """Clients choose where their requests go."""
    found = [each for each in map(str, problems(resolve(gateway(), to(REF), dynamic()))) if "DynamicResolver" in each]
    assert len(found) == 1
    assert "warning: Backend default/any" in found[0]


@pytest.mark.parametrize("endpoints", [[{"ip": {"address": "10.0.0.1", "port": 80}}], None])
def test_endpoints_are_of_the_other_type(endpoints: list[dict[str, Any]] | None) -> None:
    """As an API server has it, one with endpoints is refused, and so is one of the other type without."""
    said = dynamic(endpoints=endpoints) if endpoints else dynamic().replace("DynamicResolver", "Endpoints")
    assert parents(resolve(gateway(), to(REF), said))[0]["ResolvedRefs"] == "False/BackendNotFound"


def test_it_stands_alone_in_a_rule() -> None:
    """Whatever the other one is, the rule answers 500 (Envoy Gateway)."""
    resolution = resolve(gateway(), to(REF, "{name: app, port: 80}"), dynamic())
    (attached,) = served(resolution)["http"].routes.values()
    assert "multiple backendRefs" in attached.route.rules[0].refusal
    assert any("multiple backendRefs" in str(each) for each in problems(resolution))


def test_a_policy_names_one_server_where_there_are_many() -> None:
    """So it denies."""
    policy = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "BackendTLSPolicy",
        "metadata": {"name": "one"},
        "spec": {
            "targetRefs": [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "any"}],
            "validation": {"hostname": "one.test", "wellKnownCACertificates": "System"},
        },
    }
    resolution = resolve(gateway(), to(REF), dynamic(), json.dumps(policy))
    assert parents(resolution)[0]["ResolvedRefs"] == "False/InvalidBackendTLS"


@pytest.mark.parametrize(
    ("kind", "listener", "reason"),
    [
        ("TLSRoute", "{name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}}", "True/ResolvedRefs"),
        (
            "TLSRoute",
            "{name: tls, port: 443, protocol: TLS, tls: {mode: Terminate, certificateRefs: [{name: cert}]}}",
            "False/UnsupportedValue",
        ),
        ("TCPRoute", "{name: tcp, port: 443, protocol: TCP}", "False/UnsupportedValue"),
        ("UDPRoute", "{name: udp, port: 443, protocol: UDP}", "False/UnsupportedValue"),
    ],
)
def test_only_a_server_name_says_where_a_connection_goes(kind: str, listener: str, reason: str) -> None:
    """Nowhere else is there one to resolve."""
    spec: dict[str, Any] = {"parentRefs": [{"name": "web"}], "rules": [{"backendRefs": [ANY]}]}
    head = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": {"name": "stream"}}
    hostnames = {"hostnames": ["*.a.test"]} if kind == "TLSRoute" else {}
    text = json.dumps({**head, "spec": {**spec, **hostnames}})
    secret = AUTHORITY.issue("a.test").secret("cert")
    resolution = resolve(gateway(listeners=f"- {listener}"), text, secret, dynamic())
    (parent,) = status(resolution, kind, "default/stream")["parents"]
    assert conditions(parent)["ResolvedRefs"] == reason
    told = [each for each in map(str, problems(resolution)) if "error: " in each]
    assert bool(told) == (reason != "True/ResolvedRefs")
