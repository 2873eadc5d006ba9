"""Replies that an Envoy does not take: which they are, and what stands in for them. Pure.

What the rules of `resources.validation` do not find, an Envoy may still refuse, for facts of its machine. It names the
resource and not the hook. So the replies are looked for that made the resource what it is, and of these

- those that are news since the state before, where there are any;
- those that hold what the Envoy quotes, where some do and others do not: a RouteConfiguration has many virtual hosts.

They count as failed calls from then on, until their input changes or the extension says something else. Where the
Envoy says the same without them, they were not to blame: they are in force again, and that refusal is not about hooks.
What an Envoy refused was no good state, so the one before takes its place for as long as something is held or denied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from egxds import names
from egxds.errors import FailureReason
from egxds.hooks.calls import THE_WHOLE, CallKey, HookFailure, Unit
from egxds.hooks.policy.last_run import FormerState, LastRun, RefusedAnswer
from egxds.hooks.policy.outcome import Accepted, HookedGateway, Outcome
from egxds.hooks.replies.check import (
    CallResult,
    Edit,
    ResourceEdit,
    RouteEdit,
    TranslationEdit,
    Unchanged,
    VirtualHostEdit,
)
from egxds.resources.resource import Resources

_QUOTED = re.compile(r"[^\s'\",;:()\[\]{}]{3,}")


@dataclass(frozen=True, slots=True)
class Nack:
    """A resource of a Gateway that an Envoy refuses.

    Attributes:
        node_id: which Envoy.
        type_url: type of the resource.
        name: its name.
        words: what the Envoy says, fit to be shown.
    """

    node_id: str
    type_url: str
    name: str
    words: str

    @property
    def refused(self) -> tuple[str, str, str]:
        """What tells it from other refusals, whoever says it."""
        return self.type_url, self.name, self.words

    def failure(self) -> HookFailure:
        """Return what became of a call for it."""
        kind = names.SHORT_NAMES.get(self.type_url, self.type_url)
        message = f"Envoy {self.node_id!r} refuses {kind} {self.name} with this reply: {self.words}"
        return HookFailure(FailureReason.ENVOY, message)


@dataclass(frozen=True, slots=True)
class _Suspect:
    key: CallKey
    edit: Edit
    unit: Unit


def take_back(accepted: Accepted, nacks: Iterable[Nack]) -> Accepted:
    """Return what is accepted without the replies that Envoys refuse; the very object where there are none.

    Args:
        accepted: what the last run returned as such.
        nacks: what Envoys refuse of it.
    """
    last, found = accepted.last_run, dict[CallKey, RefusedAnswer]()
    for nack in nacks:
        in_vain = {key: answer for key, answer in last.refused.items() if answer.refused == nack.refused}
        if in_vain:
            found |= {key: replace(answer, is_acquitted=True) for key, answer in in_vain.items()}
        else:
            blamed = _to_blame(last, nack)
            found |= {one.key: RefusedAnswer(one.edit, nack.failure(), nack.refused) for one in blamed}
    if all(last.refused.get(key) == answer for key, answer in found.items()):
        return accepted
    former = last.former or FormerState()
    refused = {**last.refused, **found}
    return Accepted(former.resources, former.parts, replace(last, refused=refused, basis=None), accepted.late)


def remembering(hooked: HookedGateway, before: Accepted, refused: Mapping[CallKey, RefusedAnswer]) -> HookedGateway:
    """Return what came of a run with what is to be known if an Envoy refuses it.

    Args:
        hooked: what came of it.
        before: what was accepted before it.
        refused: the replies that count as failed.
    """
    former, now = before.last_run.former, hooked.accepted
    is_new = hooked.outcome is Outcome.ACCEPTED and not _are_same(before.resources, now.resources)
    if is_new and before.resources is not None:
        former = FormerState(before.resources, before.parts, before.last_run.said)
    last = replace(now.last_run, refused=refused, former=former)
    return replace(hooked, accepted=replace(now, last_run=last))


def _are_same(one: Mapping[str, Resources] | None, other: Mapping[str, Resources] | None) -> bool:
    """Tell whether two states have the same resources: all may have been asked again without a difference."""
    if one is None or other is None:
        return one is other
    return one.keys() == other.keys() and all(one[type_url] is other[type_url] for type_url in one)


def _to_blame(last: LastRun, nack: Nack) -> list[_Suspect]:
    suspects = [one for one in _suspects(last, nack) if one.key not in last.refused]
    former = last.former.said if last.former else {}
    news = [one for one in suspects if (one.key, one.edit) not in former.get(one.unit, ())]
    return _quoted(news or suspects, nack.words)


def _suspects(last: LastRun, nack: Nack) -> Iterator[_Suspect]:
    """Yield the replies that made a resource what it is."""
    for unit, said in last.said.items():
        for key, edit in said:
            if not isinstance(edit, HookFailure | Unchanged) and _is_about(unit, edit, nack):
                yield _Suspect(key, edit, unit)


def _is_about(unit: Unit, edit: CallResult, nack: Nack) -> bool:
    if isinstance(edit, TranslationEdit):
        held = (*edit.clusters, *edit.secrets, *edit.listeners)
        is_there = any((each.type_url, each.name) == (nack.type_url, nack.name) for each in held)
        is_routes = nack.type_url == names.ROUTE_CONFIGURATION
        return is_there or (is_routes and any(each.name == nack.name for each in edit.route_configurations))
    if isinstance(edit, ResourceEdit):
        return (edit.resource.type_url, edit.resource.name) == (nack.type_url, nack.name)
    return nack.type_url == names.ROUTE_CONFIGURATION and unit[0] == nack.name


def _quoted(suspects: list[_Suspect], words: str) -> list[_Suspect]:
    """Return those that hold what an Envoy quotes and the others do not; all where that tells nothing.

    The quote that the fewest hold decides: Envoy's own words are there as well.
    """
    by_one_thing = [one for one in suspects if one.unit != THE_WHOLE]
    bodies = [_body(one.edit) for one in suspects]
    holding = [
        [one for one, body in zip(suspects, bodies, strict=True) if quote.encode() in body]
        for quote in set(_QUOTED.findall(words))
    ]
    found = min((each for each in holding if 0 < len(each) < len(suspects)), key=len, default=None)
    # What is about everything holds everything, and is to blame where nothing else is.
    return found or by_one_thing or suspects


def _body(edit: Edit) -> bytes:
    if isinstance(edit, RouteEdit):
        return edit.body
    if isinstance(edit, VirtualHostEdit):
        return edit.host.body
    return edit.resource.body if isinstance(edit, ResourceEdit) else b""
