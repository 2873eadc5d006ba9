"""Conditions, listeners and parents of a status, compared as the suite compares them.

Every comparison raises an AssertionError that says what was seen instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Condition = Mapping[str, Any]
Json = Mapping[str, Any]


def shown(conditions: Iterable[Condition]) -> str:
    """Say conditions in short: `Accepted=True/Accepted`."""
    said = (f"{each.get('type')}={each.get('status')}/{each.get('reason')}" for each in conditions)
    return ", ".join(said) or "no conditions"


def are_latest(conditions: Iterable[Condition], generation: int) -> None:
    """Every condition was written for the object as it is now."""
    stale = [each for each in conditions if each.get("observedGeneration") != generation]
    seen = [f"{each.get('type')} has observedGeneration {each.get('observedGeneration')}" for each in stale]
    assert not stale, f"{', '.join(seen)} where the generation is {generation}"


def hold(wanted: Condition, conditions: Sequence[Condition]) -> None:
    """A condition is there, with its status, and its reason where one is given."""
    found = next((each for each in conditions if each["type"] == wanted["type"]), None)
    reason = wanted.get("reason", "")
    fits = found is not None and found["status"] == wanted["status"] and reason in ("", found["reason"])
    said = f": {found['message']}" if found else ""
    assert fits, f"wanted {shown([{**wanted, 'reason': reason or '*'}])}, found {shown(conditions)}{said}"


def all_hold(wanted: Iterable[Condition], conditions: Sequence[Condition]) -> None:
    """Each of some conditions is there."""
    for each in wanted:
        hold(each, conditions)


def listeners_hold(wanted: Sequence[Condition], listeners: Sequence[Json], names: Sequence[str] = ()) -> None:
    """The listeners of some names, or all, have some conditions."""
    missing = set(names) - {listener["name"] for listener in listeners}
    assert not missing, f"no status of the listeners {sorted(missing)}"
    for listener in listeners:
        if not names or listener["name"] in names:
            _of_listener(listener["name"], wanted, listener["conditions"])


def listeners_match(wanted: Sequence[Json], listeners: Sequence[Json]) -> None:
    """The listeners are these and no others: kinds at least those wanted, but none where none are; routes exactly."""
    names = sorted(listener["name"] for listener in listeners)
    assert len(wanted) == len(listeners), f"wanted {len(wanted)} listeners, found {names}"
    by_name = {listener["name"]: listener for listener in listeners}
    for each in wanted:
        assert each["name"] in by_name, f"no status of the listener {each['name']}, but of {names}"
        _listener_matches(each, by_name[each["name"]])


def _listener_matches(wanted: Json, listener: Json) -> None:
    name, kinds, wanted_kinds = wanted["name"], listener.get("supportedKinds", []), wanted.get("supported_kinds", [])
    missing = [kind for kind in wanted_kinds if kind not in kinds]
    fits = not missing and (bool(wanted_kinds) or not kinds)
    assert fits, f"listener {name}: supportedKinds are {_kinds(kinds)}, wanted {_kinds(wanted_kinds)}"
    attached = listener.get("attachedRoutes")
    assert attached == wanted["attached_routes"], (
        f"listener {name}: attachedRoutes is {attached}, wanted {wanted['attached_routes']}"
    )
    _of_listener(name, wanted["conditions"], listener["conditions"])


def _kinds(kinds: Iterable[Json]) -> list[str]:
    return [f"{kind.get('group')}/{kind.get('kind')}" for kind in kinds]


def _of_listener(name: str, wanted: Sequence[Condition], conditions: Sequence[Condition]) -> None:
    try:
        all_hold(wanted, conditions)
    except AssertionError as err:
        raise AssertionError(f"listener {name}: {err}") from None


def parents_match(wanted: Sequence[Json], parents: Sequence[Json], *, namespace_required: bool) -> None:
    """Every parent wanted is there; others may be too."""
    for each in wanted:
        faults = [_parent_fault(each, parent, namespace_required=namespace_required) for parent in parents]
        assert "" in faults, "; ".join(faults) or "status has no parents"


def _parent_fault(wanted: Json, parent: Json, *, namespace_required: bool) -> str:
    """Say in what a parent is another; nothing where it is the one."""
    ref, asked = parent["parentRef"], wanted["parent_ref"]
    if parent["controllerName"] != wanted["controller_name"]:
        return f"controllerName is {parent['controllerName']}"
    differing = [name for name in ("group", "kind", "name") if ref.get(name) != asked[name]]
    may_be_absent = not namespace_required and "namespace" not in ref
    if ref.get("namespace") != asked["namespace"] and not may_be_absent:
        differing.append("namespace")
    if differing:
        return f"parentRef is {ref}"
    try:
        all_hold(wanted["conditions"], parent["conditions"])
    except AssertionError as err:
        return str(err)
    return ""


def refers_to(ref: Json, name: str) -> bool:
    """Tell whether a reference in a status is to `namespace/name`."""
    namespace, _, own = name.rpartition("/")
    return bool(ref["name"] == own) and ref.get("namespace", namespace) == namespace
