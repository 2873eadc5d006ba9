"""The status checks of the suite: a row each, by the names that the data has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.conformance import conditions
from tests.conformance.api_server import Key
from tests.conformance.conditions import Json
from tests.conformance.data import Step
from tests.conformance.status_reader import StatusReader
from tests.conformance.waiting import LOOK_EVERY_S, WrongForGoodError, eventually, pause

_SKIPPED = "gateway-api/skip-this-for-readiness"
_READY = tuple({"type": name, "status": "True"} for name in ("Accepted", "Programmed"))


Check = Callable[[StatusReader, Step], None]
"""Raises an AssertionError while a status is not as the step wants it."""


def check(reader: StatusReader, step: Step) -> None:
    """Wait until a status is as a step wants it."""
    row = CHECKS[step["check"]]
    eventually(lambda: row(reader, step), f"{step['check']} of {_subject(step)}")


def _subject(step: Step) -> str:
    subjects = ("gateway", "listenerset", "route", "policy", "gatewayclass", "name", "namespaces")
    return " ".join(str(step[each]) for each in subjects if each in step)


def _key(kind: str, path: str) -> Key:
    """Read `namespace/name`, also where the kind stands before it."""
    return Key.parse(kind, path.rpartition(":")[2])


def _namespaces_ready(reader: StatusReader, step: Step) -> None:
    namespaces = step["namespaces"]
    for key in (key for key in reader.server.objects if key.kind == "Gateway" and key.namespace in namespaces):
        annotations = reader.server.get(key)["metadata"].get("annotations", {})
        if annotations.get(_SKIPPED) != "true":
            _gateway_ready(reader, key)
    for namespace in namespaces:
        assert reader.pods.of(namespace), f"no pods in {namespace}"


def _gateway_ready(reader: StatusReader, key: Key) -> None:
    try:
        conditions.all_hold(_READY, reader.latest(key).get("conditions", []))
    except AssertionError as err:
        raise AssertionError(f"{key}: {err}") from None


def _latest(kind: str, field: str) -> Check:
    def latest(reader: StatusReader, step: Step) -> None:
        reader.latest(_key(kind, step[field]))

    return latest


def _latest_of_parents(kind: str) -> Check:
    def latest(reader: StatusReader, step: Step) -> None:
        reader.parents(_key(kind, step["route"]))

    return latest


def _latest_of_ancestors(reader: StatusReader, step: Step) -> None:
    reader.ancestors(_key("BackendTLSPolicy", step["policy"]))


def _condition(kind: str, field: str) -> Check:
    def has(reader: StatusReader, step: Step) -> None:
        conditions.hold(step["condition"], reader.latest(_key(kind, step[field])).get("conditions", []))

    return has


def _gateway_condition(reader: StatusReader, step: Step) -> None:
    """A stale condition is an immediate failure in the suite, which asks for current ones in a step before."""
    key = _key("Gateway", step["gateway"])
    status = reader.status(key).get("conditions", [])
    try:
        conditions.are_latest(status, reader.server.generation(key))
    except AssertionError as err:
        raise WrongForGoodError(f"{key}: {err}") from None
    conditions.hold(step["condition"], status)


def _accepted_class(reader: StatusReader, step: Step) -> None:
    status = reader.latest(_key("GatewayClass", step["name"]))
    conditions.hold({"type": "Accepted", "status": "True"}, status.get("conditions", []))


def _route_condition(kind: str, wanted: Json | None = None) -> Check:
    def has(reader: StatusReader, step: Step) -> None:
        parents = reader.parents(_key(kind, step["route"]))
        _one_holds(parents, "parentRef", step["gateway"], wanted or step["condition"])

    return has


def _one_holds(entries: Sequence[Json], field: str, name: str, wanted: Json) -> None:
    """Of the entries about one object one has a condition."""
    about = [entry for entry in entries if conditions.refers_to(entry[field], name)]
    assert about, f"status says nothing about {name}, but about {[entry[field] for entry in entries]}"
    holding = [entry for entry in about if _holds(wanted, entry["conditions"])]
    if not holding:
        conditions.hold(wanted, about[0]["conditions"])


def _holds(wanted: Json, found: Sequence[Json]) -> bool:
    try:
        conditions.hold(wanted, found)
    except AssertionError:
        return False
    return True


def _parents(kind: str) -> Check:
    def have(reader: StatusReader, step: Step) -> None:
        wanted = [{**parent, "controller_name": reader.controller_name} for parent in step["parents"]]
        parents = reader.parents(_key(kind, step["route"]))
        conditions.parents_match(wanted, parents, namespace_required=step["namespace_required"])

    return have


def _no_accepted_parents(kind: str) -> Check:
    def none(reader: StatusReader, step: Step) -> None:
        key = _key(kind, step["route"])
        parents = reader.parents(key)
        if not parents:
            for _ in range(round(1 / LOOK_EVERY_S)):
                pause()
            parents = reader.parents(key)
        assert len(parents) <= 1, f"{len(parents)} parents"
        for parent in parents:
            conditions.hold({"type": "Accepted", "status": "False"}, parent["conditions"])

    return none


def _policy_condition(wanted: Json | None = None) -> Check:
    def has(reader: StatusReader, step: Step) -> None:
        ancestors = reader.ancestors(_key("BackendTLSPolicy", step["policy"]))
        _one_holds(ancestors, "ancestorRef", step["gateway"], wanted or step["condition"])

    return has


def _listeners_match(kind: str, field: str) -> Check:
    def match(reader: StatusReader, step: Step) -> None:
        conditions.listeners_match(step["listeners"], reader.latest(_key(kind, step[field])).get("listeners", []))

    return match


def _listeners_hold(kind: str, field: str) -> Check:
    def held(reader: StatusReader, step: Step) -> None:
        listeners = reader.latest(_key(kind, step[field])).get("listeners", [])
        names = [step["listener"]] if "listener" in step else step.get("listeners", [])
        conditions.listeners_hold(step["conditions"], listeners, names)

    return held


def _zero_routes(reader: StatusReader, step: Step) -> None:
    listeners = reader.latest(_key("Gateway", step["gateway"])).get("listeners", [])
    attached = {listener["name"]: listener["attachedRoutes"] for listener in listeners}
    assert not listeners or list(attached.values()) == [0], f"attachedRoutes are {attached}"


def _attached_listener_sets(reader: StatusReader, step: Step) -> None:
    count = reader.latest(_key("Gateway", step["gateway"])).get("attachedListenerSets", 0)
    assert count == step["count"], f"attachedListenerSets is {count}, wanted {step['count']}"


_ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
_RESOLVED: Json = {"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs"}
_ACCEPTED: Json = {"type": "Accepted", "status": "True", "reason": "Accepted"}

CHECKS: Mapping[str, Check] = {
    "NamespacesMustBeReady": _namespaces_ready,
    "GWCMustHaveAcceptedConditionAny": _accepted_class,
    "GatewayClassMustHaveLatestConditions": _latest("GatewayClass", "gatewayclass"),
    "GatewayMustHaveLatestConditions": _latest("Gateway", "gateway"),
    "GatewayMustHaveCondition": _gateway_condition,
    "GatewayMustHaveZeroRoutes": _zero_routes,
    "GatewayMustHaveAttachedListeners": _attached_listener_sets,
    "GatewayStatusMustHaveListeners": _listeners_match("Gateway", "gateway"),
    "GatewayListenerMustHaveConditions": _listeners_hold("Gateway", "gateway"),
    "GatewayListenersMustHaveConditions": _listeners_hold("Gateway", "gateway"),
    "ListenerSetMustHaveCondition": _condition("ListenerSet", "listenerset"),
    "ListenerSetMustHaveLatestConditions": _latest("ListenerSet", "listenerset"),
    "ListenerSetStatusMustHaveListeners": _listeners_match("ListenerSet", "listenerset"),
    "ListenerSetListenersMustHaveConditions": _listeners_hold("ListenerSet", "listenerset"),
    "BackendTLSPolicyMustHaveCondition": _policy_condition(),
    "BackendTLSPolicyMustHaveAcceptedConditionTrue": _policy_condition(_ACCEPTED),
    "BackendTLSPolicyMustHaveLatestConditions": _latest_of_ancestors,
    "HTTPRouteMustHaveResolvedRefsConditionsTrue": _route_condition("HTTPRoute", _RESOLVED),
    **{f"{kind}MustHaveCondition": _route_condition(kind) for kind in _ROUTES},
    **{f"{kind}MustHaveParents": _parents(kind) for kind in _ROUTES},
    **{f"{kind}MustHaveNoAcceptedParents": _no_accepted_parents(kind) for kind in _ROUTES},
    **{f"{kind}MustHaveLatestConditions": _latest_of_parents(kind) for kind in _ROUTES},
}
