"""A resolved Gateway → all of its Envoy resources, doing again only what changed. Pure.

The model room hands in Gateways whose unchanged parts are the same objects as before; the hooks room gets resources of
which the same is true.

Memos are kept for each Gateway and each layer, a value under the key of what it is, with the objects it was made from:
routes of an HTTPRoute under some hostnames, virtual hosts, RouteConfigurations, clusters and endpoints of an
HTTPRoute, listeners, secrets. A change of one route makes anew that route, the virtual hosts it stands in, and the
heads that join them; protobuf fields concatenate, so what did not change is joined and not encoded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

from egxds import names
from egxds.incremental.memo import Memo
from egxds.incremental.revision import Revision
from egxds.model.api.core import SecretBody
from egxds.model.api.object import ApiObject
from egxds.model.resolve.resolved import EndpointTable, ResolvedGateway, ResolvedRoute
from egxds.resources.resource import Resource
from egxds.resources.route_configuration import RouteConfiguration
from egxds.resources.translation import GatewayTranslation, HookContext
from egxds.translate.backends.backends import RouteBackends, translate_backends
from egxds.translate.listeners import ListenerPlan, translate_listener
from egxds.translate.metadata import extension_resources
from egxds.translate.ports import Port, ports_of
from egxds.translate.route_tables import RouteTables
from egxds.translate.secrets import translate_secret

NamedT = TypeVar("NamedT", Resource, RouteConfiguration)


class Translator:
    """Translates Gateways and remembers, for each, what its last translation was made from.

    Attributes:
        work: how often each kind of thing was encoded so far, such as `routes_encoded` (routes at one set
            of hostnames), `virtual_hosts_encoded` or `backends_encoded` (clusters and endpoints of a route).
    """

    def __init__(self) -> None:
        self.work: Counter[str] = Counter()
        self._gateways: dict[str, _GatewayTranslator] = {}

    def translate(self, gateway: ResolvedGateway, endpoints: EndpointTable) -> GatewayTranslation:
        """Return all resources of a Gateway; what did not change since the last time is the same object.

        Args:
            gateway: the Gateway.
            endpoints: of all backends.
        """
        return self._gateways.setdefault(gateway.name, _GatewayTranslator(self.work)).translate(gateway, endpoints)

    def forget(self, gateway_name: str) -> None:
        """Drop what is remembered of a Gateway that is gone."""
        self._gateways.pop(gateway_name, None)


class _GatewayTranslator:
    """Translates one Gateway."""

    def __init__(self, work: Counter[str]) -> None:
        self._tables = RouteTables(work)
        self._backends: Memo[RouteBackends] = Memo("backends_encoded", work)
        self._listeners: Memo[Resource] = Memo("listeners_encoded", work)
        self._secrets: Memo[Resource] = Memo("secrets_encoded", work)
        self._gateway: ResolvedGateway | None = None
        self._endpoints: EndpointTable = Revision()
        self._last: GatewayTranslation | None = None

    def translate(self, gateway: ResolvedGateway, endpoints: EndpointTable) -> GatewayTranslation:
        """Translate the Gateway; the translation of before where it comes to the same."""
        if self._last is None or gateway is not self._gateway or endpoints is not self._endpoints:
            self._endpoints = endpoints
            translation = self._translate(gateway)
            self._last = self._last if translation == self._last else translation
            self._gateway = gateway
        return self._last

    def _translate(self, gateway: ResolvedGateway) -> GatewayTranslation:
        ports = ports_of(gateway)
        backends = [self._route_backends(route) for route in _routes_of(gateway)]
        tables = [self._tables.translate(gateway.gateway, group) for port in ports for group in port.groups]
        last = self._last or _nothing(gateway)
        translation = GatewayTranslation(
            gateway=gateway.name,
            class_name=gateway.class_name,
            listeners=last.listeners.renewed(_named(self._listener(port.plan) for port in ports)),
            route_configurations=last.route_configurations.renewed(_named(tables)),
            clusters=last.clusters.renewed(_named(cluster for each in backends for cluster in each.clusters)),
            endpoints=last.endpoints.renewed(_named(endpoint for each in backends for endpoint in each.endpoints)),
            secrets=last.secrets.renewed(_named(self._secret(secret) for secret in _certificates_of(gateway))),
            context=_context(last.context, gateway, ports, backends),
        )
        self._forget_unused()
        return translation

    def _route_backends(self, route: ResolvedRoute) -> RouteBackends:
        keys = (backend.endpoints for rule in route.rules for backend in rule.backends if backend.endpoints is not None)
        made_from = (route, *(self._endpoints[key] for key in keys))
        return self._backends.get(route.route.key, made_from, lambda: translate_backends(route, self._endpoints))

    def _listener(self, plan: ListenerPlan) -> Resource:
        # The plan is the key: equal plans make equal listeners, whichever objects they came from.
        return self._listeners.get(plan, (), lambda: translate_listener(plan))

    def _secret(self, secret: ApiObject[SecretBody]) -> Resource:
        return self._secrets.get(_secret_name(secret), (secret,), lambda: translate_secret(secret))

    def _forget_unused(self) -> None:
        self._tables.forget_unused()
        self._backends.forget_unused()
        self._listeners.forget_unused()
        self._secrets.forget_unused()


def _context(
    last: HookContext, gateway: ResolvedGateway, ports: Iterable[Port], backends: Iterable[RouteBackends]
) -> HookContext:
    on_ports = {port.plan.name: extension_resources(port.policies) for port in ports}
    return HookContext(
        clusters=last.clusters.renewed({name: objects for each in backends for name, objects in each.named.items()}),
        listeners={name: policies for name, policies in on_ports.items() if policies},
        gateway=extension_resources(gateway.policies),
    )


def _routes_of(gateway: ResolvedGateway) -> list[ResolvedRoute]:
    """Return the routes that are attached to any listener, each once."""
    return list(
        dict.fromkeys(attached.route for listener in gateway.listeners for attached in listener.routes.values())
    )


def _certificates_of(gateway: ResolvedGateway) -> list[ApiObject[SecretBody]]:
    """Return the certificates of all listeners, each once."""
    listed = (certificate for listener in gateway.listeners for certificate in listener.certificates)
    return list({_secret_name(certificate): certificate for certificate in listed}.values())


def _secret_name(secret: ApiObject[SecretBody]) -> str:
    return names.secret_name(secret.key.namespace, secret.key.name)


def _named(resources: Iterable[NamedT]) -> dict[str, NamedT]:
    return {resource.name: resource for resource in resources}


def _nothing(gateway: ResolvedGateway) -> GatewayTranslation:
    return GatewayTranslation(
        gateway.name, gateway.class_name, Revision(), Revision(), Revision(), Revision(), Revision()
    )
