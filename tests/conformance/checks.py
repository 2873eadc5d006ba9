"""The status checks of the suite: a row each, by the names that the data has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from tests.conformance import conditions
from tests.conformance.api_server import ApiServer, Key
from tests.conformance.conditions import Json
from tests.conformance.data import Step
from tests.conformance.pods import Pods
from tests.conformance.waiting import LOOK_EVERY_S, WrongForGoodError, eventually, pause
from tests.envoy.daemon import Daemon

_SKIPPED = "gateway-api/skip-this-for-readiness"
_READY = ("Accepted", "Programmed")
_SERVED = tuple({"type": name, "status": "True", "reason": ""} for name in ("ResolvedRefs", "Accepted", "Programmed"))
_GATEWAY_API = "gateway.networking.k8s.io"


@dataclass(frozen=True)
class StatusReader:
    """Reads what the daemon says of objects, beside what they are.

    Attributes:
        controller_name: of the run's GatewayClass.
    """

    daemon: Daemon
    server: ApiServer
    pods: Pods
    controller_name: str

    def status(self, key: Key) -> Json:
        """Return the status of an object.

        Raises:
            AssertionError: the daemon does not show it.
        """
        query = {"kind": key.kind, "name": key.name, **({"namespace": key.namespace} if key.namespace else {})}
        answer = self.daemon.admin(f"/api/v1/objects?{urlencode(query)}")
        assert answer.status == HTTPStatus.OK, f"egxds shows no {key}: {answer.json['error'].partition(';')[0]}"
        assert answer.json["items"], f"egxds shows no {key}"
        status: Json = answer.json["items"][0].get("status") or {}
        return status

    def latest(self, key: Key) -> Json:
        """Return the status of an object whose conditions are all of its generation."""
        status = self.status(key)
        conditions.are_latest(status.get("conditions", []), self.server.generation(key))
        return status

    def parents(self, key: Key) -> Sequence[Json]:
        """Return the parents of a route, whose conditions are all of its generation."""
        parents: Sequence[Json] = self.status(key).get("parents", [])
        for parent in parents:
            conditions.are_latest(parent["conditions"], self.server.generation(key))
        return parents

    def address(self, gateway: str) -> str:
        """Return the first address of a Gateway that has a type.

        Args:
            gateway: `namespace/name`.
        """
        key = Key.parse("Gateway", gateway)
        addresses = self.latest(key).get("addresses", [])
        typed = [address["value"] for address in addresses if address.get("type")]
        assert typed, f"{key} has no address with a type, but {addresses}"
        return str(typed[0])


Check = Callable[[StatusReader, Step], None]
"""Raises an AssertionError while a status is not as the step wants it."""


def check(reader: StatusReader, step: Step) -> None:
    """Wait until a status is as a step wants it."""
    name = step["check"]
    row = CHECKS.get(name)
    if row is None:
        raise WrongForGoodError(f"the replay has no check {name!r}: add a row to CHECKS")
    eventually(lambda: row(reader, step), f"{name} of {_subject(step)}")


def routes_accepted(
    reader: StatusReader, parent: Key, kind: str, routes: Sequence[str], *, wants_listeners: bool = True
) -> None:
    """Wait until routes are accepted by a parent, and all its listeners serve."""
    wanted = {
        "parent_ref": {"group": _GATEWAY_API, "kind": parent.kind, "name": parent.name, "namespace": parent.namespace},
        "controller_name": reader.controller_name,
        "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted"}],
    }
    for key in (Key.parse(kind, route) for route in routes):
        required = key.namespace != parent.namespace

        def is_accepted(key: Key = key, required: bool = required) -> None:
            conditions.parents_match([wanted], reader.parents(key), namespace_required=required)

        eventually(is_accepted, f"{key} is accepted by {parent}")
    if wants_listeners:
        serve = lambda: conditions.listeners_hold(_SERVED, reader.status(parent).get("listeners", []))  # noqa: E731
        eventually(serve, f"the listeners of {parent} serve")


def _subject(step: Step) -> str:
    subjects = ("gateway", "listenerset", "route", "policy", "gatewayclass", "name", "namespaces")
    return " ".join(str(step[each]) for each in subjects if each in step)


def _key(kind: str, path: str) -> Key:
    """Read `namespace/name`, also where the kind stands before it."""
    return Key.parse(kind, path.rpartition(":")[2])


def _namespaces_ready(reader: StatusReader, step: Step) -> None:
    gateways = [key for key in reader.server.objects if key.kind == "Gateway" and key.namespace in step["namespaces"]]
    for key in gateways:
        annotations = reader.server.get(key)["metadata"].get("annotations", {})
        if annotations.get(_SKIPPED) != "true":
            ready = [{"type": name, "status": "True"} for name in _READY]
            _of(key, lambda key=key, ready=ready: conditions.all_hold(ready, reader.latest(key)["conditions"]))  # type: ignore[misc]
    for namespace in step["namespaces"]:
        assert reader.pods.of(namespace), f"no pods in {namespace}"


def _of(key: Key, compare: Callable[[], None]) -> None:
    try:
        compare()
    except AssertionError as err:
        raise AssertionError(f"{key}: {err}") from None


def _latest(kind: str, field: str) -> Check:
    def latest(reader: StatusReader, step: Step) -> None:
        reader.latest(_key(kind, step[field]))

    return latest


def _latest_of_parents(kind: str) -> Check:
    return lambda reader, step: _ignored(reader.parents(_key(kind, step["route"])))


def _latest_of_ancestors(reader: StatusReader, step: Step) -> None:
    _ancestors(reader, _key("BackendTLSPolicy", step["policy"]))


def _ignored(_value: object) -> None:
    """The reading was the check."""


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


def _ancestors(reader: StatusReader, key: Key) -> Sequence[Json]:
    ancestors: Sequence[Json] = reader.status(key).get("ancestors", [])
    for ancestor in ancestors:
        conditions.are_latest(ancestor["conditions"], reader.server.generation(key))
    return ancestors


def _policy_condition(wanted: Json | None = None) -> Check:
    def has(reader: StatusReader, step: Step) -> None:
        ancestors = _ancestors(reader, _key("BackendTLSPolicy", step["policy"]))
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
