"""Which listeners take which routes."""

from __future__ import annotations

import pytest

from egxds.model.api.label_selectors import LabelSelector
from egxds.model.resolve.precedence import precedence
from egxds.model.resolve.selectors import selects
from tests.unit.model.texts import gateway, gateway_class, namespace, route
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import listener_status, messages, parents, read, resolve, served, status

TWO = """
- {name: http, port: 80, protocol: HTTP, hostname: "*.a.test"}
- {name: more, port: 81, protocol: HTTP}
"""


def allowing(allowed: str) -> str:
    """Write a Gateway whose one listener allows some routes."""
    return gateway(listeners=f"- {{name: http, port: 80, protocol: HTTP, allowedRoutes: {allowed}}}")


ACCEPTED = [
    (gateway(), "[{name: web}]", ""),
    (gateway(), "[{name: web, namespace: default}]", ""),
    (gateway(listeners=TWO), "[{name: web, sectionName: http}]", "hostnames: [b.a.test]"),
    (gateway(listeners=TWO), "[{name: web, port: 81}]", "hostnames: [b.test]"),
    (gateway(listeners=TWO), "[{name: web, sectionName: more, port: 81}]", ""),
    (gateway(listeners=TWO), "[{name: web}]", "hostnames: [b.test]"),
    (allowing("{kinds: [{kind: HTTPRoute}]}"), "[{name: web}]", ""),
    (allowing("{kinds: [{kind: Other}, {kind: HTTPRoute}]}"), "[{name: web}]", ""),
    (allowing("{namespaces: {from: All}}"), "[{name: web}]", ""),
]


@pytest.mark.parametrize(("text", "parent", "spec"), ACCEPTED)
def test_a_route_is_accepted_where_a_listener_takes_it(text: str, parent: str, spec: str) -> None:
    """One listener that takes the route is enough."""
    resolution = resolve(text, route(spec=spec, parents=parent))
    assert parents(resolution) == [{"Accepted": "True/Accepted", "ResolvedRefs": "True/ResolvedRefs"}]
    assert sum(len(listener.routes) for listener in served(resolution).values()) == 1


REFUSED = [
    (gateway(), "[{name: web, sectionName: https}]", "", "NoMatchingParent", "has no listener named https"),
    (gateway(), "[{name: web, port: 81}]", "", "NoMatchingParent", "has no listener on port 81"),
    (
        gateway(),
        "[{name: web, sectionName: http, port: 81}]",
        "",
        "NoMatchingParent",
        "has no listener named http on port 81; its listeners: http (80)",
    ),
    (
        allowing("{namespaces: {from: None}}"),
        "[{name: web}]",
        "",
        "NotAllowedByListeners",
        "takes no routes from namespace default at listener http",
    ),
    (
        allowing("{kinds: [{kind: TLSRoute}]}"),
        "[{name: web}]",
        "",
        "NotAllowedByListeners",
        "takes no HTTPRoutes at listener http",
    ),
    (
        allowing("{kinds: [{group: other.test, kind: HTTPRoute}]}"),
        "[{name: web}]",
        "",
        "NotAllowedByListeners",
        "takes no HTTPRoutes",
    ),
    (
        gateway(listeners="- {name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}}"),
        "[{name: web}]",
        "",
        "NotAllowedByListeners",
        "takes no HTTPRoutes at listener tls",
    ),
    (
        gateway(listeners=TWO),
        "[{name: web, sectionName: http}]",
        "hostnames: [a.test, b.test]",
        "NoMatchingListenerHostname",
        "its listeners: http *.a.test",
    ),
]


@pytest.mark.parametrize(("text", "parent", "spec", "reason", "message"), REFUSED)
def test_a_route_is_refused_for_the_reason_of_the_api(
    text: str, parent: str, spec: str, reason: str, message: str
) -> None:
    """The reason is the furthest the route got: name, then permission, then hostname; the problem names the ref."""
    resolution = resolve(text, route(spec=spec, parents=f"\n  - {parent[1:-1]}"))
    assert parents(resolution) == [{"Accepted": f"False/{reason}", "ResolvedRefs": "True/ResolvedRefs"}]
    assert not any(listener.routes for listener in served(resolution).values())
    line = text.count("\n") + 1 + 6
    assert [said for said in messages(resolution) if message in said and said.startswith(f"a.yaml:{line}: error: HTTP")]


NAMESPACES = [
    ("{from: All}", True),
    ("{from: Same}", False),
    ("{from: None}", False),
    ("{from: Selector, selector: {matchLabels: {team: shop}}}", True),
    ("{from: Selector, selector: {matchLabels: {team: shop, tier: one}}}", False),
    ("{from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: store}}}", True),
    ("{from: Selector, selector: {}}", True),
]


@pytest.mark.parametrize(("namespaces", "is_taken"), NAMESPACES)
def test_routes_of_another_namespace_are_taken_where_they_are_allowed(namespaces: str, is_taken: bool) -> None:
    """A listener takes routes from everywhere, from namespaces with some labels, or from its own."""
    text = allowing(f"{{namespaces: {namespaces}}}")
    other = route(namespace="store", parents="[{name: web, namespace: default}]")
    resolution = resolve(text, other, namespace("store", team="shop"))
    reason = "True/Accepted" if is_taken else "False/NotAllowedByListeners"
    assert parents(resolution, "store/shop")[0]["Accepted"] == reason


def test_a_namespace_without_a_document_has_the_label_of_its_name() -> None:
    """Files need not describe a namespace for it to be selected by name."""
    selector = "{from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: store}}}"
    other = route(namespace="store", parents="[{name: web, namespace: default}]")
    resolution = resolve(allowing(f"{{namespaces: {selector}}}"), other)
    assert parents(resolution, "store/shop")[0]["Accepted"] == "True/Accepted"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"key": "a", "operator": "In", "values": ["1", "2"]}, True),
        ({"key": "a", "operator": "In", "values": ["2"]}, False),
        ({"key": "b", "operator": "In", "values": ["1"]}, False),
        ({"key": "a", "operator": "NotIn", "values": ["2"]}, True),
        ({"key": "a", "operator": "NotIn", "values": ["1"]}, False),
        ({"key": "b", "operator": "NotIn", "values": ["1"]}, True),
        ({"key": "a", "operator": "Exists"}, True),
        ({"key": "b", "operator": "Exists"}, False),
        ({"key": "b", "operator": "DoesNotExist"}, True),
        ({"key": "a", "operator": "DoesNotExist"}, False),
    ],
)
def test_expressions_select_as_they_do_in_kubernetes(expression: dict[str, object], expected: bool) -> None:
    """The four operators, for a label that is there and one that is not."""
    selector = LabelSelector.model_validate({"matchExpressions": [expression]})
    assert selects(selector, {"a": "1"}) is expected


def test_routes_come_oldest_first_then_by_name() -> None:
    """Precedence follows the time of creation whatever its zone, then namespace and name; without a time, last."""
    resolution = resolve(
        allowing("{namespaces: {from: All}}"),
        route("b", namespace="x", parents="[{name: web, namespace: default}]"),
        route("c"),
        route("a"),
        route("young", creationTimestamp="2026-01-02T00:30:00+01:00"),
        route("old", creationTimestamp="2026-01-01T23:00:00Z"),
    )
    taken = [attached.route.route for attached in served(resolution)["http"].routes.values()]
    assert [item.key.name for item in sorted(taken, key=precedence)] == ["old", "young", "a", "c", "b"]


def test_a_route_is_at_every_listener_that_takes_it() -> None:
    """One parentRef reaches all listeners, each with the hostnames they share."""
    resolution = resolve(gateway(listeners=TWO), route(spec="hostnames: [b.a.test, c.test]"))
    hostnames = {name: next(iter(listener.routes.values())).hostnames for name, listener in served(resolution).items()}
    assert hostnames == {"http": ("b.a.test",), "more": ("b.a.test", "c.test")}
    assert listener_status(resolution, "http")["attachedRoutes"] == 1


def test_two_parents_of_one_gateway_are_two_entries() -> None:
    """Each parentRef has a status of its own; one that fails takes nothing from the other."""
    refs = "[{name: web, sectionName: http}, {name: web, sectionName: gone}]"
    resolution = resolve(gateway(), route(parents=refs))
    assert [parent["Accepted"] for parent in parents(resolution)] == ["True/Accepted", "False/NoMatchingParent"]
    assert len(served(resolution)["http"].routes) == 1


def test_only_parents_that_are_ours_have_a_status() -> None:
    """Gateways of others, kinds of others, and what does not exist, are left out; the last is warned of."""
    refs = "[{name: web}, {name: foreign}, {name: mesh, kind: Service, group: ''}, {name: nowhere}]"
    foreign = gateway("foreign").replace("edge", "theirs")
    resolution = resolve(gateway_class(), gateway_class("theirs", "others"), gateway(), foreign, route(parents=refs))
    described = status(resolution, "HTTPRoute", "default/shop")["parents"]
    assert [parent["parentRef"]["name"] for parent in described] == ["web"]
    (warned,) = messages(resolution)
    assert "warning: HTTPRoute default/shop: no accepted document defines Gateway default/nowhere" in warned


@pytest.mark.parametrize(
    ("parent", "hint"),
    [
        (
            "{group: gateway.networking.x-k8s.io, kind: XListenerSet, name: more}",
            "write ListenerSet of gateway.networking.k8s.io/v1, which came in its place",
        ),
        ("{kind: Gatewy, name: web}", "a route's parent is a Gateway or ListenerSet of gateway.networking.k8s.io"),
        ("{group: gateway.envoyproxy.io, name: web}", "a route's parent is a Gateway or ListenerSet of"),
        ('{group: "", kind: Pod, name: web}', "no Pod of group core takes routes"),
        ('{group: "", kind: Service, name: web}', ""),
    ],
)
def test_a_parent_of_a_kind_that_takes_no_routes_is_warned_of(parent: str, hint: str) -> None:
    """But for a Service, in files that are for a mesh too; none of them has a status."""
    resolution = resolve(gateway(), route(parents=f"[{parent}]"))
    said = [message for message in messages(resolution) if "parentRefs[0]" in message]
    assert [hint in message for message in said] == ([True] if hint else [])
    assert parents(resolution) == []


def test_a_route_without_parents_is_warned_of() -> None:
    """It would do nothing, and nothing would say so."""
    resolution = resolve(gateway(), route(parents="[]"))
    assert parents(resolution) == []
    assert "has no parentRefs, so no Gateway takes it" in messages(resolution)[0]


def test_a_parent_is_described_as_an_api_server_would_fill_it_in() -> None:
    """Group and kind are written out; what the route leaves open stays open."""
    resolution = resolve(gateway(), route(parents="[{name: web}]"))
    (parent,) = status(resolution, "HTTPRoute", "default/shop")["parents"]
    assert parent["parentRef"] == {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web"}
    assert parent["controllerName"] == "ours"
    full = "[{name: web, namespace: default, sectionName: http, port: 80}]"
    (parent,) = status(resolve(gateway(), route(parents=full)), "HTTPRoute", "default/shop")["parents"]
    assert parent["parentRef"] == {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": "web",
        "namespace": "default",
        "sectionName": "http",
        "port": 80,
    }


def test_the_texts_are_what_they_seem() -> None:
    """The texts of these tests are accepted, so that what they show is not a mistake in them."""
    assert not store_problems(read(gateway(listeners=TWO), route(), namespace("a"), gateway_class()))
