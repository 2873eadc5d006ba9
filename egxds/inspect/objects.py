"""The objects as the admin API shows them: what was read, what became of it, and since when. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.inspect.condition_times import ConditionTimes, Status
from egxds.model.api.gateway import GATEWAY
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
class ObjectFilter:
    """Which objects are shown: those of which everything holds that is given."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None

    def takes(self, key: ObjectKey) -> bool:
        """Tell whether an object is shown."""
        wanted = ((self.kind, key.kind), (self.namespace, key.namespace), (self.name, key.name))
        return all(asked is None or asked == given for asked, given in wanted)


EVERYTHING = ObjectFilter()


@dataclass(frozen=True, slots=True)
class ObjectsPage:
    """What the admin API answers for objects.

    Attributes:
        items: one for each object, sorted by kind, namespace and name.
        problems: those that belong to no object, such as a document that does not parse.
        kinds: of all objects there are, shown or not.
    """

    items: tuple[Json, ...] = ()
    problems: tuple[Json, ...] = ()
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One object on its way to the page."""

    key: ObjectKey
    api_version: str
    generation: int
    location: Location


class ObjectView:
    """Shows objects, remembering when each condition last changed its status."""

    def __init__(self) -> None:
        self._times = ConditionTimes()

    def note(self, judged: JudgedObjects, hooked: Mapping[str, HookedGateway], time: str) -> None:
        """Take note of the time of every condition whose status changed.

        Args:
            judged: what the files came to.
            hooked: Gateway name → what its hooks made of it.
            time: now, RFC 3339.
        """
        self._times.note(_statuses(judged, hooked), time)

    def render(
        self, judged: JudgedObjects, hooked: Mapping[str, HookedGateway], time: str, wanted: ObjectFilter = EVERYTHING
    ) -> ObjectsPage:
        """Render objects in force and refused ones.

        Args:
            judged: what the files came to.
            hooked: Gateway name → what its hooks made of it.
            time: now, RFC 3339.
            wanted: which of them.
        """
        self.note(judged, hooked, time)
        entries = list(_entries(judged.state))
        problems = _by_subject(judged.problems)
        rest = [found for subject, found in problems.items() if subject not in {str(entry.key) for entry in entries}]
        shown = sorted((entry for entry in entries if wanted.takes(entry.key)), key=_shown_order)
        return ObjectsPage(
            items=tuple(self._render(entry, problems.get(str(entry.key), ())) for entry in shown),
            problems=tuple(map(_render_problem, chain.from_iterable(rest))),
            kinds=frozenset(entry.key.kind for entry in entries),
        )

    def _render(self, entry: _Entry, problems: Iterable[Problem]) -> Json:
        metadata = {"namespace": entry.key.namespace, "name": entry.key.name, "generation": entry.generation}
        rendered: Json = {
            "apiVersion": entry.api_version,
            "kind": entry.key.kind,
            "metadata": metadata,
            "source": _render_source(entry.location),
            "status": self._times.dated(entry.key),
        }
        shown = [_render_problem(problem) for problem in problems]
        return {**rendered, "problems": shown} if shown else rendered


def _statuses(judged: JudgedObjects, hooked: Mapping[str, HookedGateway]) -> dict[ObjectKey, Status]:
    """Return the status of every object that has one, with what only the hooks know."""
    found = dict(judged.statuses)
    for name, result in hooked.items():
        gateway = judged.state.of(GATEWAY).get(GATEWAY.key(*name.split("/", 1)))
        if gateway is not None and result.was_hooked:
            found[gateway.key] = _with_condition(
                found.get(gateway.key, {}), _hook_condition(result, gateway.generation)
            )
    found.update({key: _refused_status(refused) for key, refused in _never_accepted(judged.state)})
    return found


def _entries(state: GatewayState) -> Iterator[_Entry]:
    for item in state.objects():
        yield _Entry(item.key, item.api_version, item.generation, state.locate(item))
    for key, refused in _never_accepted(state):
        yield _Entry(key, refused.api_version, 0, refused.location)


def _never_accepted(state: GatewayState) -> Iterator[tuple[ObjectKey, Refusal]]:
    for refused in refusals(state):
        if refused.key is not None and state.find(refused.key) is None:
            yield refused.key, refused


def _shown_order(entry: _Entry) -> tuple[str, ObjectKey]:
    return entry.key.kind, entry.key


def _by_subject(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        found[problem.subject].append(problem)
    return found


def _hook_condition(result: HookedGateway, generation: int) -> Json:
    causes = "; ".join(str(failure) for failure in result.failures[:_SHOWN_CAUSES])
    return {
        "type": HOOKS_CONDITION,
        "status": "True" if result.outcome is Outcome.ACCEPTED else "False",
        "reason": result.outcome.value.capitalize(),
        "message": f"{_CONSEQUENCES[result.outcome]} ({causes})" if causes else _CONSEQUENCES[result.outcome],
        "observedGeneration": generation,
    }


def _with_condition(status: Status, condition: Json) -> Status:
    conditions = status.get("conditions", ())
    known = list(conditions) if isinstance(conditions, list | tuple) else []
    return {**status, "conditions": [*known, condition]}


def _refused_status(refused: Refusal) -> Status:
    message = "; ".join(f"{problem.location}: {problem.message}" for problem in refused.problems)
    return {"conditions": [{"type": "Accepted", "status": "False", "reason": "Invalid", "message": message}]}


def _render_problem(problem: Problem) -> Json:
    severity = problem.severity.value
    return {"severity": severity, "message": problem.message, "source": _render_source(problem.location)}


def _render_source(location: Location) -> Json:
    return {"file": location.file, "line": location.line}
