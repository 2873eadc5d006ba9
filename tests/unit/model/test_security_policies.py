"""SecurityPolicies: what is in force where, what cannot be done, and what people are told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from egxds.model.resolve.effective_policies import EffectivePolicy
from egxds.model.resolve.features.api_key_auth import ApiKeys
from egxds.model.resolve.features.basic_auth import Logins
from egxds.model.resolve.resolved import Resolution
from tests.unit.model.test_policies import on
from tests.unit.model.test_unserved_policies import EVERYTHING, closed, policy
from tests.unit.model.texts import grant, of
from tests.unit.model.told import problems
from tests.unit.model.worlds import World, conditions, parents, resolve, served, status

ROUTE, CART, GATEWAY = on("HTTPRoute", "shop"), on("HTTPRoute", "shop", "cart"), on("Gateway", "web")
LISTENER = on("Gateway", "web", "http")
HASH = "{SHA}Ys23Ag/5IOWqZCw9QGaVDdHwH00="
BASIC: dict[str, Any] = {"basicAuth": {"users": {"name": "users"}}}
ALLOW: dict[str, Any] = {"authorization": {"defaultAction": "Allow"}}


def users(text: str = f"foo:{HASH}", name: str = "users", namespace: str = "default", entry: str = ".htpasswd") -> str:
    """Write a Secret with users."""
    metadata = f"{{name: {name}, namespace: {namespace}}}"
    return f"apiVersion: v1\nkind: Secret\nmetadata: {metadata}\nstringData: {json.dumps({entry: text})}\n"


def secure(*targets: dict[str, str], name: str = "guard", **spec: Any) -> str:
    """Write a SecurityPolicy."""
    return policy({"targetRefs": list(targets), **(spec or BASIC)}, name=name)


def at_rules(resolution: Resolution, listener: str = "http") -> list[EffectivePolicy | None]:
    """Return what is in force at the rules of the route: its own, or merged, else what is in force at a listener."""
    found = served(resolution)[listener]
    (attached,) = found.routes.values()
    in_force = (attached.merged.get(rule.index, rule.in_force) or found.in_force for rule in attached.route.rules)
    return [next(iter(each), None) for each in in_force]


def names(resolution: Resolution, listener: str = "http") -> list[list[str]]:
    """Return the names of the policies that are in force at the rules of the route."""
    return [[key.name for key in each.policies] if each is not None else [] for each in at_rules(resolution, listener)]


def features(resolution: Resolution, listener: str = "http") -> list[list[str]]:
    """Return the features that are in force at the rules of the route."""
    return [sorted(each.settings) if each is not None else [] for each in at_rules(resolution, listener)]


IN_FORCE: dict[str, tuple[list[str], list[list[str]]]] = {
    "a Gateway's": ([secure(GATEWAY)], [["guard"], ["guard"]]),
    "a listener's before it": (
        [secure(GATEWAY), secure(LISTENER, name="inner")],
        [["inner"], ["inner"]],
    ),
    "a route's before that": (
        [secure(LISTENER), secure(ROUTE, name="inner")],
        [["inner"], ["inner"]],
    ),
    "a rule's before that": ([secure(ROUTE), secure(CART, name="inner")], [["inner"], ["guard"]]),
    "the older of two": ([secure(ROUTE, name="b"), secure(ROUTE, name="a")], [["a"], ["a"]]),
    "one that is merged over the Gateway's": (
        [secure(GATEWAY), secure(ROUTE, name="inner", mergeType="StrategicMerge", **ALLOW)],
        [["inner", "guard"], ["inner", "guard"]],
    ),
    "a rule's that is merged, and not over its route's": (
        [secure(GATEWAY), secure(ROUTE, name="b"), secure(CART, name="a", mergeType="JSONMerge", **ALLOW)],
        [["a", "guard"], ["b"]],
    ),
    "one that is to replace": (
        [secure(GATEWAY), secure(ROUTE, name="a", mergeType="Replace", **ALLOW)],
        [["a"], ["a"]],
    ),
    "one that is merged over nothing": (
        [secure(ROUTE, mergeType="StrategicMerge", **ALLOW)],
        [["guard"], ["guard"]],
    ),
}


@pytest.mark.parametrize(("texts", "expected"), IN_FORCE.values(), ids=IN_FORCE)
def test_the_most_specific_policy_is_in_force(texts: list[str], expected: list[list[str]]) -> None:
    """It replaces those above as a whole, unless it asks to be merged (Envoy Gateway, mergeType)."""
    assert names(resolve(*EVERYTHING, users(), *texts)) == expected


def test_what_is_merged_asks_for_all_that_the_two_ask_for() -> None:
    """And for what only the one asks where the other is not in force."""
    inner = secure(ROUTE, name="inner", mergeType="StrategicMerge", **ALLOW)
    found = resolve(*EVERYTHING, users(), secure(LISTENER), inner)
    assert features(found) == [["authorization", "basicAuth"]] * 2
    assert features(found, "other") == [["authorization"]] * 2


def test_what_is_merged_refers_to_objects_where_it_was_written() -> None:
    """The one below replaces a Secret by its own; what it does not name stays that of the one above."""
    other = f"bar:{HASH}"
    inner = secure(ROUTE, name="inner", mergeType="JSONMerge", basicAuth={"users": {"name": "others"}})
    found = resolve(*EVERYTHING, users(), users(other, "others"), secure(GATEWAY), inner)
    (first, _) = at_rules(found)
    assert first is not None
    assert first.settings["basicAuth"] == Logins(other)


DENIED: dict[str, tuple[list[str], str]] = {
    "a Secret that is not there": ([], "no accepted document defines Secret default/users"),
    "a Secret without the entry": ([users(entry="auth")], "has no user under .htpasswd"),
    "no user": ([users("# nobody\n\n")], "has no user under .htpasswd"),
    "bcrypt": ([users("ok:" + HASH + "\nfoo:$2y$05$abc")], "line 2 of .htpasswd has a password in a form"),
    "no colon": ([users("foo")], "line 1 of .htpasswd is no user"),
    "no SHA-1": ([users("foo:{SHA}abc=")], "line 1 of .htpasswd has no SHA-1"),
    "a user twice": ([users(f"foo:{HASH}\n\nfoo:{HASH}")], "line 3 of .htpasswd is for a user"),
}


@pytest.mark.parametrize(("texts", "message"), DENIED.values(), ids=DENIED)
def test_a_policy_that_cannot_be_done_denies_what_it_covers(texts: list[str], message: str) -> None:
    """And says why, without what is in the Secret."""
    found = resolve(*EVERYTHING, *texts, secure(ROUTE))
    assert closed(found) == ["rule 0", "rule 1"]
    (said,) = {str(problem) for problem in problems(found) if "guard" in problem.subject}
    assert message in said
    assert "foo" not in said
    assert conditions(status(found, "SecurityPolicy", "default/guard")["ancestors"][0])["Accepted"] == "False/Invalid"


KEYS: dict[str, Any] = {"credentialRefs": [{"name": "keys"}], "extractFrom": [{"headers": ["x-key"]}]}


def keys(name: str = "keys", **clients: str) -> str:
    """Write a Secret with keys of clients."""
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {json.dumps(clients)}\n"


def test_the_first_key_of_a_client_counts() -> None:
    """In the order of credentialRefs (Envoy Gateway, APIKeyAuth)."""
    refs = {"credentialRefs": [{"name": "keys"}, {"name": "more"}]}
    texts = keys(ann="a"), keys("more", ann="b", bob="c")
    found = resolve(*EVERYTHING, *texts, secure(ROUTE, apiKeyAuth={**KEYS, **refs}))
    (first, _) = at_rules(found)
    assert first is not None
    setting = first.settings["apiKeyAuth"]
    assert isinstance(setting, ApiKeys)
    assert setting.clients == (("ann", "a"), ("bob", "c"))
    assert "'a'" not in repr(setting)


NO_KEYS: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "a Secret that is not there": ([], KEYS, "no accepted document defines Secret default/keys"),
    "no key at all": ([keys()], KEYS, "no Secret has a key"),
    "an empty key": ([keys(ann="")], KEYS, "a key is empty"),
    "one key for two": ([keys(ann="seekrit", bob="seekrit")], KEYS, "that of another client"),
    "two ways to look for keys": (
        [keys(ann="seekrit")],
        {**KEYS, "extractFrom": [{"headers": ["a"], "cookies": ["b"]}]},
        "give one of headers, params and cookies",
    ),
    "no way to look for keys": ([keys(ann="seekrit")], {**KEYS, "extractFrom": []}, "extractFrom"),
}


@pytest.mark.parametrize(("texts", "asked", "message"), NO_KEYS.values(), ids=NO_KEYS)
def test_keys_that_cannot_be_had_deny(texts: list[str], asked: dict[str, Any], message: str) -> None:
    """And nobody is shown one."""
    world = World()
    state = world.store.update(of(*EVERYTHING, *texts, secure(ROUTE, apiKeyAuth=asked)))
    found = world.resolver.resolve(state)
    assert closed(found) == ["rule 0", "rule 1"]
    refused = [problem for report in state.reports.values() for problem in report.problems]
    said = " ".join(map(str, (*refused, *problems(found))))
    assert message in said
    assert "seekrit" not in said


UNSERVED = ["oidc", "csrf"]


@pytest.mark.parametrize("field", UNSERVED)
@pytest.mark.parametrize("value", [{}, {"a": 1}])
def test_a_feature_that_is_not_served_denies(field: str, value: object) -> None:
    """Whatever it says; the error names its place."""
    found = resolve(*EVERYTHING, users(), secure(GATEWAY, **{**BASIC, field: value}))
    assert closed(found) == ["http", "other"]


WRONG: dict[str, dict[str, Any]] = {
    "an unknown field": {"basicauth": {}},
    "an unknown field below": {"basicAuth": {"users": {"name": "users"}, "realm": "x"}},
    "a range that is none": {"authorization": {"rules": [{"action": "Allow", "principal": {"clientCIDRs": ["10"]}}]}},
    "a rule for everybody": {"authorization": {"rules": [{"action": "Allow"}]}},
    "a JWT of nobody": {"authorization": {"rules": [{"action": "Allow", "principal": {"jwt": {}}}]}},
    "a pattern that is none": {
        "authorization": {
            "rules": [{"action": "Deny", "operation": {"path": {"type": "RegularExpression", "value": "("}}}]
        }
    },
    "an action that is none": {"authorization": {"defaultAction": "deny"}},
    "a merge of a Gateway's policy": {"mergeType": "JSONMerge", **BASIC},
}


@pytest.mark.parametrize("spec", WRONG.values(), ids=WRONG)
def test_a_mistake_denies(spec: dict[str, Any]) -> None:
    """It was to keep somebody out."""
    assert closed(resolve(*EVERYTHING, users(), secure(GATEWAY, **spec))) == ["http", "other"]


def test_what_is_replaced_may_be_broken() -> None:
    """The listener is denied to what no policy of a route is for."""
    found = resolve(*EVERYTHING, secure(GATEWAY), secure(ROUTE, name="inner", **ALLOW))
    assert closed(found) == ["http", "other"]
    assert [each.faults for each in at_rules(found) if each is not None] == [(), ()]


def test_what_is_merged_over_something_broken_is_broken() -> None:
    """Unless it brings what is broken itself."""
    inner = secure(ROUTE, name="inner", mergeType="StrategicMerge", **ALLOW)
    found = resolve(*EVERYTHING, secure(LISTENER), inner)
    assert [bool(each.faults) for each in at_rules(found) if each is not None] == [True, True]
    assert [bool(each.faults) for each in at_rules(found, "other") if each is not None] == [False, False]
    assert parents(found)[0]["egxds.io/ServedAsWritten"] == "False/Invalid"
    (ancestor,) = status(found, "SecurityPolicy", "default/inner")["ancestors"]
    assert conditions(ancestor)["Accepted"] == "False/Invalid"
    whole = secure(ROUTE, name="inner", mergeType="StrategicMerge", basicAuth={"users": {"name": "others"}})
    found = resolve(*EVERYTHING, users(name="others"), secure(LISTENER), whole)
    assert [bool(each.faults) for each in at_rules(found) if each is not None] == [False, False]


def test_what_is_merged_over_a_policy_for_nothing_is_denied() -> None:
    """Nobody knows for which listener that one was meant."""
    inner = secure(ROUTE, name="inner", mergeType="StrategicMerge", **ALLOW)
    found = resolve(*EVERYTHING, users(), secure(on("Gateway", "web", "gone")), inner)
    assert [bool(each.faults) for each in at_rules(found) if each is not None] == [True, True]


def test_a_secret_of_another_namespace_needs_a_grant() -> None:
    """Without one it is not even looked for (Gateway API, ReferenceGrant)."""
    there = users(namespace="vault")
    spec: dict[str, Any] = {"basicAuth": {"users": {"name": "users", "namespace": "vault"}}}
    world = World()
    assert closed(world.scan(*EVERYTHING, there, secure(ROUTE, **spec))) == ["rule 0", "rule 1"]
    given = grant(
        "vault",
        "[{group: gateway.envoyproxy.io, kind: SecurityPolicy, namespace: default}]",
        "[{group: '', kind: Secret}]",
    )
    assert closed(world.scan(*EVERYTHING, there, given, secure(ROUTE, **spec))) == []


def test_a_secret_that_goes_closes_and_one_that_comes_opens() -> None:
    """Also where a policy is merged over one that needs it."""
    world = World()
    inner = secure(ROUTE, name="inner", mergeType="StrategicMerge", **ALLOW)
    for texts in ([secure(ROUTE)], [secure(GATEWAY), inner]):
        for secret, is_denied in ([users()], False), ([], True), ([users()], False):
            found = world.scan(*EVERYTHING, *secret, *texts)
            assert [bool(each.faults) for each in at_rules(found) if each is not None] == [is_denied] * 2


TOLD: dict[str, tuple[list[str], dict[str, dict[str, str]]]] = {
    "one alone": ([secure(GATEWAY, name="a")], {"a": {"Accepted": "True/Accepted"}}),
    "one target by the older field": (
        [policy({"targetRef": GATEWAY, **BASIC}, name="a")],
        {"a": {"Accepted": "True/Accepted", "Warning": "True/DeprecatedField"}},
    ),
    "one that a route's replaces": (
        [secure(GATEWAY, name="a"), secure(ROUTE, name="b")],
        {"a": {"Accepted": "True/Accepted", "Overridden": "True/Overridden"}, "b": {"Accepted": "True/Accepted"}},
    ),
    "one that a listener's replaces": (
        [secure(GATEWAY, name="a"), secure(on("Gateway", "web", "other"), name="b")],
        {"a": {"Accepted": "True/Accepted", "Overridden": "True/Overridden"}, "b": {"Accepted": "True/Accepted"}},
    ),
    "one that a rule's replaces": (
        [secure(ROUTE, name="a"), secure(CART, name="b")],
        {"a": {"Accepted": "True/Accepted", "Overridden": "True/Overridden"}, "b": {"Accepted": "True/Accepted"}},
    ),
    "one that a route's is merged over": (
        [secure(GATEWAY, name="a"), secure(ROUTE, name="b", mergeType="JSONMerge", **ALLOW)],
        {
            "a": {"Accepted": "True/Accepted", "Merged": "True/Merged"},
            "b": {"Accepted": "True/Accepted", "Merged": "True/Merged"},
        },
    ),
    "two for one target": (
        [secure(ROUTE, name="a"), secure(ROUTE, name="b")],
        {"a": {"Accepted": "True/Accepted"}, "b": {"Accepted": "False/Conflicted"}},
    ),
    "a rule that is not there": (
        [secure(on("HTTPRoute", "shop", "gone"), name="a")],
        {"a": {"Accepted": "False/TargetNotFound"}},
    ),
}


@pytest.mark.parametrize(("texts", "expected"), TOLD.values(), ids=TOLD)
def test_the_status_says_what_is_in_force(texts: list[str], expected: dict[str, dict[str, str]]) -> None:
    """As Envoy Gateway writes it: Accepted, Overridden, Merged, Conflicted."""
    found = resolve(*EVERYTHING, users(), *texts)
    told = {name: conditions(status(found, "SecurityPolicy", f"default/{name}")["ancestors"][0]) for name in expected}
    assert told == expected


def test_the_status_follows_policies_that_come_and_go() -> None:
    """Those above are told of it, though nothing of them changed."""
    world, above = World(), secure(GATEWAY, name="a")
    for below, expected in ([], "none"), ([secure(ROUTE, name="b")], "True/Overridden"), ([], "none"):
        found = world.scan(*EVERYTHING, users(), above, *below)
        told = conditions(status(found, "SecurityPolicy", "default/a")["ancestors"][0])
        assert told.get("Overridden", "none") == expected
