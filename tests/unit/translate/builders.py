"""Resolved Gateways, built by hand as the model room would resolve them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from egxds.incremental.revision import Revision
from egxds.model.api.core import ExtensionBody, SecretBody
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.http_route import HttpRouteSpec
from egxds.model.api.object import CORE_GROUP, GATEWAY_GROUP, ApiObject, ObjectMeta
from egxds.model.resolve.endpoints import shape_of
from egxds.model.resolve.listener_protocols import HTTP, HTTPS
from egxds.model.resolve.resolved import (
    ANY_HOST,
    AttachedRoute,
    ResolvedBackend,
    ResolvedGateway,
    ResolvedListener,
    ResolvedRoute,
    ResolvedRule,
)
from egxds.model.resolve.upstreams import (
    EndpointAddress,
    EndpointsKey,
    EndpointsShape,
    EndpointTable,
    PipeAddress,
    SocketAddress,
)
from egxds.object_key import ObjectKey
from tests.envoy.certificates import Authority, Pair

NAMESPACE = "default"
API_VERSION = "gateway.networking.k8s.io/v1"


def _key(group: str, kind: str, name: str, namespace: str = NAMESPACE) -> ObjectKey:
    return ObjectKey(group, kind, namespace, name)


def _meta(
    name: str, namespace: str = NAMESPACE, annotations: Mapping[str, str] | None = None, created: str | None = None
) -> ObjectMeta:
    said = {"name": name, "namespace": namespace, "annotations": dict(annotations or {}), "creationTimestamp": created}
    return ObjectMeta.model_validate(said)


_ENDPOINTS: dict[EndpointsKey, tuple[EndpointAddress, ...]] = {}


def source(kind: str, name: str) -> ObjectKey:
    """Return what identifies the object of this kind and name."""
    groups = {"Gateway": GATEWAY_GROUP, "HTTPRoute": GATEWAY_GROUP, "Secret": CORE_GROUP}
    return _key(groups.get(kind, "example.io"), kind, name)


def address(text: str, port: int = 8080) -> EndpointAddress:
    """Return an endpoint: a path is a Unix socket, a name is one for DNS, else it is an IP address."""
    if text.startswith("/"):
        return PipeAddress(text)
    return SocketAddress(text, port, is_hostname=any(letter.isalpha() for letter in text.partition("%")[0]))


def backend(*endpoints: str | EndpointAddress, weight: int = 1, refusal: str = "") -> ResolvedBackend:
    """Return a backend; `route` gives it its index."""
    found = tuple(each if not isinstance(each, str) else address(each) for each in endpoints)
    key = EndpointsKey(_key("", "Service", repr(found)))
    _ENDPOINTS.setdefault(key, found)
    shape = shape_of(found) if found else EndpointsShape.NONE_READY
    return ResolvedBackend(0, weight, None if refusal else key, shape, refusal)


def endpoint_table() -> EndpointTable:
    """Return the endpoints of all backends that were made so far."""
    return Revision(_ENDPOINTS)


def extension(name: str, kind: str = "Auth") -> ApiObject[ExtensionBody]:
    """Return an extension's own object."""
    document = json.dumps({"kind": kind, "metadata": {"name": name}}, sort_keys=True).encode()
    body = ExtensionBody(document=document)
    key = _key("example.io", kind, name)
    return ApiObject(key, "example.io/v1", _meta(name), body)


@lru_cache
def authority() -> Authority:
    """Return the CA of all certificates."""
    return Authority()


@lru_cache
def pair_for(hostname: str) -> Pair:
    """Return a certificate for a hostname, the same one each time."""
    return authority().issue(hostname)


def secret(name: str, hostname: str = "shop.test") -> ApiObject[SecretBody]:
    """Return a TLS Secret with the certificate of a hostname."""
    pair = pair_for(hostname)
    body = SecretBody.model_validate({"stringData": {"tls.crt": pair.cert, "tls.key": pair.key}})
    return ApiObject(_key(CORE_GROUP, "Secret", name), "v1", _meta(name), body)


def rule(
    *backends: ResolvedBackend,
    refusal: str = "",
    extensions: Sequence[ApiObject[ExtensionBody]] = (),
    **content: Any,
) -> dict[str, Any]:
    """Return a rule: what the user wrote of it, and what became of its references.

    Args:
        backends: in order.
        refusal: why all of it answers 500.
        extensions: what its ExtensionRef filters name.
        content: matches, filters, timeouts and name, as YAML has them.
    """
    return {"backends": backends, "refusal": refusal, "extensions": tuple(extensions), "content": content}


def match(path: str = "/", type_: str = "PathPrefix", **more: Any) -> dict[str, Any]:
    """Return a match as YAML has it."""
    return {"path": {"type": type_, "value": path}, **more}


def route(
    name: str,
    *rules: dict[str, Any],
    namespace: str = NAMESPACE,
    annotations: Mapping[str, str] | None = None,
    created: str | None = None,
) -> ResolvedRoute:
    """Return an HTTPRoute whose references are followed."""
    spec = HttpRouteSpec.model_validate({"rules": [each["content"] for each in rules]})
    key = _key(GATEWAY_GROUP, "HTTPRoute", name, namespace)
    meta = _meta(name, namespace, annotations, created)
    written = ApiObject(key, API_VERSION, meta, spec)
    return ResolvedRoute(written, tuple(_resolved_rule(index, each) for index, each in enumerate(rules)))


def _resolved_rule(index: int, each: dict[str, Any]) -> ResolvedRule:
    backends = tuple(replace(item, index=number) for number, item in enumerate(each["backends"]))
    return ResolvedRule(index, backends, each["extensions"], each["refusal"])


def at(attached: ResolvedRoute, *hostnames: str) -> AttachedRoute:
    """Attach a route to a listener under some hostnames, all hosts where none is given."""
    return AttachedRoute(attached, tuple(sorted(hostnames)) or (ANY_HOST,))


def listener(
    name: str,
    *routes: AttachedRoute,
    port: int = 80,
    hostname: str = ANY_HOST,
    certificates: Iterable[ApiObject[SecretBody]] = (),
) -> ResolvedListener:
    """Return a listener; one with certificates is HTTPS."""
    found = tuple(certificates)
    protocol = HTTPS if found else HTTP
    return ResolvedListener(
        name,
        _key(GATEWAY_GROUP, "Gateway", "web"),
        port,
        protocol,
        hostname,
        found,
        Revision({each.route.route.key: each for each in routes}),
    )


def gateway(
    *listeners: ResolvedListener,
    name: str = "web",
    addresses: tuple[str, ...] = ("0.0.0.0",),
    annotations: Mapping[str, str] | None = None,
) -> ResolvedGateway:
    """Return a Gateway; what its spec says plays no part any more."""
    key = _key(GATEWAY_GROUP, "Gateway", name)
    entry = {"name": "http", "port": 80, "protocol": "HTTP"}
    spec = GatewaySpec.model_validate({"gatewayClassName": "egxds", "listeners": [entry]})
    written = ApiObject(key, API_VERSION, _meta(name, NAMESPACE, annotations), spec)
    return ResolvedGateway(written, "egxds", addresses, listeners)


def serve(*rules: dict[str, Any], hostnames: tuple[str, ...] = ()) -> ResolvedGateway:
    """Return a Gateway with one HTTP listener, and one route `app` with these rules at it."""
    return gateway(listener("http", at(route("app", *rules), *hostnames)))
