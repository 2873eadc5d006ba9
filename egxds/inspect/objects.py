"""The objects as the admin API shows them: what was read, what became of it, and since when. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain

from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.incremental.revision import Revision
from egxds.inspect.condition_times import ConditionTimes, Status
from egxds.inspect.hooked_status import HOOKS_CONDITION, Problems, failing_objects, with_failures
from egxds.inspect.judged import JudgedObjects
from egxds.inspect.patched_status import PatchVerdicts, with_patches
from egxds.inspect.problem_book import ProblemBook, ProblemChanges
from egxds.inspect.refusals import RefusedResources
from egxds.inspect.refused_objects import RefusedObjects
from egxds.inspect.refused_status import by_object, with_refusals
from egxds.inspect.rolled_back_status import with_rollback
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem

_CONSEQUENCES = {
    Outcome.ACCEPTED: "every hook accepted this state",
    Outcome.DENIED: "the traffic that a failed hook would have decided on answers 500 until it works again",
    Outcome.HELD: "the last state that every hook accepted stays in force until the failed hook works again",
    Outcome.BYPASSED: "what a failed hook would have changed is published without its changes",
}
_SHOWN_CAUSES = 3
_NO_OBJECT = ""
"""Subject of the problems that belong to no object."""

Json = dict[str, object]
HookedGateways = Revision[str, HookedGateway]
"""Gateway name → what its hooks made of it."""


@dataclass(frozen=True, slots=True)
class ObjectFilter:
    """Which objects are shown: those of which everything holds that is given.

    Attributes:
        search: stands in what the object is called, in a hostname of it or in the name of its file, in any case.
    """

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    search: str | None = None

    def takes(self, key: ObjectKey) -> bool:
        """Tell whether an object is shown."""
        wanted = ((self.kind, key.kind), (self.namespace, key.namespace), (self.name, key.name))
        return all(asked is None or asked == given for asked, given in wanted)


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a long list is shown.

    Attributes:
        limit: most entries; None for all.
        after: the entry before the first, as a page before returned it; None from the start.
    """

    limit: int | None = None
    after: str | None = None


EVERYTHING, FROM_THE_START = ObjectFilter(), Window()


@dataclass(frozen=True, slots=True)
class ObjectsPage:
    """What the admin API answers for objects.

    Attributes:
        items: one for each object, sorted by kind, namespace and name.
        problems: those that belong to no object, such as a document that does not parse.
        kinds: of all objects there are, shown or not.
        last: the last entry, to go on from; None where there is nothing behind it.
    """

    items: tuple[Json, ...] = ()
    problems: tuple[Json, ...] = ()
    kinds: frozenset[str] = frozenset()
    last: str | None = None


class ObjectView:
    """Shows objects, remembering when each condition last changed its status.

    What was decided anew is noted (`note`), which costs what changed. What is shown is made when somebody asks, of
    what was asked for.
    """

    def __init__(self) -> None:
        """Know of nothing yet."""
        self._times = ConditionTimes()
        self._refused = RefusedObjects()
        self._problems = ProblemBook()
        self._judged: JudgedObjects | None = None
        self._hooked: HookedGateways = Revision()
        self._failing: dict[str, Mapping[ObjectKey, Problems]] = {}
        self._patches = PatchVerdicts()
        self._refusals: RefusedResources = ()
        self._refused_of: Mapping[ObjectKey, RefusedResources] = {}

    def note(
        self, judged: JudgedObjects, hooked: HookedGateways, now: datetime, refusals: RefusedResources = ()
    ) -> ProblemChanges:
        """Take note of what was decided anew: the time of every condition whose status changed, and problems.

        Args:
            judged: what the files came to.
            hooked: Gateway name → what its hooks made of it.
            now: the time, with its zone.
            refusals: what Envoys refuse at this moment.
        """
        last, hooked_before = self._judged, self._hooked
        self._judged, self._hooked = judged, hooked
        changed = set(judged.report.judged.changed_since(last.report.judged if last else None))
        for name in hooked.changed_since(hooked_before):
            changed |= {*judged.served_by(name)} | self._note_failures(name, hooked.get(name))
        changed |= self._patches.update(judged.translations)[1]
        changed |= self._refused.update(judged.state)
        changed |= self._note_refusals(refusals)
        for key in changed:
            self._times.note(key, self._status(key, judged), _text(now))
        return self._problems.update(judged, now)

    def render(self, wanted: ObjectFilter = EVERYTHING, window: Window = FROM_THE_START) -> ObjectsPage:
        """Render objects in force and refused ones, as they were noted last.

        Args:
            wanted: which of them.
            window: which part of those.
        """
        judged = self._judged
        if judged is None:
            return ObjectsPage()
        refused = filter(wanted.takes, self._refused.never_accepted(judged.state))
        found: Iterator[ObjectKey] = chain(_in_force(wanted, judged.state), refused)
        if wanted.search is not None:
            found = filter(partial(self._is_found, wanted.search.lower(), judged.state), found)
        keys = sorted(found, key=_shown_order)
        start = bisect_right(keys, _place(window.after), key=_shown_order) if window.after is not None else 0
        shown = keys[start:][: window.limit]
        return ObjectsPage(
            items=tuple(self._render(key, judged) for key in shown),
            problems=tuple(map(_render_problem, self._problems.about(_NO_OBJECT))),
            kinds=frozenset(key.kind for key in self._refused.never_accepted(judged.state)) | _kinds(judged.state),
            last=_token(shown[-1]) if start + len(shown) < len(keys) and shown else None,
        )

    def expiries(self, most: int) -> tuple[tuple[ObjectKey, float], ...]:
        """Return the Secrets of served certificates, the first to end first, with the time when each ends.

        Args:
            most: how many.
        """
        return self._problems.certificates.ends(most)

    def problems(self, wanted: str, most: int) -> tuple[tuple[Problem, ...], int]:
        """Return problems, errors first, and how many there are.

        Args:
            wanted: stands in what is said of them, in any case; empty for all.
            most: how many are returned.
        """
        return self._problems.all(wanted, most)

    def _is_found(self, wanted: str, state: GatewayState, key: ObjectKey) -> bool:
        """Tell whether an object is one that is searched for; nothing else of it is looked at, as it may be secret."""
        item, refused = state.find(key), self._refused.find(key, state)
        place = state.places.get(key)
        file = refused.location.file if refused is not None else place.document.file if place is not None else ""
        hostnames = getattr(item.content, "hostnames", ()) if item is not None else ()
        return any(wanted in text.lower() for text in (str(key), file, *hostnames))

    def _note_failures(self, gateway: str, hooked: HookedGateway | None) -> set[ObjectKey]:
        """Take note of what hooks failed on in a Gateway; return the objects of which that is another than before."""
        before, now = self._failing.pop(gateway, {}), failing_objects(hooked)
        if now:
            self._failing[gateway] = now
        return {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}

    def _note_refusals(self, refusals: RefusedResources) -> set[ObjectKey]:
        """Take note of what Envoys refuse; return the objects of which something else is refused than before."""
        if refusals is self._refusals:
            return set()
        served = self._judged.gateways if self._judged is not None else {}
        before, now = self._refused_of, by_object(refusals, served)
        self._refusals, self._refused_of = refusals, now
        return {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}

    def _status(self, key: ObjectKey, judged: JudgedObjects) -> Status | None:
        """Return the status of an object, with what only the hooks know; None where it has none."""
        refused = self._refused.find(key, judged.state)
        if refused is not None and (key.group_kind in ROUTE_KINDS or judged.state.find(key) is None):
            return judged.report.refused_status(refused)
        patched = with_patches(judged.report.status(key), key, judged)
        status = with_rollback(self._with_refusals(patched, key, judged), key, judged.state)
        gateway = judged.gateways.get(key)
        result = self._hooked.get(gateway.served_name) if gateway is not None else None
        item = judged.state.find(key)
        if item is None:
            return status
        if result is None or not result.was_hooked:
            return with_failures(status, self._failures_of(key), item.generation)
        return _with_condition(status or {}, _hook_condition(result, item.generation))

    def _failures_of(self, key: ObjectKey) -> Problems:
        return tuple(problem for failing in self._failing.values() for problem in failing.get(key, ()))

    def _with_refusals(self, status: Status | None, key: ObjectKey, judged: JudgedObjects) -> Status | None:
        """Return a status with what Envoys refuse of the object."""
        refused, item = self._refused_of.get(key), judged.state.find(key)
        if refused is None or status is None or item is None:
            return status

        def locate(source: ObjectKey) -> Location | None:
            found = judged.state.find(source)
            return judged.state.locate(found) if found is not None else None

        return with_refusals(status, refused, item, judged.gateway_at(key), locate)

    def _render(self, key: ObjectKey, judged: JudgedObjects) -> Json:
        rendered = {**self._entry(key, judged.state), "status": self._times.dated(key, self._status(key, judged))}
        problems = [_render_problem(problem) for problem in self._problems.about(str(key))]
        return {**rendered, "problems": problems} if problems else rendered

    def _entry(self, key: ObjectKey, state: GatewayState) -> Json:
        item = state.find(key)
        if item is not None:
            return _entry(key, item.api_version, item.generation, state.locate(item))
        refused = self._refused.find(key, state)
        return _entry(key, refused.api_version, refused.generation, refused.location) if refused is not None else {}


def _entry(key: ObjectKey, api_version: str, generation: int, location: Location) -> Json:
    return {
        "apiVersion": api_version,
        "kind": key.kind,
        "metadata": {"namespace": key.namespace, "name": key.name, "generation": generation},
        "source": _render_source(location),
    }


def _in_force(wanted: ObjectFilter, state: GatewayState) -> Iterator[ObjectKey]:
    """Yield the keys of objects in force that are wanted; one that is named in full is looked up."""
    for (group, kind), items in state.by_kind.items():
        if wanted.kind not in (None, kind):
            continue
        if wanted.namespace is not None and wanted.name is not None:
            yield from (key for key in (ObjectKey(group, kind, wanted.namespace, wanted.name),) if key in items)
        else:
            yield from filter(wanted.takes, items)
    yield from filter(wanted.takes, chain(state.extensions, state.policies))


def _kinds(state: GatewayState) -> frozenset[str]:
    built_in = {kind for (_, kind), items in state.by_kind.items() if items}
    return frozenset(built_in | {key.kind for key in chain(state.extensions, state.policies)})


def _token(key: ObjectKey) -> str:
    """Say where in the list an object stands, for a page to go on from."""
    return "/".join((key.kind, key.group, key.namespace, key.name))


def _place(token: str) -> tuple[str, str, str, str]:
    kind, group, namespace, name = (*token.split("/"), "", "", "", "")[:4]
    return kind, group, namespace, name


def _shown_order(key: ObjectKey) -> tuple[str, str, str, str]:
    return key.kind, key.group, key.namespace, key.name


def _text(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _hook_condition(result: HookedGateway, generation: int) -> Json:
    causes = "; ".join(str(failure) for failure in result.failures[:_SHOWN_CAUSES])
    message = f"{_CONSEQUENCES[result.outcome]} ({causes})" if causes else _CONSEQUENCES[result.outcome]
    if result.late:
        message += f"; what could not be asked again stays as it was accepted ({len(result.late)}: {result.late[0]})"
    return {
        "type": HOOKS_CONDITION,
        "status": "True" if result.outcome is Outcome.ACCEPTED else "False",
        "reason": result.outcome.value.capitalize(),
        "message": message,
        "observedGeneration": generation,
    }


def _with_condition(status: Status, condition: Json) -> Status:
    conditions = status.get("conditions", ())
    known = list(conditions) if isinstance(conditions, list | tuple) else []
    return {**status, "conditions": [*known, condition]}


def _render_problem(problem: Problem) -> Json:
    severity = problem.severity.value
    return {"severity": severity, "message": problem.message, "source": _render_source(problem.location)}


def _render_source(location: Location) -> Json:
    return {"file": location.file, "line": location.line}
