"""Whether all that is referred to is still there after a part of a Gateway changed, looking at that part alone. Pure.

Of a run that is gone on from two things are so:

1. all that any edit refers to is there;
2. nothing refers to what a Translation hook took away.

So no reply leaves a reference to nothing (`dangling_references`). After a change both are so again where

- what new edits refer to is there, and nothing that went is what an edit refers to, or what a Translation hook takes
  away;
- no Translation hook takes away what it had not taken away before, and nothing that changed refers to what they do.

That is more than is needed: what cannot be told from the part alone is told by a run over everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from egxds import names
from egxds.hooks.plan.dangling_references import always_there, needed
from egxds.hooks.policy.draft import Draft
from egxds.hooks.policy.last_run import Basis, Translated
from egxds.hooks.replies.check import TranslationEdit
from egxds.resources.references import (
    Reference,
    References,
    references,
    resource_references,
    virtual_host_references,
)
from egxds.resources.resource import Resources
from egxds.resources.route_configuration import RouteConfiguration
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager

_NONE: References = frozenset()


def all_exist(
    resources: Mapping[str, Resources], references: Iterable[Reference], managers: Iterable[ExtensionManager]
) -> bool:
    """Tell whether all that is referred to is there.

    Args:
        resources: what is published.
        references: what is referred to.
        managers: know of clusters that every Envoy has.
    """
    always = always_there(managers)
    return all(found in always or _is_there(resources, found) for found in references)


def removed_by(translated: Iterable[Translated], resources: Mapping[str, Resources]) -> References:
    """Return what Translation hooks took away and none of them brought back.

    Args:
        translated: what they did.
        resources: what is published.
    """
    removed = _NONE.union(*(step.removed for step in translated))
    return frozenset(found for found in removed if not _is_there(resources, found))


def still_removed(basis: Basis, translated: Sequence[Translated], resources: Mapping[str, Resources]) -> References:
    """Return the same after a change; where they took away what they had, without a look at it.

    Args:
        basis: before the change.
        translated: what they do now.
        resources: what is published now.
    """
    is_same = [step.removed for step in translated] == [step.removed for step in basis.translated]
    return basis.removed if is_same else removed_by(translated, resources)


def is_any_missed(draft: Draft, removed: References) -> bool:
    """Tell whether anything that there is refers to what was taken away.

    Args:
        draft: after all hooks.
        removed: what `removed_by` returned.
    """
    return bool(removed) and not removed.isdisjoint(needed(draft))


def are_kept(before: Basis, now: Basis, new: Iterable[Reference], managers: tuple[ExtensionManager, ...]) -> bool:
    """Tell whether all is still there, as far as that can be told from what changed.

    Args:
        before: the run before.
        now: this one.
        new: what new edits of one thing refer to.
        managers: know of clusters that every Envoy has.
    """
    added = {*new, *_newly_referred(before.translated, now.translated)}
    in_use = (now.references, *chain.from_iterable((step.removed, _referred_by(step)) for step in now.translated))
    return (
        all_exist(now.published, added, managers)
        and not any(found in group for found in _gone(before.published, now.published) for group in in_use)
        and now.removed <= before.removed
        and (not now.removed or now.removed.isdisjoint(_referred_by_changes(before.left, now.left)))
    )


def _is_there(resources: Mapping[str, Resources], reference: Reference) -> bool:
    type_url, name = reference
    return name in resources.get(type_url, ())


def _newly_referred(before: Sequence[Translated], now: Sequence[Translated]) -> Iterator[Reference]:
    """Yield what replies to Translation calls refer to that those before did not."""
    for former, step in zip(before, now, strict=True):
        if step.edit is not former.edit:
            yield from _referred_by(step) - _referred_by(former)


def _referred_by(step: Translated) -> References:
    return step.edit.references if isinstance(step.edit, TranslationEdit) else _NONE


def _gone(before: Mapping[str, Resources], now: Mapping[str, Resources]) -> Iterator[Reference]:
    """Yield what was published and is not any more."""
    for type_url, resources in now.items():
        changed = resources.changed_since(before[type_url])
        yield from ((type_url, name) for name in changed if name not in resources)


def _referred_by_changes(before: GatewayTranslation, now: GatewayTranslation) -> Iterator[Reference]:
    """Yield what the listeners, their filters, clusters and virtual hosts refer to that are others than before."""
    groups = (
        (before.listeners, now.listeners),
        (before.extension_configs, now.extension_configs),
        (before.clusters, now.clusters),
    )
    for former, group in groups:
        for name in group.changed_since(former):
            yield from resource_references(group[name]) if name in group else ()
    for name in now.route_configurations.changed_since(before.route_configurations):
        if name in now.route_configurations:
            yield from _referred_by_hosts(before.route_configurations.get(name), now.route_configurations[name])


def _referred_by_hosts(before: RouteConfiguration | None, now: RouteConfiguration) -> Iterator[Reference]:
    yield from references(names.ROUTE_CONFIGURATION, now.head)
    hosts = now.virtual_hosts.by_name
    for name in hosts.changed_since(before.virtual_hosts.by_name if before else None):
        yield from virtual_host_references(hosts[name]) if name in hosts else ()
