"""What of a Gateway changed since a run, as a Gateway of its own, for the hooks to work on. Pure.

Hooks are called about one virtual host, one cluster, the endpoints of one, one listener, and what they reply changes
that one. So the stages can be taken through what changed alone, and what comes out takes the place of what came out of
it before. Listeners are few, and judged together: one that changed brings all of them along. What a hook failed on is
gone through again each time, as if it had changed: it is to be asked about again, and what is denied together is then
all there.

What the interpreter does over all of a Gateway: nothing. Revisions know what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from egxds import names
from egxds.hooks.calls import Unit
from egxds.incremental.revision import Revision
from egxds.resources.route_configuration import RouteConfiguration, VirtualHosts
from egxds.resources.translation import GatewayTranslation

ValueT = TypeVar("ValueT")

_NO_HOSTS = VirtualHosts()


@dataclass(frozen=True, slots=True)
class ChangedPart:
    """The part of a Gateway that changed.

    Attributes:
        before: the whole before.
        now: the whole now.
        translation: of the whole now, what changed.
        hosts: RouteConfiguration → names of its virtual hosts that changed, came or went, for each that changed.
        names: type URL → names of what changed, came or went, but for RouteConfigurations.
    """

    before: GatewayTranslation
    now: GatewayTranslation
    translation: GatewayTranslation
    hosts: Mapping[str, frozenset[str]]
    names: Mapping[str, frozenset[str]]

    def units(self) -> Iterator[Unit]:
        """Iterate over what changed, came or went."""
        yield from ((name, host) for name, hosts in self.hosts.items() for host in hosts)
        yield from ((type_url, name) for type_url, found in self.names.items() for name in found)


def changed_part(before: GatewayTranslation, now: GatewayTranslation, failing: Iterable[Unit] = ()) -> ChangedPart:
    """Return what changed of a Gateway, looking at nothing else.

    Args:
        before: an earlier translation of it.
        now: the newest.
        failing: virtual hosts that count as changed, too.
    """
    hosts = {
        name: _hosts(now, name).by_name.changed_since(_hosts(before, name).by_name)
        for name in now.route_configurations.changed_since(before.route_configurations)
    }
    for name, host in failing:
        hosts[name] = hosts.get(name, frozenset()) | {host}
    named = now.context.clusters.changed_since(before.context.clusters)
    named |= now.context.belongs_to.changed_since(before.context.belongs_to)
    found = {
        names.LISTENER: _listeners(before, now),
        names.CLUSTER: now.clusters.changed_since(before.clusters) | named,
        names.ENDPOINT: now.endpoints.changed_since(before.endpoints) | named,
        names.SECRET: now.secrets.changed_since(before.secrets),
    }
    part = replace(
        now,
        route_configurations=_configurations(now, hosts),
        listeners=_only(now.listeners, found[names.LISTENER]),
        clusters=_only(now.clusters, found[names.CLUSTER]),
        endpoints=_only(now.endpoints, found[names.ENDPOINT]),
        secrets=_only(now.secrets, found[names.SECRET]),
    )
    return ChangedPart(before, now, part, hosts, found)


def _hosts(translation: GatewayTranslation, name: str) -> VirtualHosts:
    configuration = translation.route_configurations.get(name)
    return configuration.virtual_hosts if configuration else _NO_HOSTS


def _listeners(before: GatewayTranslation, now: GatewayTranslation) -> frozenset[str]:
    context, former = now.context, before.context
    is_same = now.listeners is before.listeners and context.listeners == former.listeners
    is_same = is_same and (context.owner, context.ports) == (former.owner, former.ports)
    return frozenset() if is_same else frozenset(before.listeners.keys() | now.listeners.keys())


def _configurations(
    translation: GatewayTranslation, hosts: Mapping[str, Iterable[str]]
) -> Revision[str, RouteConfiguration]:
    configurations = _only(translation.route_configurations, hosts)
    return Revision(
        {
            name: replace(item, virtual_hosts=VirtualHosts(_only(item.virtual_hosts.by_name, hosts[name]).values()))
            for name, item in configurations.items()
        }
    )


def _only(items: Mapping[str, ValueT], wanted: Iterable[str]) -> Revision[str, ValueT]:
    return Revision({name: items[name] for name in sorted(wanted) if name in items})
