"""What is rolled back since an Envoy refuses it, in the status of the objects and among the problems. Pure.

    a route                            egxds.io/RolledBack is True, below each of its parents
    a policy                           the same, below each of its ancestors
    anything else                      the same, of the object
    an object of which nothing is in   Accepted is False, as of one whose text is refused and never was accepted
    force

What else is said of the object is said of the content that is in force, by its generation. The condition and the
problem name the text that is refused.
"""

from __future__ import annotations

from egxds.inspect.condition_times import Status
from egxds.inspect.conditions import ROLLED_BACK_CONDITION
from egxds.model.store.problems import Refusal
from egxds.model.store.rolled_back import RolledBack
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem, error

_REFUSED = "Refused"
_UNTIL = "until an edit brings one that it takes"


def with_rollback(status: Status | None, key: ObjectKey, state: GatewayState) -> Status | None:
    """Return the status of an object with whether it is rolled back.

    Args:
        status: without that; None where the object has none.
        key: the object.
        state: the objects in force.
    """
    found, item = state.rolled_back.get(key), state.find(key)
    if found is None or item is None:
        return status
    condition = {
        "type": ROLLED_BACK_CONDITION,
        "status": "True",
        "reason": _REFUSED,
        "message": f"{_message(found)} ({_place(key, state, found)})",
        "observedGeneration": item.generation,
    }
    known = status or {}
    for scopes in ("parents", "ancestors"):
        each_of = known.get(scopes)
        if isinstance(each_of, list | tuple) and each_of:
            return {
                **known,
                scopes: [{**each, "conditions": [*each.get("conditions", ()), condition]} for each in each_of],
            }
    conditions = known.get("conditions", ())
    return {**known, "conditions": [*(conditions if isinstance(conditions, list | tuple) else ()), condition]}


def rollback_problems(key: ObjectKey, state: GatewayState) -> tuple[Problem, ...]:
    """Say of an object that is rolled back that it is, and why."""
    found = state.rolled_back.get(key)
    return (error(_place(key, state, found), _message(found), str(key)),) if found is not None else ()


def rollback_refusal(key: ObjectKey, state: GatewayState) -> Refusal | None:
    """Return an object of which nothing is in force, since it is rolled back, as one that is refused."""
    found = state.rolled_back.get(key)
    if found is None or state.find(key) is not None:
        return None
    item, problems = found.bar.barred.item, rollback_problems(key, state)
    parents = getattr(item.content, "parent_refs", ())
    return Refusal(key, problems[0].location, problems, item.api_version, item.generation, parents)


def _message(found: RolledBack) -> str:
    bar = found.bar
    if bar.instead is None:
        consequence = "it is not in force"
    elif bar.is_former:
        consequence = f"generation {bar.instead.generation} of it stays in force"
    else:
        consequence = "what it decides on is denied"
    return f"{bar.why.rstrip('.')}; {consequence} {_UNTIL}, or `egxds resync` tries this one again"


def _place(key: ObjectKey, state: GatewayState, found: RolledBack) -> Location:
    """Return where the text stands that is refused; of an object that is in force it may be gone for the moment."""
    return state.locate_definition(state.places.get(key, found.definition))
