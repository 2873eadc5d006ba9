"""Translation hook: one call for the whole Gateway. Pure.

Of the types that the extension asked for, the reply takes the place of everything; of the others nothing in it counts.
So this is the one hook that can take away what others refer to, and what it took away is noted, to find out who is to
blame. Endpoints are never shown: they change all the time, and each change would be a call about everything. What is
denied inside a RouteConfiguration is shown, and stays denied whatever the reply says of it (`policy.kept_denials`).

Its failure denies all of the Gateway, and the extensions after it are not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from egxds import names
from egxds.hooks.calls import HookFailure
from egxds.hooks.plan.call_memo import Stage
from egxds.hooks.plan.requests import translation_call
from egxds.hooks.policy.detours import detour
from egxds.hooks.policy.draft import AppliedEdit, Contents, Draft, DraftedTranslation
from egxds.hooks.policy.kept_denials import keep_denied, unkept
from egxds.hooks.replies.check import CallResult, TranslationEdit, invalid
from egxds.resources.lent_sources import lend_sources
from egxds.resources.references import References
from egxds.resources.resource import Resource
from egxds.resources.route_configuration import RouteConfiguration
from egxds.resources.validation.addresses import contested, describe
from egxds.settings.extensions import ExtensionManager


def translation_stage(draft: Draft, manager: ExtensionManager) -> Stage:
    """Let one extension change everything that it is given; nothing that is denied as a whole is shown to it."""
    if draft.is_denied:
        return
    call, before = translation_call(manager, draft), draft.contents()
    (result,) = yield (call,)
    result = _check_denials(draft, call.included, _check_sockets(draft, result))
    if isinstance(result, HookFailure):
        # Under any policy: what the hooks before this one left is not what all of them have accepted.
        draft.has_failed_translation = True
        if draft.fail(manager, call, result) == "deny":
            draft.deny_all()
        return
    if isinstance(result, TranslationEdit):
        _apply(draft, result, call.included)
    after = draft.contents()
    removed = _removed(before, after)
    if isinstance(result, TranslationEdit):
        draft.applied.append(AppliedEdit(call, result.references, removed))
    draft.translated.append(DraftedTranslation(call, result, before, after, removed))


def _check_sockets(draft: Draft, result: CallResult) -> CallResult:
    """Refuse a reply in which two listeners bind one address."""
    if not isinstance(result, TranslationEdit) or not result.listeners:
        return result
    denied = tuple(draft.denied_listeners.values())
    before = contested(listener.body for listener in (*draft.listeners.values(), *denied))
    after = contested(listener.body for listener in (*_allowed_listeners(draft, result), *denied))
    # An address that two had bound before is not this reply's doing.
    taken = sorted(after - before)
    return invalid(f"more than one listener binds {describe(taken[0])}") if taken else result


def _check_denials(draft: Draft, included: tuple[str, ...], result: CallResult) -> CallResult:
    """Refuse a reply in which what is denied could not stay so."""
    if not isinstance(result, TranslationEdit) or not draft.may_hold_denials:
        return result
    before = draft.route_configurations
    faults = [unkept(before[item.name], item) for item in result.route_configurations if item.name in before]
    if names.LISTENER in included:
        guarded = draft.guarded()
        faults += [detour(draft.listeners.values(), item, guarded) for item in _allowed_listeners(draft, result)]
    found = next(filter(None, faults), "")
    return invalid(found) if found else result


def _removed(before: Contents, after: Contents) -> References:
    """Return the resources that a reply took away from those that may refer to them."""
    groups: tuple[tuple[str, Mapping[str, object], Mapping[str, object]], ...] = (
        (names.CLUSTER, before.clusters, after.clusters),
        (names.SECRET, before.secrets, after.secrets),
        (names.ROUTE_CONFIGURATION, before.route_configurations, after.route_configurations),
    )
    replaced = ((type_url, former, now) for type_url, former, now in groups if now is not former)
    return frozenset((type_url, name) for type_url, former, now in replaced for name in former.keys() - now.keys())


def _apply(draft: Draft, edit: TranslationEdit, included: tuple[str, ...]) -> None:
    if names.CLUSTER in included:
        allowed = tuple(item for item in edit.clusters if item.name not in draft.denied_clusters)
        draft.clusters = _replace_all(draft.clusters, allowed)
    if names.SECRET in included:
        draft.secrets = _replace_all(draft.secrets, edit.secrets)
    if names.LISTENER in included:
        draft.listeners = _replace_all(draft.listeners, _allowed_listeners(draft, edit))
    if names.ROUTE_CONFIGURATION in included:
        draft.route_configurations = _replace_configurations(draft, edit.route_configurations)


def _allowed_listeners(draft: Draft, edit: TranslationEdit) -> tuple[Resource, ...]:
    return tuple(item for item in edit.listeners if item.name not in draft.denied_listeners)


def _replace_all(before: dict[str, Resource], after: tuple[Resource, ...]) -> dict[str, Resource]:
    return {
        item.name: replace(item, sources=before[item.name].sources) if item.name in before else item for item in after
    }


def _replace_configurations(draft: Draft, after: tuple[RouteConfiguration, ...]) -> dict[str, RouteConfiguration]:
    before = draft.route_configurations
    return {
        item.name: _replaced(draft, before[item.name], item) if item.name in before else item
        for item in after
        if item.name not in draft.denied_configurations
    }


def _replaced(draft: Draft, before: RouteConfiguration, after: RouteConfiguration) -> RouteConfiguration:
    lent = lend_sources(after, before)
    return keep_denied(before, lent) if draft.may_hold_denials else lent
