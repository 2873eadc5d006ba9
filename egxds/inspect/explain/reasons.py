"""Why a request is denied, or has nobody to be sent to: what hooks and objects on its way say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from egxds.inspect.conditions import conditions, is_trouble
from egxds.inspect.explain.answers import Answer, Outcome
from egxds.inspect.objects import ObjectsPage
from egxds.names import host_label
from egxds.object_key import ObjectKey

_SHOWN = 5

Json = Mapping[str, Any]


def keys_on_the_way(answer: Answer) -> list[ObjectKey]:
    """Return the objects that may say why an answer is none that somebody wants; none where it is."""
    if all(taking.is_fine for taking in answer.takings):
        return []
    steps = answer.way if answer.gateway else answer.lost
    origins = (*(taking.origin for taking in answer.takings), *(step.origin for step in steps))
    return list(dict.fromkeys(origin.key for origin in origins if origin is not None))


def reasons(answer: Answer, host: str, hooks: Iterable[Json], pages: Sequence[ObjectsPage]) -> list[str]:
    """Return what may be the reason, the likeliest first.

    Args:
        answer: what is to be reasoned about.
        host: of the request.
        hooks: as the admin API shows them.
        pages: what that shows of each of `keys_on_the_way`.
    """
    if all(taking.is_fine for taking in answer.takings):
        return []
    failed = [(hook, each) for hook in hooks for each in hook["failed"] if each["gateway"] == answer.gateway]
    told = [_of_hook(*pair) for pair in failed if _is_on_the_way(pair[1]["subject"], answer, host)]
    # The nearest that has something to say: a Gateway has much that is about others.
    of_pages = ([text for item in page.items for text in _of_object(item)] for page in pages)
    told = told or next(filter(None, of_pages), []) or [_of_hook(*pair) for pair in failed]
    if answer.takings[-1].outcome is Outcome.NOT_FOUND and pages:
        # It may stand in a document that is not read.
        told += map(_of_problem, pages[0].problems)
    return list(dict.fromkeys(told))[:_SHOWN]


def _is_on_the_way(subject: str, answer: Answer, host: str) -> bool:
    """Tell whether a resource is one that the request comes to, or would without its denial: its virtual host."""
    names = {step.name for step in answer.way} | {taking.name for taking in answer.takings}
    names |= {backend.cluster for taking in answer.takings for backend in taking.backends}
    return subject in names or subject.endswith(f"/{host_label(host)}")


def _of_hook(hook: Json, failure: Json) -> str:
    manager = f" of extension {hook['manager']}" if hook["manager"] else ""
    done = f"since {failure['since']}, onFailure {failure['onFailure']}"
    return f"the {hook['hook']} hook{manager} fails on {failure['subject']} ({done}): {failure['error']}"


def _of_object(item: Json) -> Iterator[str]:
    metadata, source = item["metadata"], item["source"]
    name = f"{item['kind']} {metadata['namespace']}/{metadata['name']} ({source['file']}:{source['line']})"
    problems = item.get("problems", ())
    yield from map(_of_problem, problems)
    told = {problem["message"] for problem in problems}
    for where, condition in conditions(item.get("status")):
        if is_trouble(condition) and condition["message"] not in told:
            about = f" of {where}" if where else ""
            yield f"{name}: {condition['type']}{about} is {condition['status']}: {condition['message']}"


def _of_problem(problem: Json) -> str:
    place = problem["source"]
    return f"{problem['severity']} at {place['file']}:{place['line']}: {problem['message']}"
