"""extAuth of SecurityPolicies: whom it has asked, and what cannot be done."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.model.api.object import ENVOY_GATEWAY_GROUP
from egxds.model.resolve.features.ext_auth import ServerAuthorization
from egxds.model.resolve.features.policy_servers import Retries
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolve.upstreams import SocketAddress, UpstreamProtocol
from tests.unit.model.test_security_policies import CART, GATEWAY, ROUTE, at_rules, secure
from tests.unit.model.test_unserved_policies import EVERYTHING, closed
from tests.unit.model.texts import backend, endpoint_slice, grant, service
from tests.unit.model.worlds import World, resolve

IP, NAME = "[{ip: {address: 10.0.0.1, port: 8080}}]", "[{fqdn: {hostname: authz.test, port: 8080}}]"
BACKEND = {"group": ENVOY_GATEWAY_GROUP, "kind": "Backend", "name": "authz"}
SERVICE = {"name": "authz", "port": 80}
IN_SECRET = {"kind": "Secret", "name": "tenant", "key": "id"}


def by_grpc(*refs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an extAuth that asks by gRPC."""
    return {"grpc": {"backendRefs": list(refs or (BACKEND,))}, **more}


def asked(resolution: Resolution) -> list[ServerAuthorization | None]:
    """Return who is asked at the rules of the route."""
    found = [each.settings.get("extAuth") if each is not None else None for each in at_rules(resolution)]
    return [each if isinstance(each, ServerAuthorization) else None for each in found]


def only(*texts: str, **ext_auth: Any) -> ServerAuthorization:
    """Return whom a policy of the Gateway has asked."""
    (first, _) = asked(resolve(*EVERYTHING, *texts, secure(GATEWAY, extAuth=ext_auth)))
    assert first is not None
    return first


def test_a_server_by_grpc_is_spoken_to_by_http2() -> None:
    """Its cluster has Envoy Gateway's name, and it is asked as the first backend is called."""
    found = only(backend(IP, "authz"), **by_grpc())
    assert (found.server.cluster, found.server.protocol) == (
        "securitypolicy/default/guard/extauth/0",
        UpstreamProtocol.HTTP2,
    )
    assert found.server.addresses == (SocketAddress("10.0.0.1", 8080),)
    assert (found.authority, found.timeout_s, found.retries, found.http) == ("authz.default", 10.0, None, None)
    assert only(backend(NAME, "authz"), **by_grpc()).authority == "authz.test:8080"
    there = endpoint_slice("authz-1", "[{addresses: [10.0.0.7]}]", service_name="authz")
    assert only(service("authz"), there, **by_grpc(SERVICE)).authority == "authz.default:80"


def test_a_server_by_http_is_asked_as_the_policy_says() -> None:
    """The older field is taken where there is no newer one (Envoy Gateway)."""
    attempts = {"retry": {"numRetries": 3, "perRetry": {"backOff": {"baseInterval": "1s", "maxInterval": "5s"}}}}
    http = {"backendRef": BACKEND, "path": "/check", "headersToBackend": ["x-a"], "backendSettings": attempts}
    found = only(backend(IP, "authz"), http=http, timeout="2s")
    assert found.http is not None
    assert (found.http.path, found.http.headers_to_backend) == ("/check", ("x-a",))
    assert (found.server.protocol, found.timeout_s) == (UpstreamProtocol.HTTP1, 2.0)
    assert found.retries == Retries(3, 1.0, 5.0)
    both = {"backendRef": {**BACKEND, "name": "gone"}, "backendRefs": [BACKEND]}
    assert only(backend(IP, "authz"), http=both).server.addresses


def test_a_policy_follows_the_endpoints_of_its_server() -> None:
    """While there are none nobody is asked; a Service that is gone denies."""
    world, policy = World(), secure(GATEWAY, extAuth=by_grpc(SERVICE))
    there = endpoint_slice("authz-1", "[{addresses: [10.0.0.7]}]", service_name="authz")
    for slices, expected in ((), 0), ([there], 1), ((), 0):
        (first, _) = asked(world.scan(*EVERYTHING, service("authz"), *slices, policy))
        assert first is not None
        assert len(first.server.addresses) == expected
    assert closed(world.scan(*EVERYTHING, policy)) == ["http", "other"]


def test_a_server_of_another_namespace_needs_a_grant() -> None:
    """From a SecurityPolicy, and to what it refers to."""
    world = World()
    policy = secure(ROUTE, extAuth=by_grpc({**BACKEND, "namespace": "doors"}))
    there = backend(IP, "authz").replace("{name: authz}", "{name: authz, namespace: doors}")
    assert closed(world.scan(*EVERYTHING, there, policy)) == ["rule 0", "rule 1"]
    who = f"[{{group: {ENVOY_GATEWAY_GROUP}, kind: SecurityPolicy, namespace: default}}]"
    granted = grant("doors", who, f"[{{group: {ENVOY_GATEWAY_GROUP}, kind: Backend}}]")
    assert closed(world.scan(*EVERYTHING, there, granted, policy)) == []
    assert closed(world.scan(*EVERYTHING, there, policy)) == ["rule 0", "rule 1"]


def test_what_is_merged_asks_the_server_of_the_one_above() -> None:
    """By a cluster of its own, as it may ask otherwise."""
    inner = secure(ROUTE, name="inner", mergeType="StrategicMerge", extAuth={"failOpen": True})
    found, _ = asked(resolve(*EVERYTHING, backend(IP, "authz"), secure(GATEWAY, extAuth=by_grpc()), inner))
    assert found is None  # By itself it asks nobody, and has a mistake.
    inner = secure(ROUTE, name="inner", mergeType="StrategicMerge", extAuth=by_grpc(failOpen=True))
    outer = secure(GATEWAY, extAuth=by_grpc(statusOnError=503))
    found, _ = asked(resolve(*EVERYTHING, backend(IP, "authz"), outer, inner))
    assert found is not None
    assert (found.asked.fail_open, found.asked.status_on_error) == (True, 503)
    assert found.server.cluster == "securitypolicy/default/inner+securitypolicy/default/guard/extauth/0"


def tenant(value: str, kind: str = "Secret") -> str:
    """Write a Secret, or a ConfigMap, with values."""
    field = "stringData" if kind == "Secret" else "data"
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: tenant}}\n{field}: {{id: {value}, other: x}}\n"


def test_what_a_server_is_told_with_every_question_is_nobody_elses() -> None:
    """Values of a Secret follow it; entries are merged by their names (Envoy Gateway, StrategicMerge)."""
    world = World()
    context = [{"name": "b", "type": "ValueRef", "valueRef": IN_SECRET}, {"name": "a", "value": "1"}]
    outer = secure(GATEWAY, extAuth=by_grpc(contextExtensions=context))
    inner = secure(
        ROUTE,
        name="inner",
        mergeType="StrategicMerge",
        extAuth=by_grpc(contextExtensions=[{"name": "a", "value": "2"}]),
    )
    found, _ = asked(world.scan(*EVERYTHING, backend(IP, "authz"), tenant("whale"), outer, inner))
    assert found is not None
    assert found.context == (("a", "2"), ("b", "whale"))
    assert found.tells_context
    assert "whale" not in repr(found)
    found, _ = asked(world.scan(*EVERYTHING, backend(IP, "authz"), tenant("fox"), outer, inner))
    assert found is not None
    assert found.context == (("a", "2"), ("b", "fox"))
    assert closed(world.scan(*EVERYTHING, backend(IP, "authz"), outer)) == ["http", "other"]
    by_http = only(backend(IP, "authz"), http={"backendRefs": [BACKEND]}, contextExtensions=context[1:])
    assert not by_http.tells_context


def test_what_a_server_is_told_may_stand_in_a_config_map() -> None:
    """Among other values, and follows it; without it the policy denies."""
    world = World()
    ref = {**IN_SECRET, "kind": "ConfigMap"}
    context = [{"name": "a", "type": "ValueRef", "valueRef": ref}]
    texts = (*EVERYTHING, backend(IP, "authz"), secure(GATEWAY, extAuth=by_grpc(contextExtensions=context)))
    for value in ("whale", "fox"):
        found, _ = asked(world.scan(*texts, tenant(value, "ConfigMap")))
        assert found is not None
        assert found.context == (("a", value),)
    assert closed(world.scan(*texts, tenant("fox", "ConfigMap").replace("id:", "no:"))) == ["http", "other"]
    assert closed(world.scan(*texts)) == ["http", "other"]


WRONG: dict[str, dict[str, Any]] = {
    "nothing": {},
    "two services": {**by_grpc(), "http": {"backendRefs": [BACKEND]}},
    "nobody": {"grpc": {}},
    "a backend that is not there": by_grpc({**BACKEND, "name": "gone"}, failOpen=True),
    "a port that is not there": by_grpc({"name": "web", "port": 1}),
    "a kind that is no backend": by_grpc({"kind": "Secret", "name": "a"}),
    "an unknown field": by_grpc(failopen=True),
    "an unknown field of a server": {"http": {"backendRefs": [BACKEND], "paths": "/a"}},
    "a value of a type that has none": by_grpc(contextExtensions=[{"name": "a", "type": "ValueRef", "value": "b"}]),
    "a name twice": by_grpc(contextExtensions=[{"name": "a", "value": "b"}, {"name": "a", "value": "c"}]),
    "a Secret that is not there": by_grpc(contextExtensions=[{"name": "a", "type": "ValueRef", "valueRef": IN_SECRET}]),
    "a value in something else": by_grpc(
        contextExtensions=[{"name": "a", "type": "ValueRef", "valueRef": {**IN_SECRET, "kind": "Service"}}]
    ),
    "a value that no ConfigMap has": by_grpc(
        contextExtensions=[{"name": "a", "type": "ValueRef", "valueRef": {**IN_SECRET, "kind": "ConfigMap"}}]
    ),
    "another path": {"http": {"backendRefs": [BACKEND], "pathOverride": "/a"}},
    "settings that are not served": {
        "grpc": {"backendRefs": [BACKEND], "backendSettings": {"circuitBreaker": {"maxConnections": 1}}}
    },
    "a path that is none": {"http": {"backendRefs": [BACKEND], "path": "a"}},
    "a header that is none": by_grpc(headersToExtAuth=["a b"]),
    "a status of no error": by_grpc(statusOnError=200),
    "a status that Envoy does not know": by_grpc(statusOnError=418),
    "no bytes": by_grpc(bodyToExtAuth={"maxRequestBytes": 0}),
    "what traffic must not reach": by_grpc({**BACKEND, "name": "admin"}),
}


@pytest.mark.parametrize("ext_auth", WRONG.values(), ids=WRONG)
def test_what_cannot_be_done_denies(ext_auth: dict[str, Any]) -> None:
    """Exactly what it covers, also with failOpen."""
    texts = (backend(IP, "authz"), backend("[{ip: {address: 127.0.0.1, port: 19080}}]", "admin"))
    assert closed(resolve(*EVERYTHING, *texts, secure(ROUTE, extAuth=ext_auth))) == ["rule 0", "rule 1"]
    assert closed(resolve(*EVERYTHING, *texts, secure(CART, extAuth=ext_auth))) == ["rule 0"]
