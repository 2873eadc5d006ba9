"""HTTPListener hook: one call for every listener. Pure."""

from __future__ import annotations

from dataclasses import replace

from egxds.hooks.calls import HookFailure
from egxds.hooks.draft import Draft
from egxds.hooks.edits import Judgement, ListenerEdit, invalid
from egxds.hooks.requests import listener_call
from egxds.hooks.stage import Stage
from egxds.settings import ExtensionManager
from egxds.translate.resource import Resource


def listener_stage(draft: Draft, manager: ExtensionManager) -> Stage:
    """Let one extension change listeners, or add one beside each; a denied listener is not shown to it."""
    targets = tuple(draft.listeners.values())
    calls = tuple(listener_call(manager, listener) for listener in targets)
    judgements = yield calls
    taken = {listener.name for listener in targets} | set(draft.denied_listeners)
    for listener, call, judgement in zip(targets, calls, judgements, strict=True):
        checked = _check_addition(listener, judgement, taken)
        if isinstance(checked, HookFailure):
            _follow(draft, listener, draft.fail(manager, call, checked))
        elif isinstance(checked, ListenerEdit):
            draft.listeners[checked.listener.name] = replace(checked.listener, sources=listener.sources)
            taken.add(checked.listener.name)


def _check_addition(listener: Resource, judgement: Judgement, taken: set[str]) -> Judgement:
    """Refuse an added listener whose name another one has."""
    if isinstance(judgement, ListenerEdit):
        name = judgement.listener.name
        if name != listener.name and name in taken:
            return invalid(f"it is named {name!r}, which is another listener")
    return judgement


def _follow(draft: Draft, listener: Resource, policy: str) -> None:
    if policy == "deny":
        draft.deny_listener(listener.name)
    elif policy == "bypass":
        draft.bypassed_listeners.add(listener.name)
