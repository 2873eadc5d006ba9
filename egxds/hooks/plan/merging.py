"""Puts what the hooks made of the changed part in the place of what was there. Pure.

What comes out as it was is the very object of before, and so is each mapping in which nothing differs: whoever comes
next, be it a Translation hook or the snapshot, sees by identity that it has nothing to do.

What the interpreter does over all of a Gateway: a copy of each mapping that is edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from egxds import names
from egxds.hooks.plan.changed_part import ChangedPart
from egxds.hooks.policy.draft import Draft
from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.resources.resource import Resource, Resources
from egxds.resources.route_configuration import RouteConfiguration, VirtualHosts
from egxds.resources.translation import GatewayTranslation


def merged(before: GatewayTranslation, part: ChangedPart, draft: Draft) -> GatewayTranslation:
    """Return what the hooks that are called about one thing each would have made of the whole.

    Args:
        before: what they made of it before the change.
        part: what changed.
        draft: of what changed, after those hooks.
    """
    # Listeners are judged together: where one changed all went through the hooks, and those that are gone are gone.
    listeners = before.listeners if part.names[names.LISTENER] else ()
    return replace(
        part.now,
        listeners=_edited(before.listeners, draft.listeners, listeners),
        clusters=_edited(before.clusters, draft.clusters, part.names[names.CLUSTER]),
        endpoints=_edited(before.endpoints, draft.endpoints, part.names[names.ENDPOINT]),
        secrets=_edited(before.secrets, draft.secrets, part.names[names.SECRET]),
        route_configurations=_edited_configurations(before.route_configurations, part, draft),
    )


def renewed(before: Resources, now: Mapping[str, Resource]) -> Resources:
    """Return resources, all of which are looked at, those that equal the ones before as these very objects."""
    return before.renewed({name: keep_equal(before.get(name), item) for name, item in now.items()})


def renewed_configurations(
    before: Revision[str, RouteConfiguration], now: Mapping[str, RouteConfiguration]
) -> Revision[str, RouteConfiguration]:
    """Return RouteConfigurations, all looked at; whatever of them equals what was before is that very object."""
    return before.renewed({name: _renewed_configuration(before.get(name), item) for name, item in now.items()})


def _edited(before: Resources, now: Mapping[str, Resource], in_question: Iterable[str]) -> Resources:
    return before.edited({name: keep_equal(before.get(name), item) for name, item in now.items()}, in_question)


def _edited_configurations(
    before: Revision[str, RouteConfiguration], part: ChangedPart, draft: Draft
) -> Revision[str, RouteConfiguration]:
    edited = {
        name: _configuration(before.get(name), item, part.hosts[name])
        for name, item in draft.route_configurations.items()
    }
    return before.edited(edited, part.hosts)


def _renewed_configuration(before: RouteConfiguration | None, now: RouteConfiguration) -> RouteConfiguration:
    return _configuration(before, now, before.virtual_hosts.by_name if before else ())


def _configuration(
    before: RouteConfiguration | None, changed: RouteConfiguration, names_in_question: Iterable[str]
) -> RouteConfiguration:
    """Put virtual hosts in the place of those before; what comes out equal is the very object of before."""
    hosts = before.virtual_hosts if before else VirtualHosts()
    new = {host.name: keep_equal(hosts.by_name.get(host.name), host) for host in changed.virtual_hosts}
    edited = replace(changed, virtual_hosts=hosts.edited(new, names_in_question))
    is_same = before is not None and edited.virtual_hosts is hosts
    return before if before and is_same and (before.head, before.sources) == (edited.head, edited.sources) else edited
