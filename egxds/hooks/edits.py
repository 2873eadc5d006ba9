"""Judges replies: bytes from an extension in, an edit that can be made or the reason why not out. Pure.

Whatever passes here is encoded again deterministically, so that an extension that writes its maps in another
order each time changes nothing. What depends on other resources (two virtual hosts with one domain) is judged by
the stages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from google.protobuf import empty_pb2
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from egxds import names
from egxds.errors import FailureReason, UnreadableMessageError
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.settings import Hook
from egxds.translate.encoding import canonical, encode
from egxds.translate.resource import Resource, Route, RouteConfiguration, VirtualHost


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The extension leaves the resource as it is."""


@dataclass(frozen=True, slots=True)
class RouteEdit:
    """The extension's version of a route, under the name asked for."""

    body: bytes


@dataclass(frozen=True, slots=True)
class VirtualHostEdit:
    """The extension's version of a virtual host, under the name asked for; it has no sources."""

    host: VirtualHost


@dataclass(frozen=True, slots=True)
class ListenerEdit:
    """The extension's version of a listener; under another name than the one asked for it is one more."""

    listener: Resource


@dataclass(frozen=True, slots=True)
class TranslationEdit:
    """All resources of the types that the extension was given; the other tuples are empty."""

    clusters: tuple[Resource, ...] = ()
    secrets: tuple[Resource, ...] = ()
    listeners: tuple[Resource, ...] = ()
    route_configurations: tuple[RouteConfiguration, ...] = ()


Edit = Unchanged | RouteEdit | VirtualHostEdit | ListenerEdit | TranslationEdit
Judgement = Edit | HookFailure

_LENGTH_DELIMITED = 2
_RESOURCE = 1
_TRANSLATION_REQUEST = (2, 3, 4, 5)
_TRANSLATION_REPLY = (1, 2, 3, 4)
_MESSAGES = {
    names.CLUSTER: cluster_pb2.Cluster,
    names.SECRET: secret_pb2.Secret,
    names.LISTENER: listener_pb2.Listener,
}


class _InvalidReplyError(Exception):
    """Carries the reason from where it is found to `judge`."""


def judge(call: HookCall, reply: HookReply) -> Judgement:
    """Say what a reply asks for.

    Args:
        call: what was asked.
        reply: what came back.

    Returns:
        The edit, or a failure with reason INVALID.
    """
    try:
        return _READERS[call.hook](call, reply.body)
    except (_InvalidReplyError, UnreadableMessageError) as err:
        return invalid(str(err))


def invalid(message: str) -> HookFailure:
    """Refuse a reply."""
    return HookFailure(FailureReason.INVALID, f"invalid reply: {message}")


def _read_route(call: HookCall, body: bytes) -> Edit:
    route = _optional(body)
    if route is None:
        return Unchanged()
    ours = canonical(route_components_pb2.Route, route)
    _check_name(route_components_pb2.Route.FromString(ours).name, call.subject)
    return RouteEdit(ours)


def _read_virtual_host(call: HookCall, body: bytes) -> Edit:
    reply = _optional(body)
    if reply is None:
        return Unchanged()
    message = route_components_pb2.VirtualHost.FromString(canonical(route_components_pb2.VirtualHost, reply))
    _check_name(message.name, call.subject)
    host = _split_virtual_host(message)
    _check_domains((host,), f"virtual host {host.name}")
    return VirtualHostEdit(host)


def _read_listener(_call: HookCall, body: bytes) -> Edit:
    listener = _optional(body)
    if listener is None:
        return Unchanged()
    return ListenerEdit(_read_resource(names.LISTENER, listener))


def _read_translation(call: HookCall, body: bytes) -> Edit:
    clusters, secrets, listeners, routes = (_embedded(body, number) for number in _TRANSLATION_REPLY)
    if not (clusters or secrets or listeners or routes):
        _check_request_empty(call)
        return Unchanged()
    return TranslationEdit(
        clusters=_read_resources(call, names.CLUSTER, clusters),
        secrets=_read_resources(call, names.SECRET, secrets),
        listeners=_read_resources(call, names.LISTENER, listeners),
        route_configurations=_read_route_configurations(call, routes),
    )


_READERS: dict[Hook, Callable[[HookCall, bytes], Edit]] = {
    Hook.ROUTE: _read_route,
    Hook.VIRTUAL_HOST: _read_virtual_host,
    Hook.HTTP_LISTENER: _read_listener,
    Hook.TRANSLATION: _read_translation,
}


def _embedded(body: bytes, number: int) -> tuple[bytes, ...]:
    """Return the embedded messages of one field of a message, in order."""
    try:
        fields = UnknownFieldSet(empty_pb2.Empty.FromString(body))
    except DecodeError as err:
        raise _InvalidReplyError("the bytes are no message") from err
    found = tuple(fields[at] for at in range(len(fields)) if fields[at].field_number == number)
    if any(field.wire_type != _LENGTH_DELIMITED for field in found):
        raise _InvalidReplyError(f"field {number} is no message")
    return tuple(field.data for field in found)


def _optional(body: bytes) -> bytes | None:
    """Return the resource of a reply that has one at most; of a field that is there twice, the parts are merged."""
    found = _embedded(body, _RESOURCE)
    return b"".join(found) if found else None


def _check_name(name: str, asked: str) -> None:
    if name != asked:
        raise _InvalidReplyError(f"it is named {name!r} and not {asked!r}: an extension must keep the name")


def _check_request_empty(call: HookCall) -> None:
    if any(_embedded(call.request, number) for number in _TRANSLATION_REQUEST):
        raise _InvalidReplyError("it holds no resource, which would remove all of them; return those that are to stay")


def _read_resource(type_url: str, body: bytes) -> Resource:
    ours = canonical(type_url, body)
    name = _MESSAGES[type_url].FromString(ours).name
    if not name:
        raise _InvalidReplyError(f"a {names.SHORT_NAMES[type_url]} has no name")
    return Resource(type_url, name, ours)


def _read_resources(call: HookCall, type_url: str, bodies: Iterable[bytes]) -> tuple[Resource, ...]:
    if type_url not in call.included:
        return ()
    resources = tuple(_read_resource(type_url, body) for body in bodies)
    _check_unique(names.SHORT_NAMES[type_url], (resource.name for resource in resources))
    return resources


def _read_route_configurations(call: HookCall, bodies: Iterable[bytes]) -> tuple[RouteConfiguration, ...]:
    if names.ROUTE_CONFIGURATION not in call.included:
        return ()
    configurations = tuple(_read_route_configuration(body) for body in bodies)
    _check_unique("RouteConfiguration", (configuration.name for configuration in configurations))
    return configurations


def _read_route_configuration(body: bytes) -> RouteConfiguration:
    message = route_pb2.RouteConfiguration.FromString(canonical(route_pb2.RouteConfiguration, body))
    if not message.name:
        raise _InvalidReplyError("a RouteConfiguration has no name")
    hosts = tuple(sorted((_split_virtual_host(host) for host in message.virtual_hosts), key=lambda host: host.name))
    _check_unique(f"virtual host of {message.name}", (host.name for host in hosts))
    _check_domains(hosts, f"RouteConfiguration {message.name}")
    del message.virtual_hosts[:]
    return RouteConfiguration(message.name, encode(message), hosts)


def _split_virtual_host(message: route_components_pb2.VirtualHost) -> VirtualHost:
    routes = tuple(Route(route.name, encode(route)) for route in message.routes)
    domains = tuple(sorted(message.domains))
    del message.routes[:]
    message.domains[:] = domains
    return VirtualHost(message.name, domains, encode(message), routes)


def _check_unique(what: str, found: Iterable[str]) -> None:
    for name, count in Counter(found).items():
        if count > 1:
            raise _InvalidReplyError(f"the {what} {name!r} is there {count} times")


def _check_domains(hosts: Iterable[VirtualHost], where: str) -> None:
    """Check that no domain is there twice: Envoy would refuse the whole RouteConfiguration.

    Envoy compares domains in lower case (RouteConfiguration.virtual_hosts, "domains must be unique").
    """
    found: list[str] = []
    for host in hosts:
        if not host.domains:
            raise _InvalidReplyError(f"virtual host {host.name!r} has no domain")
        found.extend(domain.lower() for domain in host.domains)
    _check_unique(f"domain in {where}:", found)
