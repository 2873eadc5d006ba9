"""GRPCRoutes: what they must not say, and how they stand beside HTTPRoutes."""

from __future__ import annotations

import pytest

from egxds.model.api.grpc_route import GRPC_ROUTE
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.resolve.upstreams import UpstreamProtocol
from tests.unit.model.texts import endpoint_slice, gateway, gateway_object, route, service
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import messages, read, resolve, served, status

TO_APP = "rules:\n- backendRefs: [{name: app, port: 80}]"


def grpc_route(name: str = "shop", spec: str = TO_APP, **metadata: str) -> str:
    """Write a GRPCRoute of Gateway `web`."""
    return gateway_object("GRPCRoute", name, f"parentRefs: [{{name: web}}]\n{spec}", **metadata)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("matches: [{method: {}}]", "rules[0].matches[0].method: give service, method, or both"),
        ("matches: [{method: {service: a/b}}]", "method.service: is not the name of a service"),
        ("matches: [{method: {method: a.b}}]", "method.method: is not the name of a method"),
        ("matches: [{method: {type: Prefix, method: a}}]", "method.type: must be Exact or RegularExpression"),
        ("filters: [{type: URLRewrite, urlRewrite: {hostname: a.test}}]", "filters[0].type: must be"),
        ("filters: [{type: ResponseHeaderModifier}]", "responseHeaderModifier is missing"),
        ("backendRefs: [{name: app}]", "port is missing"),
    ],
)
def test_what_no_grpc_route_can_say_is_refused(rule: str, message: str) -> None:
    """It is refused as a whole, with the field that is wrong."""
    state = read(grpc_route(spec=f"rules:\n- {rule}"))
    assert message in store_problems(state)[0].message
    assert not state.of(GRPC_ROUTE)


def test_both_versions_are_read() -> None:
    """Envoy Gateway's users still write v1alpha2."""
    old = grpc_route().replace("gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1alpha2")
    assert len(read(old).of(GRPC_ROUTE)) == 1


def test_an_http_route_and_a_grpc_route_of_one_name_live_side_by_side() -> None:
    """They are two objects, both accepted, also where they share a hostname (Gateway API, "Cross Serving")."""
    resolution = resolve(gateway(), route("shop", spec=TO_APP), grpc_route("shop"), service("app"), endpoint_slice())
    assert [attached.route.route.key.kind for attached in served(resolution)["http"].routes.values()] == [
        "GRPCRoute",
        "HTTPRoute",
    ]
    for kind in ("GRPCRoute", "HTTPRoute"):
        (parent,) = status(resolution, kind, "default/shop")["parents"]
        assert [condition["status"] for condition in parent["conditions"]] == ["True", "True"]
    assert status(resolution, "Gateway", "default/web")["listeners"][0]["attachedRoutes"] == 2


def test_backends_are_spoken_to_by_http2() -> None:
    """Also where they do not say so; one that says that it speaks something else is refused."""
    web_socket = service("chat", ports="[{port: 80, appProtocol: kubernetes.io/ws}]")
    refs = "rules:\n- backendRefs: [{name: app, port: 80}, {name: chat, port: 80}]"
    resolution = resolve(gateway(), grpc_route(spec=refs), service("app"), web_socket)
    (attached,) = served(resolution)["http"].routes.values()
    app, chat = attached.route.rules[0].backends
    assert (app.refusal, app.protocol) == ("", UpstreamProtocol.HTTP2)
    assert "speaks kubernetes.io/ws; backends of a GRPCRoute are reached by HTTP/2" in chat.refusal


def test_a_listener_may_take_one_kind_only() -> None:
    """What it does not take says so in its own name."""
    only_http = "- {name: http, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}]}}"
    resolution = resolve(gateway(listeners=only_http), grpc_route(), service("app"))
    assert "Gateway default/web takes no GRPCRoutes at listener http" in messages(resolution)[0]


def test_nothing_of_one_kind_is_remembered_for_the_other() -> None:
    """A kind is part of every key: the same name and namespace are not the same route."""
    state = read(route("shop", spec=TO_APP), grpc_route("shop"), service("app"))
    assert [str(key) for kind in (HTTP_ROUTE, GRPC_ROUTE) for key in state.of(kind)] == [
        "HTTPRoute default/shop",
        "GRPCRoute default/shop",
    ]
