"""HTTPListener hook: one call for every listener. Pure.

What one reply may do depends on the others: two listeners that bind one address are refused by Envoy, and which one is
in force then depends on the order in which they came. So replies are judged together, and whoever wants an address
that it did not have loses it to whoever has it. Two that want it both lose it: the order of the calls must not decide.
Nor may a reply lead around what earlier hooks have left denied (`policy.detours`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from egxds.hooks.calls import HookCall, HookFailure
from egxds.hooks.plan.call_memo import Stage
from egxds.hooks.plan.requests import listener_call
from egxds.hooks.policy.detours import detour
from egxds.hooks.policy.draft import AppliedEdit, Draft
from egxds.hooks.replies.check import CallResult, ResourceEdit, invalid
from egxds.resources.resource import Resource
from egxds.resources.validation.addresses import Socket, contested, describe, sockets
from egxds.settings.extensions import ExtensionManager


@dataclass(slots=True)
class _Answer:
    """What an extension says about one listener; a later check may still turn it into a failure."""

    listener: Resource
    call: HookCall
    result: CallResult

    def proposals(self) -> tuple[Resource, ...]:
        """Return the listener as it would be, and the one that would be added beside it."""
        if not isinstance(self.result, ResourceEdit):
            return (self.listener,)
        edited = self.result.resource
        return (edited,) if edited.name == self.listener.name else (self.listener, edited)

    def new_sockets(self) -> frozenset[Socket]:
        """Return what would be bound that was not, an address taken from the listener itself included."""
        *kept, last = self.proposals()
        return sockets(last.body) - (frozenset() if kept else sockets(self.listener.body))


def listener_stage(draft: Draft, manager: ExtensionManager) -> Stage:
    """Let one extension change listeners, or add one beside each; a denied listener is not shown to it."""
    context = draft.translation.context
    targets = tuple(draft.listeners.values())
    calls = tuple(listener_call(manager, listener, context) for listener in targets)
    results = yield calls
    answers = [_Answer(*found) for found in zip(targets, calls, results, strict=True)]
    # Collisions last: a listener that is refused for another reason binds nothing new, and stands in nobody's way.
    _refuse_names(answers, draft.denied_listeners)
    _refuse_detours(answers, targets, draft.guarded())
    _refuse_collisions(answers, draft.denied_listeners.values())
    for answer in answers:
        if isinstance(answer.result, HookFailure):
            _follow(draft, answer.listener, draft.fail(manager, answer.call, answer.result))
        elif isinstance(answer.result, ResourceEdit):
            edited = answer.result.resource
            draft.listeners[edited.name] = replace(edited, sources=answer.listener.sources)
            draft.applied.append(AppliedEdit(answer.call, answer.result.references))


def _refuse_names(answers: Sequence[_Answer], denied: Iterable[str]) -> None:
    """Refuse added listeners whose name another one has; of two with one name, the second."""
    taken = {*denied, *(answer.listener.name for answer in answers)}
    for answer in answers:
        _, *added = answer.proposals()
        for listener in added:
            if listener.name in taken:
                answer.result = invalid(f"it is named {listener.name!r}, which is another listener")
            taken.add(listener.name)


def _refuse_detours(answers: Sequence[_Answer], before: Sequence[Resource], guarded: frozenset[str]) -> None:
    for answer in answers if guarded else ():
        fault = detour(before, answer.proposals()[-1], guarded) if isinstance(answer.result, ResourceEdit) else ""
        if fault:
            answer.result = invalid(fault)


def _refuse_collisions(answers: Sequence[_Answer], denied: Iterable[Resource]) -> None:
    """Refuse edits that bind an address of another listener, until none does.

    A refused one binds its former address again, which another edit may have taken: hence the repetition. It
    ends, for each round refuses an edit.
    """
    fixed = [listener.body for listener in denied]
    while colliding := tuple(_colliding(fixed, answers)):
        for answer, socket in colliding:
            answer.result = invalid(f"it binds {describe(socket)}, which another listener does")


def _colliding(fixed: Sequence[bytes], answers: Sequence[_Answer]) -> Iterator[tuple[_Answer, Socket]]:
    taken = contested((*fixed, *(proposal.body for answer in answers for proposal in answer.proposals())))
    for answer in answers:
        wanted = sorted(answer.new_sockets() & taken) if taken and isinstance(answer.result, ResourceEdit) else []
        if wanted:
            yield answer, wanted[0]


def _follow(draft: Draft, listener: Resource, policy: str) -> None:
    if policy == "deny":
        draft.deny_listener(listener.name)
    elif policy == "bypass":
        draft.bypassed.add((listener.type_url, listener.name))
