"""Objects of extensions, in the form that hooks get them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from egxds.model.objects import ApiObject, ExtensionBody
from egxds.model.resolved import ResolvedBackend, ResolvedRule
from egxds.translate.resource import ExtensionResource, ExtensionResources


def extension_resources(objects: Iterable[ApiObject[ExtensionBody]]) -> ExtensionResources:
    """Write objects for a hook, each once, in order."""
    each_once = {item.key: item for item in objects}
    return tuple(ExtensionResource(key.group, key.kind, item.content.document) for key, item in each_once.items())


def named_objects(rule: ResolvedRule, backends: Iterable[ResolvedBackend]) -> tuple[ApiObject[ExtensionBody], ...]:
    """Return the objects that a rule names as filters, then those that it names as some of its backends."""
    custom = (backend.custom for backend in backends)
    return (*rule.extensions, *(item for item in custom if item is not None))
