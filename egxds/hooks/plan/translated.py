"""Takes a Gateway of which a part changed through the Translation hooks. Pure.

A Translation hook is about everything that it is shown, so there is no part of it to be had. But of what it is not
shown nothing counts for it: where all that it is shown is as it was, so is all that it said, and neither a request is
made nor a reply looked at. Where something of it changed, the request is joined of bodies that are encoded already,
and what the reply costs is what it carries. Whatever it brings back as it was is the very object of before.

What the interpreter does over all that an extension is shown: the join of the request, its hash, and copies; and of the
objects that rules name, a join and a hash.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any

from egxds import names
from egxds.hooks.calls import HookCall
from egxds.hooks.plan.call_memo import CallMemo
from egxds.hooks.plan.merging import renewed, renewed_configurations
from egxds.hooks.plan.translation import translation_stage
from egxds.hooks.policy.draft import Contents, Draft
from egxds.hooks.policy.last_run import Translated
from egxds.hooks.replies.check import CallResult
from egxds.incremental.revision import Revision
from egxds.resources.resource import Resources
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, Hook

_SHOWN: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    names.LISTENER: ("listeners", renewed),
    names.CLUSTER: ("clusters", renewed),
    names.SECRET: ("secrets", renewed),
    names.ROUTE_CONFIGURATION: ("route_configurations", renewed_configurations),
}
"""Types that a Translation hook can be shown → where they are, and how those before are gone on from."""


def translate_on(
    former: tuple[Translated, ...],
    merged: GatewayTranslation,
    managers: tuple[ExtensionManager, ...],
    before: Draft,
    memo: CallMemo,
) -> Generator[tuple[HookCall, ...], tuple[CallResult, ...], tuple[Translated, ...] | None]:
    """Return what the Translation hooks make of a Gateway; nothing where one failed.

    Args:
        former: what they made of it before.
        merged: what the other hooks have made of it by now.
        managers: the extensions, in declared order.
        before: of what changed, after the other hooks; says what they failed on.
        memo: knows what was said before.
    """
    found: list[Translated] = []
    now = merged
    for manager, last in zip(_asked(managers), former, strict=True):
        if _is_shown_the_same(last, now) and not _may_be_refused_anew(last, before):
            found.append(replace(last, before=now, after=_as_before(last, now)))
        else:
            draft = Draft(now, before.accepted)
            draft.problems = list(before.problems)
            yield from memo.through(translation_stage(draft, manager))
            if draft.has_failed_translation:
                return None
            found.append(_followed_by(last, now, draft))
        now = found[-1].after
    return tuple(found)


def steps_of(draft: Draft, published: Mapping[str, Resources]) -> tuple[GatewayTranslation, tuple[Translated, ...]]:
    """Return what the Translation hooks found, and what each made of it, in a run over everything.

    Args:
        draft: after all hooks; nothing but virtual hosts is denied.
        published: what is published of it.
    """
    revisions = _Revisions(draft.contents(), published)
    first = draft.translated[0].before if draft.translated else draft.contents()
    edited = now = revisions.put_in(draft.translation, first)
    steps: list[Translated] = []
    for made in draft.translated:
        before, now = now, revisions.put_in(now, made.after)
        steps.append(Translated(made.call.key(), made.edit, made.call.included, before, now, made.removed))
    return edited, tuple(steps)


class _Revisions:
    """One revision for each mapping that a draft ever had: what no hook replaced is the same before and after it."""

    def __init__(self, last: Contents, published: Mapping[str, Resources]) -> None:
        """Know what is published, as it is what the last hook left."""
        self._known: dict[int, tuple[Mapping[str, Any], Revision[str, Any]]] = {
            id(last.listeners): (last.listeners, published[names.LISTENER]),
            id(last.clusters): (last.clusters, published[names.CLUSTER]),
            id(last.endpoints): (last.endpoints, published[names.ENDPOINT]),
            id(last.secrets): (last.secrets, published[names.SECRET]),
        }

    def put_in(self, translation: GatewayTranslation, contents: Contents) -> GatewayTranslation:
        """Return a Gateway with these contents."""
        return replace(
            translation,
            listeners=self._of(contents.listeners),
            clusters=self._of(contents.clusters),
            endpoints=self._of(contents.endpoints),
            secrets=self._of(contents.secrets),
            route_configurations=self._of(contents.route_configurations),
        )

    def _of(self, mapping: Mapping[str, Any]) -> Revision[str, Any]:
        # The mapping is kept as well, lest another one come to have its identity.
        if id(mapping) not in self._known:
            self._known[id(mapping)] = mapping, Revision(mapping)
        return self._known[id(mapping)][1]


def _asked(managers: tuple[ExtensionManager, ...]) -> list[ExtensionManager]:
    return [manager for manager in managers if Hook.TRANSLATION in manager.hooks.xds_translator.post]


def _is_shown_the_same(last: Translated, now: GatewayTranslation) -> bool:
    shown = [_SHOWN[type_url][0] for type_url in last.included]
    is_same = all(getattr(last.before, place) is getattr(now, place) for place in shown)
    before, context = last.before.context, now.context
    # The objects that rules name are shown to no Translation hook, which is asked again for them all the same.
    is_same = is_same and before.clusters is context.clusters and before.belongs_to is context.belongs_to
    return is_same and (before.gateway, before.owner, before.whole) == (context.gateway, context.owner, context.whole)


def _may_be_refused_anew(last: Translated, draft: Draft) -> bool:
    """Tell whether a reply has to be judged again, by what is denied beside that which the extension is shown."""
    return draft.may_hold_denials and names.LISTENER in last.included


def _as_before(last: Translated, now: GatewayTranslation) -> GatewayTranslation:
    shown = [_SHOWN[type_url][0] for type_url in last.included]
    return replace(now, **{place: getattr(last.after, place) for place in shown})


def _followed_by(last: Translated, now: GatewayTranslation, draft: Draft) -> Translated:
    """Return what a Translation hook did this time.

    Args:
        last: what it did the last time.
        now: what there was before it.
        draft: after it.
    """
    made = draft.translated[-1]
    shown = [_SHOWN[type_url] for type_url in last.included]
    after = {place: renew(getattr(last.after, place), getattr(draft, place)) for place, renew in shown}
    return Translated(made.call.key(), made.edit, last.included, now, replace(now, **after), made.removed)
