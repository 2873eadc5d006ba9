"""The objects as the admin API shows them: what was read, what became of it, and since when. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.inspect.condition_times import ConditionTimes
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.problems import Refusal, refusals
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem

HOOKS_CONDITION = "egxds.io/HooksAccepted"
"""Condition of a Gateway: whether what is published is what all hooks accepted last."""

_CONSEQUENCES = {
    Outcome.ACCEPTED: "every hook accepted this state",
    Outcome.DENIED: "the traffic that a failed hook would have decided on answers 500 until it works again",
    Outcome.HELD: "the last state that every hook accepted stays in force until the failed hook works again",
    Outcome.BYPASSED: "what a failed hook would have changed is published without its changes",
}
_SHOWN_CAUSES = 3

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class JudgedObjects:
    """What the files came to, as far as it is shown.

    Attributes:
        state: the objects in force.
        statuses: Gateway API status of every object that has one.
        problems: every problem of the input, sorted by place.
    """

    state: GatewayState
    statuses: Mapping[ObjectKey, Mapping[str, object]]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ObjectsPage:
    """What the admin API answers for objects.

    Attributes:
        items: one for each object, sorted by kind, namespace and name.
        problems: those that belong to no object, such as a document that does not parse.
    """

    items: tuple[Json, ...]
    problems: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One object on its way to the page."""

    key: ObjectKey
    api_version: str
    generation: int
    location: Location
    status: Mapping[str, object]


class ObjectView:
    """Renders objects, remembering when each condition last changed its status."""

    def __init__(self) -> None:
        self._times = ConditionTimes()

    def render(self, judged: JudgedObjects, hooked: Mapping[str, HookedGateway], time: str) -> ObjectsPage:
        """Render every object in force and every refused one.

        Args:
            judged: what the files came to.
            hooked: Gateway name → what its hooks made of it.
            time: now, RFC 3339.
        """
        self._times.begin_round(time)
        problems = _by_subject(judged.problems)
        entries = [_accepted_entry(item, judged, hooked) for item in judged.state.objects()]
        in_force = {entry.key for entry in entries}
        entries += [
            _refused_entry(refused, refused.key)
            for refused in refusals(judged.state)
            if refused.key is not None and refused.key not in in_force
        ]
        entries.sort(key=lambda entry: (entry.key.kind, entry.key))
        items = tuple(self._render(entry, problems.pop(str(entry.key), ())) for entry in entries)
        rest = tuple(_render_problem(problem) for found in problems.values() for problem in found)
        return ObjectsPage(items, rest)

    def _render(self, entry: _Entry, problems: Iterable[Problem]) -> Json:
        metadata = {"namespace": entry.key.namespace, "name": entry.key.name, "generation": entry.generation}
        rendered: Json = {
            "apiVersion": entry.api_version,
            "kind": entry.key.kind,
            "metadata": metadata,
            "source": _render_source(entry.location),
            "status": self._times.date(entry.key, entry.status),
        }
        shown = [_render_problem(problem) for problem in problems]
        return {**rendered, "problems": shown} if shown else rendered


def _by_subject(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        found[problem.subject].append(problem)
    return found


def _accepted_entry(item: ApiObject[ApiModel], judged: JudgedObjects, hooked: Mapping[str, HookedGateway]) -> _Entry:
    status = judged.statuses.get(item.key, {})
    if item.key.kind == "Gateway":
        result = hooked.get(f"{item.key.namespace}/{item.key.name}")
        if result is not None and result.was_hooked:
            status = _with_condition(status, _hook_condition(result, item.generation))
    return _Entry(item.key, item.api_version, item.generation, judged.state.locate(item), status)


def _hook_condition(result: HookedGateway, generation: int) -> Json:
    causes = "; ".join(str(failure) for failure in result.failures[:_SHOWN_CAUSES])
    return {
        "type": HOOKS_CONDITION,
        "status": "True" if result.outcome is Outcome.ACCEPTED else "False",
        "reason": result.outcome.value.capitalize(),
        "message": f"{_CONSEQUENCES[result.outcome]} ({causes})" if causes else _CONSEQUENCES[result.outcome],
        "observedGeneration": generation,
    }


def _with_condition(status: Mapping[str, object], condition: Json) -> Mapping[str, object]:
    conditions = status.get("conditions", ())
    known = list(conditions) if isinstance(conditions, list | tuple) else []
    return {**status, "conditions": [*known, condition]}


def _refused_entry(refused: Refusal, key: ObjectKey) -> _Entry:
    message = "; ".join(f"{problem.location}: {problem.message}" for problem in refused.problems)
    condition = {"type": "Accepted", "status": "False", "reason": "Invalid", "message": message}
    return _Entry(key, refused.api_version, 0, refused.location, {"conditions": [condition]})


def _render_problem(problem: Problem) -> Json:
    severity = problem.severity.value
    return {"severity": severity, "message": problem.message, "source": _render_source(problem.location)}


def _render_source(location: Location) -> Json:
    return {"file": location.file, "line": location.line}
