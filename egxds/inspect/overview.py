"""All that egxds knows on one page: what is wrong first, then how many there are of what. Pure.

Wrong is what keeps something from being served as it is written: an error, a condition that says so, a hook that fails,
an Envoy that refuses something, or that cannot connect to a backend. Warnings are shown behind that, and are none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from egxds.inspect.conditions import conditions, is_trouble
from egxds.inspect.objects import ObjectsPage

_MOST_TROUBLES = 50
_FAILING_HOOKS = frozenset({"failing", "refusing", "not serving"})
_REFUSING = "NACKED"
_IN_SYNC = "SYNCED"
_ERROR = "error"
_GATEWAY = "Gateway"

Json = Mapping[str, Any]
Unreached = tuple[frozenset[str], dict[str, Any]]
"""Names of objects, and what is wrong with all of them."""


class State(Enum):
    """How an object, an Envoy or a hook is doing."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class AboutStore:
    """What is known where objects come from a store.

    Attributes:
        source: how it is followed; None for files.
        fleet: the replicas that follow it; None where none are known.
        canary: the generation that some nodes are served before the others; None for none.
    """

    source: Json | None = None
    fleet: Json | None = None
    canary: Json | None = None

    def described(self) -> dict[str, object]:
        """Return it as the admin API shows it."""
        return {"source": self.source, "fleet": self.fleet, "canary": self.canary}


def overview(
    page: ObjectsPage,
    hooks: Iterable[Json],
    clients: Iterable[Json],
    reach: Json,
    store: AboutStore = AboutStore(),
) -> dict[str, object]:
    """Sum up what is known.

    Args:
        page: the objects.
        hooks: as the admin API shows them.
        clients: likewise.
        reach: how Envoys find the backends, as `egxds.inspect.backend_reach` has it.
        store: where the objects come from.

    Returns:
        What is wrong, at most `_MOST_TROUBLES` of it; numbers of objects by kind; Gateways, hooks and Envoys, each with
        its state.
    """
    told_hooks, told_clients = list(map(_hook, hooks)), list(map(_client, clients))
    unreached = backend_troubles(page.items, reach)
    objects = [_object(item, unreached) for item in page.items]
    shared = [trouble for _, trouble in unreached]
    troubles = [
        *(_trouble("", problem, str(problem["severity"])) for problem in page.problems),
        *(trouble for item in objects for trouble in item["troubles"] if trouble not in shared),
        *shared,
        *_unasked(reach),
        *(
            _trouble(str(each["text"]), {"message": each["error"]})
            for each in told_hooks
            if each["state"] == State.WRONG.value
        ),
        *(_trouble(str(each["text"]), refused) for each in told_clients for refused in each["refused"]),
    ]
    troubles.sort(key=lambda each: each["severity"] != _ERROR)
    return {
        "ok": not any(each["severity"] == _ERROR for each in troubles),
        "troubles": troubles[:_MOST_TROUBLES],
        "troubleCount": len(troubles) + reach["faultCount"] - len(reach["faults"]),
        "kinds": _kinds(objects),
        "gateways": [item for item in objects if item["kind"] == _GATEWAY],
        "hooks": told_hooks,
        "envoys": told_clients,
        "backends": reach,
        **store.described(),
    }


def listed(page: ObjectsPage, reach: Json) -> dict[str, object]:
    """Return some objects, each with its state and what is wrong with it; those with trouble first.

    Args:
        page: the objects.
        reach: as for `overview`.
    """
    unreached = backend_troubles(page.items, reach)
    objects = [_object(item, unreached) for item in page.items]
    objects.sort(key=lambda each: each["state"] != State.WRONG.value)
    return {"ok": all(each["state"] != State.WRONG.value for each in objects), "objects": objects}


def backend_troubles(items: Iterable[Json], reach: Json) -> list[Unreached]:
    """Return the backends that Envoys do not reach as troubles, each with the names of the objects that it concerns.

    Args:
        items: objects, among which the place of a backend is looked up.
        reach: how Envoys find the backends.
    """
    concerned = {name for fault in reach["faults"] for name in fault["objects"]}
    places = {name: item["source"] for item in items if (name := name_of(item)) in concerned} if concerned else {}
    return [_unreached(fault, places) for fault in reach["faults"]]


def _unreached(fault: Json, places: Mapping[str, object]) -> Unreached:
    objects = fault["objects"]
    source = next((places[name] for name in objects if name in places), None)
    text = ", ".join([fault["text"], *objects])
    about = {*objects, fault["of"].partition(" rule ")[0]}
    return frozenset(about), _trouble("", {"message": text, "source": source})


def _unasked(reach: Json) -> Iterator[dict[str, Any]]:
    for envoy in reach["envoys"]:
        if envoy["error"]:
            text = f"Envoy ({envoy['admin']}) cannot be asked how it finds its backends: {envoy['error']}"
            yield _trouble("", {"message": text}, "warning")


def troubles_of(item: Json) -> Iterator[dict[str, Any]]:
    """Yield what is wrong with an object; what a problem has said is not said again by a condition."""
    name = name_of(item)
    problems = item.get("problems", ())
    for problem in problems:
        yield _trouble(name, problem, problem["severity"])
    told = {problem["message"] for problem in problems}
    for where, condition in conditions(item.get("status")):
        if is_trouble(condition) and not any(message in condition["message"] for message in told):
            about = f" of {where}" if where else ""
            text = (
                f"{condition['type']}{about} is {condition['status']} ({condition['reason']}): {condition['message']}"
            )
            yield _trouble(name, {"message": text, "source": item["source"]})


def name_of(item: Json) -> str:
    """Name an object for people."""
    metadata = item["metadata"]
    return f"{item['kind']} {'/'.join(filter(None, (metadata['namespace'], metadata['name'])))}"


def _trouble(about: str, problem: Json, severity: str = _ERROR) -> dict[str, Any]:
    return {"about": about, "text": problem["message"], "severity": severity, "source": problem.get("source")}


def _object(item: Json, unreached: Iterable[Unreached]) -> dict[str, Any]:
    name = name_of(item)
    troubles = [*troubles_of(item), *(trouble for names, trouble in unreached if name in names)]
    status = item.get("status") or {}
    described = {
        "kind": item["kind"],
        **{name: item["metadata"][name] for name in ("namespace", "name")},
        "source": item["source"],
        "state": _state(troubles).value,
        "troubles": troubles,
    }
    if "listeners" in status:
        described["addresses"] = [each["value"] for each in status.get("addresses", ())]
        described["attachedRoutes"] = sum(each.get("attachedRoutes", 0) for each in status["listeners"])
    return described


def _state(troubles: Sequence[Json]) -> State:
    if any(each["severity"] == _ERROR for each in troubles):
        return State.WRONG
    return State.WARNING if troubles else State.OK


def _kinds(objects: Iterable[Json]) -> list[dict[str, object]]:
    counts = Counter((item["kind"], item["state"]) for item in objects)
    kinds = sorted({kind for kind, _ in counts})
    return [
        {
            "kind": kind,
            "count": sum(counts[kind, state.value] for state in State),
            "wrong": counts[kind, State.WRONG.value],
            "warnings": counts[kind, State.WARNING.value],
        }
        for kind in kinds
    ]


def _hook(hook: Json) -> dict[str, Any]:
    is_wrong = hook["state"] in _FAILING_HOOKS or bool(hook["loadError"])
    extension = f"extension {hook['manager']}" if hook["manager"] else "the extension"
    error = hook["loadError"] or hook["lastError"]
    return {
        "text": f"{hook['hook']} hook of {extension}",
        "state": (State.WRONG if is_wrong else State.OK).value,
        "is": hook["state"],
        "onFailure": hook["onFailure"],
        "failedCount": hook["failedCount"],
        "error": (error or f"it is {hook['state']}") if is_wrong else "",
    }


def _client(client: Json) -> dict[str, Any]:
    refusing = [status for status in client["types"] if status["state"] == _REFUSING]
    behind = [status["type"] for status in client["types"] if status["state"] not in (_IN_SYNC, _REFUSING)]
    canary = " (canary)" if client["canary"] else ""
    return {
        "text": f"Envoy {client['id'] or client['peer']}{canary}",
        "gateways": client["gateways"],
        "since": client["connectedSince"],
        "state": (State.WRONG if refusing else State.OK).value,
        "behind": behind,
        "refused": [
            {"message": f"refuses {one['name']}: {one['error']}", "source": next(iter(one["sources"]), None)}
            for status in refusing
            for one in status["refused"] or ({"name": status["type"], "error": status["lastError"], "sources": ()},)
        ],
    }
