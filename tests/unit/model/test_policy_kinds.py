"""The frame for policies: what a kind of policy can be for, and how several of them share a target."""

from __future__ import annotations

from typing import Any

from egxds.model.api.gateway import GATEWAY
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_kinds import TARGET_KINDS, PolicyKind, SameTarget
from egxds.model.resolve.policy_targets import PolicyBook
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.status.policy import PolicyVerdict, judge_policies
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.object_key import GroupKind
from tests.unit.model.test_policies import KINDS, limit, on
from tests.unit.model.texts import gateway, of, route
from tests.unit.model.worlds import CONTROLLER

LIMIT: GroupKind = ("shop.test", "Limit")


def state(*texts: str) -> GatewayState:
    """Return the objects in force."""
    return ObjectStore(KINDS).update(of(*texts))


def book(objects: GatewayState, same_target: SameTarget, *targets: GroupKind) -> PolicyBook:
    """Return a book of one kind of policy."""
    index = ObjectIndex()
    index.update(objects)
    made = PolicyBook(index, {LIMIT: PolicyKind(LIMIT, frozenset(targets or TARGET_KINDS), same_target)})
    made.update()
    return made


def attached(made: PolicyBook, objects: GatewayState) -> dict[str, list[str]]:
    """Return object → policies on it, with their sections."""
    return {
        item.key.kind: [f"{entry.policy.key.name}/{entry.section}" for entry in made.on(item.key)]
        for item in objects.objects()
        if item.key.group_kind in TARGET_KINDS
    }


def faults(made: PolicyBook, objects: GatewayState) -> dict[str, list[Any]]:
    """Return policy → the reasons for which it is not accepted somewhere."""
    verdicts: tuple[PolicyVerdict, ...] = judge_policies(made, {}, (), objects, CONTROLLER)
    return {verdict.policy.key.name: [fault.reason.value for fault in verdict.faults] for verdict in verdicts}


def test_policies_can_be_for_gateways_and_for_routes_of_every_kind() -> None:
    """A new kind of route is a target from its row on."""
    assert set(TARGET_KINDS) == {GATEWAY.id, *ROUTE_KINDS}


def test_of_several_at_one_target_the_oldest_is_in_force() -> None:
    """By name where no age is known (GEP-713); what is on a section is another target than what is on the whole."""
    objects = state(
        gateway(),
        route(),
        limit({"targetRefs": [on("HTTPRoute", "shop"), on("Gateway", "web", "http")]}, "b"),
        limit({"targetRefs": [on("HTTPRoute", "shop"), on("Gateway", "web")]}, "c"),
        limit({"targetSelectors": [{"kind": "HTTPRoute"}]}, "d"),
    )
    made = book(objects, SameTarget.OLDEST)
    assert attached(made, objects) == {"Gateway": ["b/http", "c/"], "HTTPRoute": ["b/"]}
    assert [
        (policy.key.name, target.key.kind, target.older.name)
        for policy, targets in made.targets
        for target in targets
        if target.older is not None
    ] == [("c", "HTTPRoute", "b"), ("d", "HTTPRoute", "b")]


def test_where_several_are_allowed_all_are_in_force() -> None:
    """Extensions get every policy that is on a target."""
    objects = state(
        gateway(),
        limit({"targetRef": on("Gateway", "web")}, "a"),
        limit({"targetRef": on("Gateway", "web")}, "b"),
    )
    assert attached(book(objects, SameTarget.ALL), objects) == {"Gateway": ["a/", "b/"]}


def test_the_younger_one_says_why_it_is_not_in_force() -> None:
    """Accepted is False with reason Conflicted, under the target."""
    objects = state(
        route(), limit({"targetRef": on("HTTPRoute", "shop")}, "a"), limit({"targetRef": on("HTTPRoute", "shop")}, "b")
    )
    found = faults(book(objects, SameTarget.OLDEST), objects)
    assert "Conflicted" not in found["a"]
    assert "Conflicted" in found["b"]


def test_a_kind_that_is_for_gateways_only_says_so_at_a_route() -> None:
    """What a kind can be for stands in its row."""
    objects = state(gateway(), route(), limit({"targetRef": on("HTTPRoute", "shop")}))
    assert faults(book(objects, SameTarget.ALL, GATEWAY.id), objects) == {"limit": ["Invalid"]}
    assert faults(book(objects, SameTarget.ALL, HTTP_ROUTE.id), objects) == {"limit": ["TargetNotFound"]}
