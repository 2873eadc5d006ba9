"""Policies that decide on access and that nobody serves: what they cover is closed, and everybody is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from egxds.model.api.kinds import KindTable
from egxds.model.api.unserved_policies import UNSERVED_POLICIES
from egxds.model.resolve.resolved import Resolution, ResolvedListener, ResolvedRule
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.store.store import ObjectStore
from egxds.settings.extensions import ExtensionManager
from tests.unit.model.test_policies import on
from tests.unit.model.texts import backend, endpoint_slice, gateway, gateway_class, of, route, service
from tests.unit.model.told import problems
from tests.unit.model.worlds import (
    CONTROLLER,
    EXTENSION_SETTINGS,
    World,
    conditions,
    listener_status,
    parents,
    resolve,
    served,
    status,
)

GROUP = "gateway.envoyproxy.io"
TWO_LISTENERS = gateway(
    listeners="""
    - {name: http, port: 80, protocol: HTTP}
    - {name: other, port: 81, protocol: HTTP}
    """
)
TWO_RULES = route(
    spec="""
    rules:
    - {name: cart, matches: [{path: {value: /cart}}], backendRefs: [{name: app, port: 80}]}
    - {matches: [{path: {value: /rest}}], backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: box}]}
    """,
    labels={"tier": "gold"},
)
BOX = backend("[{ip: {address: 10.0.0.9, port: 80}}]", "box")
EVERYTHING = (TWO_LISTENERS, TWO_RULES, service(), endpoint_slice(), BOX)


def policy(
    spec: object, kind: str = "SecurityPolicy", group: str = GROUP, version: str = "v1alpha1", name: str = "guard"
) -> str:
    """Write a policy."""
    head = f"apiVersion: {group}/{version}\nkind: {kind}\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {json.dumps(spec)}\n"


def guard(*refs: dict[str, str], **fields: Any) -> dict[str, Any]:
    """Return the spec of a policy that asks for a password."""
    return {"targetRefs": list(refs), **(fields or {"basicAuth": {"users": {"name": "users"}}})}


def tls(*refs: dict[str, str]) -> str:
    """Write a policy that asks for TLS to backends, with a mistake in it: it is served, but not so."""
    spec = guard(*refs, validation={"hostname": "a.test", "wellKnownCACertificates": "Systems"})
    return policy(spec, "BackendTLSPolicy", "gateway.networking.k8s.io", "v1")


def to_backend(kind: str, name: str, section: str = "") -> dict[str, str]:
    """Return a reference to a Service or a Backend."""
    ref = {"group": "" if kind == "Service" else GROUP, "kind": kind, "name": name}
    return {**ref, "sectionName": section} if section else ref


def closed(resolution: Resolution) -> list[str]:
    """Return everything that is closed: listeners, rules and backends, by their names."""
    listeners = [name for name, found in served(resolution).items() if is_closed(found)]
    (attached,) = served(resolution)["http"].routes.values()
    rules = [f"rule {rule.index}" for rule in attached.route.rules if rule.denials]
    return [*listeners, *rules, *(f"backend {rule.index}" for rule in attached.route.rules if _is_refused(rule))]


def is_closed(listener: ResolvedListener) -> bool:
    """Tell whether a listener is closed, to everything or to what no policy of a route is for."""
    return bool(listener.denials) or any(each.faults for each in listener.in_force)


def _is_refused(rule: ResolvedRule) -> bool:
    return any(each.refusal for each in rule.backends)


ROUTE, GATEWAY, CLASS = on("HTTPRoute", "shop"), on("Gateway", "web"), on("GatewayClass", "edge")
COVERED = {
    "a route (envoyproxy/gateway issue 5366)": (policy(guard(ROUTE)), ["rule 0", "rule 1"]),
    "a rule of it": (policy(guard(on("HTTPRoute", "shop", "cart"))), ["rule 0"]),
    "a rule that is not there, so that nobody knows which": (
        policy(guard(on("HTTPRoute", "shop", "gone"))),
        ["rule 0", "rule 1"],
    ),
    "a Gateway": (policy(guard(GATEWAY)), ["http", "other"]),
    "a listener": (policy(guard(on("Gateway", "web", "other"))), ["other"]),
    "a listener that is not there": (policy(guard(on("Gateway", "web", "gone"))), ["http", "other"]),
    "one target by the older field": (policy({"targetRef": ROUTE, "csrf": {}}), ["rule 0", "rule 1"]),
    "what labels select": (
        policy({"targetSelectors": [{"kind": "HTTPRoute", "matchLabels": {"tier": "gold"}}], "jwt": {}}),
        ["rule 0", "rule 1"],
    ),
    "what labels do not select": (
        policy({"targetSelectors": [{"kind": "HTTPRoute", "matchLabels": {"tier": "tin"}}], "jwt": {}}),
        [],
    ),
    "an extension of Envoy": (policy(guard(ROUTE, wasm=[]), "EnvoyExtensionPolicy"), ["rule 0", "rule 1"]),
    "a patch of a Gateway": (policy({"targetRef": GATEWAY, "jsonPatches": []}, "EnvoyPatchPolicy"), ["http", "other"]),
    "a patch of a class": (policy({"targetRef": CLASS, "jsonPatches": []}, "EnvoyPatchPolicy"), ["http", "other"]),
    "client certificates": (
        policy(guard(GATEWAY, tls={"clientValidation": {}}), "ClientTrafficPolicy"),
        ["http", "other"],
    ),
    "timeouts of clients": (policy(guard(GATEWAY, timeout={}, http2={}), "ClientTrafficPolicy"), []),
    "a limit of requests": (policy(guard(ROUTE, rateLimit={}), "BackendTrafficPolicy"), []),
    "retries and timeouts": (policy(guard(ROUTE, retry={}, timeout={}), "BackendTrafficPolicy"), []),
    "a field that nobody knows": (policy(guard(ROUTE, guards=1), "BackendTrafficPolicy"), ["rule 0", "rule 1"]),
    "TLS to a Service": (tls(to_backend("Service", "app")), ["backend 0"]),
    "TLS to a port of it": (tls(to_backend("Service", "app", "http")), ["backend 0"]),
    "TLS to a Backend": (tls(to_backend("Backend", "box")), ["backend 1"]),
    "something else": (policy(guard(on("HTTPRoute", "another"))), []),
}


@pytest.mark.parametrize(("text", "expected"), COVERED.values(), ids=COVERED)
def test_what_a_policy_covers_is_closed_and_nothing_else(text: str, expected: list[str]) -> None:
    """Its traffic answers 500 (envoyproxy/gateway issue 2837, PR 3869); what cannot open a door closes none."""
    assert closed(resolve(*EVERYTHING, text)) == expected


BADLY_WRITTEN = {
    "another version": policy(guard(ROUTE), version="v1"),
    "another group": policy(guard(ROUTE), group="gateway.networking.k8s.io"),
    "a kind with a slip of the pen": policy(guard(ROUTE), kind="SecurityPolicies"),
    "a target without its group": policy(guard({"kind": "HTTPRoute", "name": "shop"})),
    "a target of another group": policy(guard({"group": GROUP, "kind": "HTTPRoute", "name": "shop"})),
    "a target's kind in small letters": policy(guard({**ROUTE, "kind": "httproute"})),
    "a section that is no text": policy({"targetRefs": [{**ROUTE, "sectionName": 3}], "jwt": {}}),
    "a list where one target belongs": policy({"targetRef": [ROUTE], "jwt": {}}),
    "one target where a list belongs": policy({"targetRefs": ROUTE, "jwt": {}}),
    "another target that cannot be read": policy({"targetRefs": [7, {"name": "x"}, ROUTE], "jwt": {}}),
    "a selector that cannot be read": policy({"targetSelectors": [{"kind": "HTTPRoute", "matchLabels": 3}], "jwt": {}}),
    "a selector that is none": policy(
        {"targetSelectors": [{"kind": "HTTPRoute", "matchExpressions": [{"key": "a", "operator": "Is"}]}], "jwt": {}}
    ),
    "namespaces by a selector that is none": policy(
        {"targetSelectors": [{"kind": "HTTPRoute", "namespaces": {"from": "Selector"}}], "jwt": {}}
    ),
    "a name that no object may have": policy(guard(ROUTE), name="Guard_1"),
    "no name": policy(guard(ROUTE)).replace("name: guard", "labels: {a: b}"),
    "a number that JSON cannot write": policy(guard(ROUTE, jwt="@")).replace('"@"', ".nan"),
}


@pytest.mark.parametrize("text", BADLY_WRITTEN.values(), ids=BADLY_WRITTEN)
def test_a_badly_written_policy_closes_what_it_seems_to_cover(text: str) -> None:
    """It would be a strange lock that opens where it is fitted badly."""
    resolution = resolve(*EVERYTHING, text)
    assert closed(resolution) == ["rule 0", "rule 1"]
    assert any(problem.subject.startswith("SecurityPolicy default/") for problem in problems(resolution))


def test_a_kind_that_only_looks_like_one_closes_nothing() -> None:
    """BackendLBPolicy is one letter away from BackendTLSPolicy, and about something else."""
    text = policy(guard(to_backend("Service", "app")), "BackendLBPolicy", "gateway.networking.k8s.io", "v1alpha2")
    assert closed(resolve(*EVERYTHING, text)) == []


def test_badly_written_policies_of_one_name_are_two() -> None:
    """Without a name they are told apart by their text: none of them is passed over for the other."""
    nameless = [policy(guard(ref)).replace("name: guard", "labels: {}") for ref in (GATEWAY, ROUTE)]
    assert closed(resolve(*EVERYTHING, *nameless)) == ["http", "other", "rule 0", "rule 1"]


UNREADABLE = {
    "no targets": policy({"basicAuth": {}}),
    "no spec": f"apiVersion: {GROUP}/v1alpha1\nkind: SecurityPolicy\nmetadata: {{name: guard}}\n",
    "targets that are nothing": policy({"targetRefs": [7], "jwt": {}}),
    "a target that is not there": policy(guard(on("HTTPRoute", "gone"))),
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_policy_of_which_nobody_knows_what_it_covers_is_an_error(text: str) -> None:
    """It closes nothing, so at least `validate` fails."""
    store = ObjectStore(KindTable.of([]))
    resolution = Resolver(ResolverOptions(CONTROLLER)).resolve(state := store.update(of(*EVERYTHING, text)))
    assert closed(resolution) == []
    refused = [document for document in state.reports.values() if document.refused]
    assert refused or any(problem.severity.value == "error" for problem in problems(resolution))


def test_everybody_is_told() -> None:
    """The policy is not accepted, with the place of the target; the route says that a policy on it is not done."""
    resolution = resolve(*EVERYTHING, policy(guard(ROUTE), "EnvoyExtensionPolicy"))
    (ancestor,) = status(resolution, "EnvoyExtensionPolicy", "default/guard")["ancestors"]
    assert conditions(ancestor) == {"Accepted": "False/Invalid"}
    assert ancestor["ancestorRef"]["name"] == "web"
    assert parents(resolution)[0]["egxds.io/ServedAsWritten"] == "False/Invalid"
    (said,) = [str(problem) for problem in problems(resolution)]
    assert (
        "error: EnvoyExtensionPolicy default/guard: is not done here, and decides on what its extensions decide" in said
    )
    assert "HTTPRoute default/shop answers 500" in said


def test_a_closed_gateway_says_so_with_its_listeners() -> None:
    """The Gateway does, and those of its listeners that are closed."""
    resolution = resolve(*EVERYTHING, policy(guard(on("Gateway", "web", "other"))))
    assert conditions(status(resolution, "Gateway"))["egxds.io/ServedAsWritten"] == "False/Invalid"
    assert "egxds.io/ServedAsWritten" not in conditions(listener_status(resolution, "http"))
    assert conditions(listener_status(resolution, "other"))["egxds.io/ServedAsWritten"] == "False/Invalid"


def test_a_policy_that_comes_and_goes_closes_and_opens() -> None:
    """Also one that is for a class, and one that changes what it asks for."""
    world = World()
    texts = (*EVERYTHING, gateway_class())
    for text in (
        policy(guard(ROUTE)),
        policy(guard(GATEWAY)),
        policy({"targetRef": CLASS, "jsonPatches": []}, "EnvoyPatchPolicy"),
        tls(to_backend("Service", "app")),
        policy(guard(ROUTE, guards=1), "BackendTrafficPolicy"),
    ):
        assert closed(world.scan(*texts)) == []
        assert closed(world.scan(*texts, text)) != []
    assert closed(world.scan(*texts, policy(guard(ROUTE, retry={}), "BackendTrafficPolicy"))) == []


def test_a_target_that_comes_is_closed_and_no_longer_missed() -> None:
    """Also one that is no route and no Gateway; what is not there is said to be missing, and not to be closed."""
    world, guarding = World(), tls(to_backend("Service", "app"))
    texts = (TWO_LISTENERS, TWO_RULES, BOX, endpoint_slice(), guarding)
    missing = [str(problem) for problem in problems(world.scan(*texts)) if "guard" in problem.subject]
    assert any("no accepted document" in said for said in missing)
    resolution = world.scan(*texts, service())
    there = [str(problem) for problem in problems(resolution) if "guard" in problem.subject]
    assert not any("no accepted document" in said for said in there)
    assert any("answers 500" in said for said in there)
    assert closed(resolution) == ["backend 0"]


@pytest.mark.parametrize("kind", [row.kind for row in UNSERVED_POLICIES], ids=lambda kind: kind.kind)
def test_a_policy_that_an_extension_serves_closes_nothing(kind: Any) -> None:
    """Its kind is listed under policyResources; the hooks get it."""
    resource = {"group": kind.group, "version": kind.versions[0], "kind": kind.kind}
    extension = ExtensionManager.model_validate({**EXTENSION_SETTINGS, "policyResources": [resource]})
    kinds = KindTable.of([extension])
    resolver = Resolver(ResolverOptions(CONTROLLER, (), kinds.extension_kinds))
    text = policy(guard(ROUTE), kind.kind, kind.group, kind.versions[0])
    resolution = resolver.resolve(ObjectStore(kinds).update(of(*EVERYTHING, text)))
    assert closed(resolution) == []
    (attached,) = served(resolution)["http"].routes.values()
    assert [item.key.kind for item in attached.route.rules[0].policies] == [kind.kind]


def test_a_policy_is_for_its_own_namespace() -> None:
    """One of another namespace closes nothing here."""
    text = policy(guard(ROUTE)).replace("name: guard", "name: guard, namespace: other")
    assert closed(resolve(*EVERYTHING, text)) == []
