"""Events of a daemon as lines for people. Who prints them escapes what strangers put into their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

_SHOWN = 3
"""How many of anything a line names; `-o json` has more."""


def lines_of(event: Any) -> Iterator[str]:
    """Return an event in lines, the first of them with the time; nothing for what is nothing to people.

    Args:
        event: as the admin API has it.
    """
    make = _MAKERS.get(event["event"])
    time = _time(event["time"]) if make is not None and "time" in event else ""
    for line in make(event) if make is not None else ():
        yield f"{time:12}  {line}"


def _time(text: str) -> str:
    return datetime.fromisoformat(text).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _change(event: Any) -> Iterator[str]:
    steps = [_listed(event["files"]), _objects(event["objects"]), _resources(event["resources"])]
    way = " → ".join(step for step in steps if step)
    if event["generation"] is not None:
        took = f" after {event['publishedMs']:g} ms" if event["publishedMs"] is not None else ""
        outcome = f", {event['outcome']}" if event["outcome"] not in {None, "accepted"} else ""
        yield f"generation {event['generation']} of {event['gateway']}{took}{outcome}: {way}"
    else:
        yield f"{way} (nothing that Envoys are served changes)"


def _objects(objects: Any) -> str:
    return _with_rest([f"{_object(one)} {one['change']}{_place(one)}" for one in objects["items"]], _count(objects))


def _object(one: Any) -> str:
    return f"{one['kind']} {one['namespace']}/{one['name']}" if one["namespace"] else f"{one['kind']} {one['name']}"


def _resources(resources: Any) -> str:
    items = [f"{one['type']} {one['name']} {one['change']}" for one in resources["items"]]
    return _with_rest(items, _count(resources))


def _taken(event: Any) -> Iterator[str]:
    nodes = _with_rest([f"{one['node']} after {one['ms']:g} ms" for one in event["items"]], event["count"])
    yield f"  taken by {nodes}: generation {event['generation']} of {event['gateway']}"


def _refused(event: Any) -> Iterator[str]:
    for one in event["begun"]:
        canary = " (canary)" if one.get("canary") else ""
        yield f"  {one['node']}{canary} refuses {one['type']} {one['name']}{_first_place(one)}: {one['error']}"
    yield from _rest(event["begunCount"] - len(event["begun"]), "refused")
    for one in event["over"]:
        canary = " (canary)" if one.get("canary") else ""
        yield f"  {one['node']}{canary} refuses {one['type']} {one['name']} no more"
    yield from _rest(event["overCount"] - len(event["over"]), "refused no more")


def _hooks(event: Any) -> Iterator[str]:
    before, now = event["before"], event["outcome"]
    yield f"hooks of {event['gateway']}: {now}" + (f", before: {before}" if before not in {None, now} else "")
    for one in event["begun"]:
        failed = f"{one['hook']} hook of {one['manager'] or 'the extension'} on {one['subject']}"
        yield f"  {failed} fails ({one['onFailure']}){_first_place(one)}: {one['error']}"
    yield from _rest(event["begunCount"] - len(event["begun"]), "that fail")
    if event["overCount"]:
        yield f"  {event['overCount']} that failed do not any more; {event['failing']} fail"


def _problems(event: Any) -> Iterator[str]:
    for one in event["appeared"]:
        yield f"{one['severity']} {_problem(one)}"
    yield from _rest(event["appearedCount"] - len(event["appeared"]), "problems")
    for one in event["solved"]:
        yield f"solved {_problem(one)}"
    yield from _rest(event["solvedCount"] - len(event["solved"]), "solved")


def _problem(one: Any) -> str:
    place = one["source"]
    about = f"{one['object']}: " if one["object"] else ""
    return f"{_located(place)}: {about}{one['message']}"


def _envoys(event: Any) -> Iterator[str]:
    for word in ("connected", "left"):
        if event[f"{word}Count"]:
            yield f"{word}: {_with_rest(event[word], event[f'{word}Count'])} ({event['total']} are connected)"


def _missed(event: Any) -> Iterator[str]:
    yield f"{event['count']} events are missing here: they came faster than they were read"


def _listed(texts: Iterable[str]) -> str:
    found = list(texts)
    return _with_rest(found, len(found))


def _with_rest(texts: list[str], count: int) -> str:
    listed = ", ".join(texts[:_SHOWN])
    return f"{listed} and {count - _SHOWN} more" if count > _SHOWN else listed


def _rest(count: int, what: str) -> Iterator[str]:
    if count > 0:
        yield f"  and {count} more {what}"


def _count(listed: Any) -> int:
    return int(listed["added"] + listed["changed"] + listed["removed"])


def _place(one: Any) -> str:
    return f" ({_located(one['source'])})" if one["source"] else ""


def _first_place(one: Any) -> str:
    return f" ({_located(one['sources'][0])})" if one["sources"] else ""


def _located(place: Any) -> str:
    return f"{place['file']}:{place['line']}" if place["line"] else str(place["file"])


_MAKERS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "change": _change,
    "taken": _taken,
    "refused": _refused,
    "hooks": _hooks,
    "problems": _problems,
    "envoys": _envoys,
    "missed": _missed,
}
