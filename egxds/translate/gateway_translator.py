"""One resolved Gateway → all of its Envoy resources, doing again only what changed. Pure.

There are two ways, and `same_layout` decides which:

    the same but for routes, and for what is in secrets          the listeners that are other objects are followed
    anything else (hostnames, ports, addresses, policies)        all listeners are looked at

The first is the way of an edit. Which listeners are others the interpreter finds, by identity; what has changed in the
routes of each, its revision tells. The second may loop over listeners, and makes what depends on them anew; tables of
routes whose shape is as it was, or nearly (`route_tables`), and routes, go on as on the first.

Clusters are those of the routes at any listener, and are the same on both ways (`Backends`). So is what is asked of
tokens (`TokenRequirements`), and of servers that decide who gets in (`AuthorizationServers`): both have clusters of
their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import compress
from operator import is_not

from egxds import names
from egxds.incremental.identity import are_same, keep_equal
from egxds.incremental.revision import Revision
from egxds.model.api.core import SecretBody
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener
from egxds.model.resolve.upstreams import ClientTrust, EndpointTable
from egxds.object_key import ObjectKey
from egxds.resources.resource import Resource, Resources
from egxds.resources.route_configuration import RouteConfiguration
from egxds.resources.translation import GatewayTranslation, HookContext
from egxds.settings.client_traffic import ClientTrafficSettings
from egxds.translate.asked_upgrades import AskedUpgrades
from egxds.translate.authorization_servers import AuthorizationServers
from egxds.translate.backends.backends import Attached, Backends
from egxds.translate.backends.endpoint_users import EndpointUsers, RuleKey
from egxds.translate.backends.rules import ClientTls
from egxds.translate.collectors import Collectors
from egxds.translate.credentials import Credentials
from egxds.translate.hook_places import HookPlaces
from egxds.translate.listener_tables import TABLES, DatagramTable, ListenerTable
from egxds.translate.metadata import extension_resources
from egxds.translate.patches.patched_gateway import PatchedGateway
from egxds.translate.patches.resource_names import Aliases, aliases_of
from egxds.translate.ports import HostGroup, Port, ports_of
from egxds.translate.proxies.cluster_stats import ClusterStats
from egxds.translate.route_tables import RouteTable
from egxds.translate.secrets import translate_secret
from egxds.translate.tls import authorities_secret
from egxds.translate.token_requirements import TokenRequirements

_NO_ROUTES: Attached = Revision()
_Pair = tuple[ResolvedListener, ResolvedListener]
"""A listener as it was, and as it is."""


class GatewayTranslator:
    """Translates one Gateway, and keeps what its last translation was made from."""

    def __init__(self, gateway: ObjectKey, users: EndpointUsers, traffic: ClientTrafficSettings) -> None:
        """Start without anything.

        Args:
            gateway: the Gateway.
            users: is told which rules at it send to which endpoints.
            traffic: how requests are taken.
        """
        self._traffic = traffic
        self._backends = Backends(gateway, users)
        self._tokens = TokenRequirements(gateway)
        self._authorization = AuthorizationServers(gateway)
        self._credentials = Credentials()
        self._collectors = Collectors()
        self._configs: Resources = Revision()
        self._upgrades = AskedUpgrades()
        self._asked = (self._tokens.asked, self._authorization.asked, self._upgrades.asked)
        self._tables: dict[str, RouteTable] = {}
        self._table_names: dict[str, str] = {}
        self._ports: dict[str, ListenerTable | DatagramTable] = {}
        self._port_names: dict[str, str] = {}
        self._configurations: Revision[str, RouteConfiguration] = Revision()
        self._listeners: Resources = Revision()
        self._secrets: Resources = Revision()
        self._certificates: dict[str, ApiObject[SecretBody]] = {}
        self._context = HookContext()
        self._aliases: Aliases = {}
        self._patches = PatchedGateway(gateway)
        self._gateway: ResolvedGateway | None = None
        self._translation: GatewayTranslation | None = None

    def update(self, gateway: ResolvedGateway, table: EndpointTable, moved: Iterable[RuleKey]) -> GatewayTranslation:
        """Return all resources of the Gateway; what did not change since the last time is the same object.

        Args:
            gateway: the Gateway.
            table: the endpoints of all backends.
            moved: the rules at the Gateway that send to endpoints which are others than the last time.
        """
        before, self._gateway = self._gateway, gateway
        changed = _changed_listeners(before, gateway) if before is not None else None
        if changed is None:
            self._follow_all(before.listeners if before is not None else (), gateway)
        else:
            self._follow(changed)
        if self._upgrades.update():
            self._write_listeners(ports_of(gateway, self._upgrades.looked_at))
        reads_requests = bool(self._tables)
        servers = self._tokens.update(reads_requests) | self._authorization.update(reads_requests)
        servers |= self._collectors.update(gateway.proxy.collectors)
        self._configs = self._configs.renewed({**self._tokens.configs, **self._authorization.configs})
        self._secrets = self._secrets.edited(*self._backends.update(table, moved, servers.written, servers.gone))
        self._secrets = self._secrets.edited(*self._credentials.update())
        translated = self._patches.update(self._put_together(gateway), gateway.patches, self._aliases)
        self._translation = keep_equal(self._translation, translated)
        return self._translation

    def forget(self) -> None:
        """Take back what was told of the Gateway, which is gone."""
        self._backends.forget()

    def _put_together(self, gateway: ResolvedGateway) -> GatewayTranslation:
        context = replace(self._context, clusters=self._backends.named, belongs_to=self._backends.belongs_to)
        self._context = keep_equal(self._context, context)
        return GatewayTranslation(
            gateway=gateway.name,
            class_name=gateway.class_name,
            listeners=self._listeners,
            route_configurations=self._configurations,
            clusters=self._backends.clusters,
            endpoints=self._backends.endpoints,
            secrets=self._secrets,
            extension_configs=self._configs,
            context=self._context,
        )

    def _follow(self, changed: list[_Pair]) -> None:
        """Follow some listeners to their routes and certificates."""
        by_table: dict[str, list[ResolvedListener]] = {}
        secrets: dict[str, Resource] = {}
        renewed: list[ApiObject[SecretBody]] = []
        by_port: dict[str, list[ResolvedListener]] = {}
        for before, now in changed:
            if now.protocol.reads_requests:
                by_table.setdefault(self._table_names[now.name], []).append(now)
            else:
                by_port.setdefault(self._port_names[now.name], []).append(now)
            self._attach(now.name, before.routes, now.routes)
            secrets |= _written_authorities((now,))
            renewed += compress(now.certificates, map(is_not, before.certificates, now.certificates))
        tables = {name: self._tables[name].update(listeners) for name, listeners in by_table.items()}
        self._configurations = self._configurations.edited(tables)
        self._listeners = self._listeners.edited(
            {name: self._ports[name].update(listeners) for name, listeners in by_port.items()}
        )
        secrets |= self._written_secrets(renewed)
        self._secrets = self._secrets.edited(_kept(self._secrets, secrets))

    def _follow_all(self, before: tuple[ResolvedListener, ...], gateway: ResolvedGateway) -> None:
        """Look at all listeners, whatever has changed."""
        ports = ports_of(gateway, self._upgrades.looked_at)
        groups = [group for port in ports for group in port.groups]
        self._tables = {group.name: self._table(gateway, group) for group in groups}
        self._table_names = {listener.name: group.name for group in groups for listener in group.listeners}
        self._configurations = self._configurations.renewed(
            {name: table.configuration for name, table in self._tables.items()}
        )
        self._write_listeners(ports)
        shown = gateway.client_certificate
        certificates = [certificate for listener in gateway.listeners for certificate in listener.certificates]
        written = self._written_secrets([*certificates, *([shown] if shown is not None else [])])
        self._certificates = {name: self._certificates[name] for name in written}
        asked = _kept(self._secrets, _written_authorities(gateway.listeners))
        self._secrets = self._secrets.renewed(
            {**self._backends.secrets, **self._credentials.by_name, **asked, **written}
        )
        name = _secret_name(shown) if shown is not None else ""
        self._backends.speak(ClientTls(name, gateway.lacks_certificate, gateway.proxy.agreed))
        self._backends.count(ClusterStats.of(gateway.proxy.counted))
        self._context = self._hook_context(gateway, ports)
        self._aliases = aliases_of(ports)
        self._attach_all(before, gateway.listeners)

    def _hook_context(self, gateway: ResolvedGateway, ports: tuple[Port, ...]) -> HookContext:
        on_ports = {port.plan.name: extension_resources(port.policies) for port in ports}
        told, before = HookPlaces(gateway), self._context.places
        places = {name: keep_equal(before.get(name), fields) for name, fields in told.places().items()}
        return HookContext(
            clusters=self._context.clusters,
            listeners={name: policies for name, policies in on_ports.items() if policies},
            gateway=extension_resources(gateway.policies),
            owner=_digest((gateway.gateway, *gateway.members, *gateway.listener_sets)),
            places=before.renewed(places),
            ports=told.ports(ports),
            whole=told.whole(),
        )

    def _table(self, gateway: ResolvedGateway, group: HostGroup) -> RouteTable:
        before = self._tables.get(group.name)
        return before.followed(gateway.gateway, group) if before is not None else RouteTable(gateway.gateway, group)

    def _write_listeners(self, ports: Collection[Port]) -> None:
        self._ports = {port.plan.name: self._port(port) for port in ports}
        self._port_names = {each.name: port.plan.name for port in ports for each in port.streams}
        self._listeners = self._listeners.renewed({name: table.resource for name, table in self._ports.items()})

    def _port(self, port: Port) -> ListenerTable | DatagramTable:
        before = self._ports.get(port.plan.name)
        if before is None or before.plan != port.plan:
            table = TABLES[port.plan.transport](port, self._traffic)
            # What is asked of clients may be said otherwise and come to the same.
            table.resource = keep_equal(before.resource if before is not None else None, table.resource)
            return table
        before.update(port.streams)
        return before

    def _written_secrets(self, certificates: Iterable[ApiObject[SecretBody]]) -> dict[str, Resource]:
        """Write certificates, each once however many listeners have it, and those of before not again.

        Args:
            certificates: all that may be others; what comes of them is to be among the secrets before the next call.
        """
        found = {_secret_name(each): each for each in certificates}
        known, kept = self._secrets, self._certificates
        others = {name: each for name, each in found.items() if name not in known or kept.get(name) is not each}
        kept.update(others)
        written = _kept(known, {name: translate_secret(each) for name, each in others.items()})
        return {name: written[name] if name in written else known[name] for name in found}

    def _attach_all(self, before: Iterable[ResolvedListener], now: Iterable[ResolvedListener]) -> None:
        there_before = {listener.name: listener for listener in before}
        there_now = {listener.name: listener for listener in now}
        self._backends.hear(there_now)
        for asked in self._asked:
            asked.hear(there_before, there_now)
        for name in there_before.keys() | there_now.keys():
            routes_before, routes_now = (
                found[name].routes if name in found else _NO_ROUTES for found in (there_before, there_now)
            )
            self._attach(name, routes_before, routes_now)

    def _attach(self, listener: str, before: Attached, now: Attached) -> None:
        self._backends.attach(listener, before, now)
        for asked in self._asked:
            asked.attach(listener, before, now)
        self._credentials.attach(listener, before, now)


def _written_authorities(listeners: Iterable[ResolvedListener]) -> dict[str, Resource]:
    """Return who the certificates of clients are to be issued by, as SDS delivers it."""
    asked = (listener.trust.authorities for listener in listeners if listener.trust is not None)
    return {each.name: authorities_secret(each) for each in asked if each is not None}


def _kept(before: Resources, now: Mapping[str, Resource]) -> dict[str, Resource]:
    """Return the resources of now, with the objects of before where they are equal."""
    return {name: keep_equal(before.get(name), resource) for name, resource in now.items()}


def _changed_listeners(before: ResolvedGateway, now: ResolvedGateway) -> list[_Pair] | None:
    """Return the listeners that are others than before; None where more has changed than routes and certificates."""
    same = (
        now.gateway is before.gateway
        and now.class_name == before.class_name
        and now.addresses == before.addresses
        and are_same(now.policies, before.policies)
        and now.closed == before.closed
        and are_same(now.listener_sets, before.listener_sets)
        and are_same(now.members, before.members)
        and now.client_certificate is before.client_certificate
        and now.lacks_certificate == before.lacks_certificate
        and (now.proxy.proxies, now.proxy.of_listeners) == (before.proxy.proxies, before.proxy.of_listeners)
        and now.proxy.counted == before.proxy.counted
        and now.proxy.agreed == before.proxy.agreed
        and len(now.listeners) == len(before.listeners)
    )
    if not same:
        return None
    pairs = zip(before.listeners, now.listeners, strict=True)
    changed = list(compress(pairs, map(is_not, before.listeners, now.listeners)))
    return changed if all(_same_layout(one, other) for one, other in changed) else None


def _same_layout(one: ResolvedListener, other: ResolvedListener) -> bool:
    """Tell whether two listeners are the same but for their routes, and for what is in their certificates."""
    return (
        (one.name, one.port, one.protocol, one.hostname) == (other.name, other.port, other.protocol, other.hostname)
        and are_same(one.policies, other.policies)
        and one.denials == other.denials
        and one.in_force == other.in_force
        and one.to_backends == other.to_backends
        and [each.key for each in one.certificates] == [each.key for each in other.certificates]
        and _asked(one) == _asked(other)
        and one.traffic.layout == other.traffic.layout
        and one.addresses == other.addresses
    )


def _asked(listener: ResolvedListener) -> tuple[str, ClientTrust] | None:
    """Return what clients are asked for, but for what is in the authorities."""
    trust = listener.trust
    if trust is None:
        return None
    return trust.authorities.name if trust.authorities is not None else "", replace(trust, authorities=None)


def _digest(objects: Iterable[ApiObject[ApiModel]]) -> bytes:
    """Return the SHA-256 of all that a Gateway, and the ListenerSets that it takes, say."""
    # Annotations are no part of an object's own representation, which may end up in a log.
    said = [(item.says, item.meta.annotations) for item in objects]
    return hashlib.sha256(repr(said).encode()).digest()


def _secret_name(secret: ApiObject[SecretBody]) -> str:
    return names.secret_name(secret.key.namespace, secret.key.name)
