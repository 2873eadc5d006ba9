"""Translation hook: one call for the whole Gateway. Pure."""

from __future__ import annotations

from dataclasses import replace

from egxds import names
from egxds.hooks.calls import HookFailure
from egxds.hooks.draft import Draft
from egxds.hooks.edits import TranslationEdit
from egxds.hooks.requests import translation_call
from egxds.hooks.sources import lend_sources
from egxds.hooks.stage import Stage
from egxds.settings import ExtensionManager
from egxds.translate.resource import Resource, RouteConfiguration


def translation_stage(draft: Draft, manager: ExtensionManager) -> Stage:
    """Let one extension change everything that it is given; nothing that is denied is shown to it."""
    if draft.is_denied:
        return
    call = translation_call(manager, draft)
    (judgement,) = yield (call,)
    if isinstance(judgement, HookFailure):
        draft.has_failed_translation = True
        if draft.fail(manager, call, judgement) == "deny":
            draft.deny_all()
    elif isinstance(judgement, TranslationEdit):
        _apply(draft, judgement, call.included)


def _apply(draft: Draft, edit: TranslationEdit, included: tuple[str, ...]) -> None:
    if names.CLUSTER in included:
        draft.clusters = _replace_all(draft.clusters, edit.clusters)
    if names.SECRET in included:
        draft.secrets = _replace_all(draft.secrets, edit.secrets)
    if names.LISTENER in included:
        allowed = (item for item in edit.listeners if item.name not in draft.denied_listeners)
        draft.listeners = _replace_all(draft.listeners, tuple(allowed))
    if names.ROUTE_CONFIGURATION in included:
        draft.route_configurations = _replace_configurations(draft, edit.route_configurations)


def _replace_all(before: dict[str, Resource], after: tuple[Resource, ...]) -> dict[str, Resource]:
    return {
        item.name: replace(item, sources=before[item.name].sources) if item.name in before else item for item in after
    }


def _replace_configurations(draft: Draft, after: tuple[RouteConfiguration, ...]) -> dict[str, RouteConfiguration]:
    before = draft.route_configurations
    return {
        item.name: lend_sources(item, before[item.name]) if item.name in before else item
        for item in after
        if item.name not in draft.denied_configurations
    }
