"""The objects as the admin API shows them: what was read, what became of it, and since when. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from egxds.hooks.result import HookedGateway, Outcome
from egxds.model.objects import GATEWAY_GROUP, ApiModel, ApiObject, ObjectKey
from egxds.model.parse import RefusedObject
from egxds.model.resolved import Resolution
from egxds.model.store import GatewayState
from egxds.problems import Problem

HOOKS_CONDITION = "egxds.io/HooksAccepted"
"""Condition of a Gateway: whether what is published is what all hooks accepted last."""

_HOOK_REASONS = {
    Outcome.ACCEPTED: "Accepted",
    Outcome.DENIED: "Denied",
    Outcome.HELD: "Held",
    Outcome.BYPASSED: "Bypassed",
}
_CONSEQUENCES = {
    Outcome.ACCEPTED: "every hook accepted this state",
    Outcome.DENIED: "the traffic that a failed hook would have decided on answers 500 until it works again",
    Outcome.HELD: "the last state that every hook accepted stays in force until the failed hook works again",
    Outcome.BYPASSED: "what a failed hook would have changed is published without its changes",
}

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class ObjectsPage:
    """What the admin API answers for objects.

    Attributes:
        items: one for each object, sorted by kind, namespace and name.
        problems: findings that belong to no object, such as a document that does not parse.
    """

    items: tuple[Json, ...]
    problems: tuple[Json, ...]


class ObjectView:
    """Renders objects, remembering when each condition last changed its status."""

    def __init__(self) -> None:
        self._since: dict[tuple[object, ...], tuple[object, str]] = {}

    def render(
        self,
        state: GatewayState,
        resolution: Resolution,
        problems: Iterable[Problem],
        hooked: Mapping[str, HookedGateway],
        now: str,
    ) -> ObjectsPage:
        """Render every object and every refused one.

        Args:
            state: the objects in force, and those refused.
            resolution: their status.
            problems: every finding.
            hooked: Gateway name → what its hooks made of it.
            now: the time, RFC 3339.
        """
        by_subject = _by_subject(problems)
        previous, self._since = self._since, {}
        items = []
        for item in state.objects():
            status = dict(resolution.statuses.get(item.key, {}))
            _add_hook_condition(item, status, hooked)
            dated = self._date(status, (item.key,), previous, now)
            items.append(_render(item, dated, by_subject.pop(str(item.key), [])))
        for refused in state.refused:
            if refused.key is not None and str(refused.key) in by_subject:
                status = self._date(_refusal_status(refused), (refused.key,), previous, now)
                items.append(_render_refused(refused, refused.key, status, by_subject.pop(str(refused.key))))
        rest = [problem for found in by_subject.values() for problem in found]
        return ObjectsPage(tuple(sorted(items, key=_item_order)), tuple(_render_problem(problem) for problem in rest))

    def _date(self, value: object, path: tuple[object, ...], previous: Mapping[tuple[object, ...], tuple[object, str]], now: str) -> object:
        """Copy a status, giving each condition the time since which it has its value."""
        if isinstance(value, Mapping):
            dated = {key: self._date(inner, (*path, key), previous, now) for key, inner in value.items()}
            if path[-2:-1] == ("conditions",):
                dated["lastTransitionTime"] = self._time_of(dated, path, previous, now)
            return dated
        if isinstance(value, list | tuple):
            return [self._date(inner, (*path, _identity(inner, at)), previous, now) for at, inner in enumerate(value)]
        return value

    def _time_of(self, condition: Mapping[str, object], path: tuple[object, ...], previous: Mapping[tuple[object, ...], tuple[object, str]], now: str) -> str:
        value = condition.get("status")
        before = previous.get(path)
        time = before[1] if before is not None and before[0] == value else now
        self._since[path] = (value, time)
        return time


def _identity(inner: object, at: int) -> object:
    """Tell list entries apart by what names them, so that a new neighbour changes no time."""
    if isinstance(inner, Mapping):
        if "type" in inner:
            return inner["type"]
        if "name" in inner:
            return inner["name"]
        if "parentRef" in inner:
            return str(inner["parentRef"])
    return at


def _by_subject(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        found[problem.subject].append(problem)
    return found


def _add_hook_condition(item: ApiObject[ApiModel], status: Json, hooked: Mapping[str, HookedGateway]) -> None:
    if item.key.kind != "Gateway" or item.key.group != GATEWAY_GROUP:
        return
    result = hooked.get(f"{item.key.namespace}/{item.key.name}")
    if result is None or not result.was_hooked:
        return
    outcome = result.outcome
    causes = "; ".join(str(failure) for failure in result.failures[:3])
    message = _CONSEQUENCES[outcome] + (f" ({causes})" if causes else "")
    conditions = status.get("conditions", [])
    condition = {
        "type": HOOKS_CONDITION,
        "status": "True" if outcome is Outcome.ACCEPTED else "False",
        "reason": _HOOK_REASONS[outcome],
        "message": message,
        "observedGeneration": item.generation,
    }
    status["conditions"] = [*conditions, condition] if isinstance(conditions, list | tuple) else [condition]


def _refusal_status(refused: RefusedObject) -> Json:
    message = "; ".join(f"{problem.source}: {problem.message}" for problem in refused.problems)
    condition = {"type": "Accepted", "status": "False", "reason": "Invalid", "message": message, "observedGeneration": 0}
    return {"conditions": [condition]}


def _render(item: ApiObject[ApiModel], status: object, problems: list[Problem]) -> Json:
    rendered: Json = {
        "apiVersion": item.api_version,
        "kind": item.key.kind,
        "metadata": {"namespace": item.key.namespace, "name": item.key.name, "generation": item.generation},
        "source": {"file": item.source.file, "line": item.source.line},
        "status": status,
    }
    if problems:
        rendered["problems"] = [_render_problem(problem) for problem in problems]
    return rendered


def _render_refused(refused: RefusedObject, key: ObjectKey, status: object, problems: list[Problem]) -> Json:
    return {
        "apiVersion": refused.api_version,
        "kind": key.kind,
        "metadata": {"namespace": key.namespace, "name": key.name, "generation": 0},
        "source": {"file": refused.source.file, "line": refused.source.line},
        "status": status,
        "problems": [_render_problem(problem) for problem in problems],
    }


def _render_problem(problem: Problem) -> Json:
    return {
        "severity": problem.severity.value,
        "message": problem.message,
        "source": {"file": problem.source.file, "line": problem.source.line},
    }


def _item_order(item: Json) -> tuple[str, str, str]:
    metadata = item["metadata"]
    assert isinstance(metadata, dict)
    return str(item["kind"]), str(metadata["namespace"]), str(metadata["name"])
