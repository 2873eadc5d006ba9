"""Policies of extensions: what they are on, who gets them, and what their status says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from egxds.model.api.kinds import KindTable
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.store.store import ObjectStore
from egxds.settings.extensions import ExtensionManager
from tests.unit.model.texts import gateway, grant, namespace, of, route
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import CONTROLLER, EXTENSION_SETTINGS, World, conditions, messages, status, the_gateway

LIMIT_KIND = {"group": "shop.test", "version": "v1", "kind": "Limit"}
EXTENSION = ExtensionManager.model_validate({**EXTENSION_SETTINGS, "policyResources": [LIMIT_KIND]})
KINDS = KindTable.of([EXTENSION])

TWO_LISTENERS = gateway(
    listeners="""
    - {name: http, port: 80, protocol: HTTP}
    - {name: other, port: 81, protocol: HTTP}
    """
)
TWO_RULES = route(
    spec="""
    rules:
    - {name: cart, matches: [{path: {value: /cart}}]}
    - {matches: [{path: {value: /rest}}]}
    """,
    labels={"tier": "gold"},
)
EVERYTHING = (TWO_LISTENERS, TWO_RULES)


def limit(spec: dict[str, Any], name: str = "limit", space: str = "default") -> str:
    """Write a policy; its spec stands on line 4."""
    metadata = json.dumps({"name": name, "namespace": space})
    return f"apiVersion: shop.test/v1\nkind: Limit\nmetadata: {metadata}\nspec: {json.dumps(spec)}\n"


def on(kind: str, name: str, section: str = "") -> dict[str, str]:
    """Return a reference to an object, or to a section of it."""
    ref = {"group": "gateway.networking.k8s.io", "kind": kind, "name": name}
    return {**ref, "sectionName": section} if section else ref


def world() -> World:
    """Return a world in which an extension has policies."""
    return World(ObjectStore(KINDS), Resolver(ResolverOptions(CONTROLLER, (), KINDS.extension_kinds)))


def resolve(*texts: str) -> Resolution:
    """Resolve one file of documents."""
    return world().scan(*texts)


def names_of(policies: Any) -> list[str]:
    """Return the names of policies."""
    return [policy.key.name for policy in policies]


def at_listeners(resolution: Resolution) -> dict[str, list[str]]:
    """Return listener → its policies, the Gateway's as a whole under an empty name."""
    found = the_gateway(resolution)
    return {"": names_of(found.policies)} | {each.name: names_of(each.policies) for each in found.listeners}


def at_rules(resolution: Resolution) -> list[list[str]]:
    """Return the policies of each rule of the one route."""
    attached = next(iter(the_gateway(resolution).listeners[0].routes.values()))
    return [names_of(rule.policies) for rule in attached.route.rules]


def ancestors(resolution: Resolution, name: str = "default/limit") -> list[tuple[str, str, str]]:
    """Return kind, name with section, and `status/reason` of each ancestor of a policy."""
    found = []
    for entry in status(resolution, "Limit", name)["ancestors"]:
        ref = entry["ancestorRef"]
        assert ref["group"] == "gateway.networking.k8s.io" or ref["kind"] == "Service"
        assert entry["controllerName"] == CONTROLLER
        place = f"{ref['namespace']}/{ref['name']}" + (f"/{ref['sectionName']}" if "sectionName" in ref else "")
        found.append((ref["kind"], place, conditions(entry)["Accepted"]))
    return found


ACCEPTED = "True/Accepted"
NOT_FOUND = "False/TargetNotFound"


@pytest.mark.parametrize(
    ("ref", "listeners", "rules", "ancestor"),
    [
        pytest.param(
            on("Gateway", "web"),
            {"": ["limit"], "http": ["limit"], "other": ["limit"]},
            [[], []],
            ("Gateway", "default/web", ACCEPTED),
            id="Gateway",
        ),
        pytest.param(
            on("Gateway", "web", "other"),
            {"": ["limit"], "http": [], "other": ["limit"]},
            [[], []],
            ("Gateway", "default/web/other", ACCEPTED),
            id="listener",
        ),
        pytest.param(
            on("HTTPRoute", "shop"),
            {"": [], "http": [], "other": []},
            [["limit"], ["limit"]],
            ("Gateway", "default/web", ACCEPTED),
            id="HTTPRoute",
        ),
        pytest.param(
            on("HTTPRoute", "shop", "cart"),
            {"": [], "http": [], "other": []},
            [["limit"], []],
            ("Gateway", "default/web", ACCEPTED),
            id="rule",
        ),
        pytest.param(
            on("Gateway", "web", "gone"),
            {"": [], "http": [], "other": []},
            [[], []],
            ("Gateway", "default/web/gone", NOT_FOUND),
            id="no such listener",
        ),
        pytest.param(
            on("HTTPRoute", "shop", "gone"),
            {"": [], "http": [], "other": []},
            [[], []],
            ("Gateway", "default/web", NOT_FOUND),
            id="no such rule",
        ),
        pytest.param(
            on("Gateway", "gone"),
            {"": [], "http": [], "other": []},
            [[], []],
            ("Gateway", "default/gone", NOT_FOUND),
            id="no such Gateway",
        ),
        pytest.param(
            on("HTTPRoute", "gone"),
            {"": [], "http": [], "other": []},
            [[], []],
            ("HTTPRoute", "default/gone", NOT_FOUND),
            id="no such HTTPRoute",
        ),
        pytest.param(
            {"group": "", "kind": "Service", "name": "app"},
            {"": [], "http": [], "other": []},
            [[], []],
            ("Service", "default/app", "False/Invalid"),
            id="a kind that has no policies",
        ),
    ],
)
@pytest.mark.parametrize("form", ["targetRef", "targetRefs"])
def test_a_policy_is_where_its_reference_says(
    form: str,
    ref: dict[str, str],
    listeners: dict[str, list[str]],
    rules: list[list[str]],
    ancestor: tuple[str, str, str],
) -> None:
    """A Gateway or a listener of it, a route or a rule of it; what is not there is said, and gets nobody a policy."""
    resolution = resolve(*EVERYTHING, limit({form: ref if form == "targetRef" else [ref]}))
    assert at_listeners(resolution) == listeners
    assert at_rules(resolution) == rules
    assert ancestors(resolution) == [ancestor]
    assert (messages(resolution) == []) == (ancestor[2] == ACCEPTED)


def test_what_is_not_reached_is_reported_where_the_policy_says_it() -> None:
    """With file and line, and with what there is instead."""
    resolution = resolve(TWO_LISTENERS, limit({"targetRefs": [on("Gateway", "web", "htp")]}))
    line = TWO_LISTENERS.count("\n") + 1 + 4
    message = "Gateway default/web has no listener htp; its listeners: http, other"
    assert messages(resolution) == [f"a.yaml:{line}: error: Limit default/limit: {message}"]


def test_the_own_policies_of_a_section_come_first_and_the_older_before_the_younger() -> None:
    """A rule's before its route's, a listener's before its Gateway's, and none twice."""
    resolution = resolve(
        *EVERYTHING,
        limit({"targetRefs": [on("HTTPRoute", "shop"), on("Gateway", "web")]}, "a"),
        limit({"targetRefs": [on("HTTPRoute", "shop", "cart"), on("Gateway", "web", "http")]}, "b"),
        limit({"targetRefs": [on("HTTPRoute", "shop", "cart"), on("HTTPRoute", "shop")]}, "c"),
    )
    assert at_rules(resolution) == [["b", "c", "a"], ["a", "c"]]
    assert at_listeners(resolution) == {"": ["b", "a"], "http": ["b", "a"], "other": ["a"]}


@pytest.mark.parametrize(
    ("selector", "rules"),
    [
        ({"kind": "HTTPRoute", "matchLabels": {"tier": "gold"}}, [["limit"], ["limit"]]),
        ({"kind": "HTTPRoute"}, [["limit"], ["limit"]]),
        ({"kind": "HTTPRoute", "matchExpressions": [{"key": "tier", "operator": "Exists"}]}, [["limit"], ["limit"]]),
        ({"kind": "HTTPRoute", "matchLabels": {"tier": "tin"}}, [[], []]),
        ({"kind": "HTTPRoute", "group": "other.test"}, [[], []]),
        ({"kind": "Gateway"}, [[], []]),
    ],
)
def test_a_policy_selects_by_labels(selector: dict[str, Any], rules: list[list[str]]) -> None:
    """Of the kind that the selector names, all of whose conditions hold."""
    resolution = resolve(*EVERYTHING, limit({"targetSelectors": [selector]}))
    assert at_rules(resolution) == rules


def test_a_selector_that_selects_nothing_is_doubted() -> None:
    """It may be meant for what is yet to come, so it is a warning."""
    (message,) = messages(
        resolve(*EVERYTHING, limit({"targetSelectors": [{"kind": "Gateway", "matchLabels": {"a": "b"}}]}))
    )
    assert "warning" in message
    assert "selects nothing" in message


def test_a_policy_without_targets_is_doubted() -> None:
    """No hook gets it, whatever it says."""
    resolution = resolve(*EVERYTHING, limit({"rate": 3}))
    (message,) = messages(resolution)
    assert "names no target" in message
    assert ancestors(resolution) == []


GRANT = grant(
    "default",
    "[{group: shop.test, kind: Limit, namespace: staff}]",
    "[{group: gateway.networking.k8s.io, kind: HTTPRoute}]",
)


@pytest.mark.parametrize(
    ("namespaces", "more", "rules"),
    [
        pytest.param({"from": "All"}, (GRANT,), [["limit"], ["limit"]], id="all, permitted"),
        pytest.param({"from": "All"}, (), [[], []], id="all, not permitted"),
        pytest.param({"from": "Same"}, (GRANT,), [[], []], id="its own only"),
        pytest.param(
            {"from": "Selector", "selector": {"matchLabels": {"open": "yes"}}},
            (GRANT, namespace("default", open="yes")),
            [["limit"], ["limit"]],
            id="selected, permitted",
        ),
        pytest.param(
            {"from": "Selector", "selector": {"matchLabels": {"open": "yes"}}}, (GRANT,), [[], []], id="not selected"
        ),
    ],
)
def test_a_selector_looks_into_other_namespaces_only_where_it_is_let(
    namespaces: dict[str, Any], more: tuple[str, ...], rules: list[list[str]]
) -> None:
    """The selector must ask for it, and a ReferenceGrant there must permit it."""
    selector = {"kind": "HTTPRoute", "namespaces": namespaces}
    resolution = resolve(*EVERYTHING, *more, limit({"targetSelectors": [selector]}, space="staff"))
    assert at_rules(resolution) == rules


def test_a_reference_stays_in_the_policys_own_namespace() -> None:
    """A policy elsewhere cannot name the Gateway of another namespace."""
    resolution = resolve(*EVERYTHING, limit({"targetRefs": [on("Gateway", "web")]}, space="staff"))
    assert at_listeners(resolution) == {"": [], "http": [], "other": []}
    assert ancestors(resolution, "staff/limit") == [("Gateway", "staff/web", NOT_FOUND)]


def test_a_policy_on_a_route_has_an_ancestor_for_each_gateway_that_the_route_names() -> None:
    """One that does not take the route is where the policy has no effect."""
    texts = (
        TWO_LISTENERS,
        gateway("closed", "- {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: None}}}"),
        route(parents="[{name: web, sectionName: other}, {name: closed}]"),
        limit({"targetRefs": [on("HTTPRoute", "shop")]}),
    )
    assert ancestors(resolve(*texts)) == [
        ("Gateway", "default/web/other", ACCEPTED),
        ("Gateway", "default/closed", NOT_FOUND),
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"targetRefs": [{"kind": "Gateway", "name": "web"}]}, "spec.targetRefs[0]: group is missing"),
        ({"targetRefs": {"kind": "Gateway"}}, "spec.targetRefs: must be a list"),
        ({"targetSelectors": [{}]}, "spec.targetSelectors[0]: kind is missing"),
        (
            {"targetSelectors": [{"kind": "Gateway", "namespaces": {"from": "Selector"}}]},
            "spec.targetSelectors[0].namespaces.from: from: Selector needs a selector",
        ),
    ],
)
def test_targets_that_cannot_be_read_refuse_the_policy(spec: dict[str, Any], message: str) -> None:
    """As an API server would; what else a policy says is its extension's affair."""
    state = ObjectStore(KINDS).update(of(limit({**spec, "anything": [1]})))
    assert [problem.message for problem in store_problems(state)] == [message]
    assert not state.policies


def test_only_what_a_policy_touches_is_followed_again() -> None:
    """A new policy on one route leaves the other the very object that it was."""
    here = world()
    other = route("other")
    before = here.scan(*EVERYTHING, other)
    followed = here.resolver.routes_followed
    after = here.scan(*EVERYTHING, other, limit({"targetRefs": [on("HTTPRoute", "shop")]}))
    assert here.resolver.routes_followed == followed + 1
    kept = [
        [
            attached.route
            for attached in the_gateway(seen).listeners[0].routes.values()
            if attached.route.route.key.name == "other"
        ]
        for seen in (before, after)
    ]
    assert kept[0][0] is kept[1][0]


def test_a_policy_that_is_taken_back_leaves_its_route() -> None:
    """And a change of the policy reaches it."""
    here = world()
    text = limit({"targetRefs": [on("HTTPRoute", "shop")], "rate": 1})
    here.scan(*EVERYTHING, text)
    changed = here.scan(*EVERYTHING, text.replace('"rate": 1', '"rate": 2'))
    (policy,) = next(iter(the_gateway(changed).listeners[0].routes.values())).route.rules[1].policies
    assert b'"rate":2' in policy.content.document
    assert at_rules(here.scan(*EVERYTHING)) == [[], []]


def test_a_kind_may_be_a_policy_and_a_filter() -> None:
    """Its objects are then found by either way."""
    both = {**EXTENSION_SETTINGS, "resources": [LIMIT_KIND], "policyResources": [LIMIT_KIND]}
    kinds = KindTable.of([ExtensionManager.model_validate(both)])
    named = {"type": "ExtensionRef", "extensionRef": {"group": "shop.test", "kind": "Limit", "name": "limit"}}
    texts = (TWO_LISTENERS, route(spec=f"rules: [{{filters: [{json.dumps(named)}]}}]"), limit({"rate": 3}))
    state = ObjectStore(kinds).update(of(*texts))
    resolution = Resolver(ResolverOptions(CONTROLLER, (), kinds.extension_kinds)).resolve(state)
    (rule,) = next(iter(the_gateway(resolution).listeners[0].routes.values())).route.rules
    assert names_of(rule.extensions) == ["limit"]
    assert rule.refusal == ""
