"""A Gateway in which one hook fails and the hooks of another extension reply after that.

The shop has one plain listener. On a.example it serves `/cart/public`, `/cart` (which the failing hook decides on) and
`/`; on b.example and on all other domains it serves `/`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from envoy.config.route.v3 import route_components_pb2, route_pb2

from egxds import names
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.policy.outcome import HookedGateway
from egxds.resources.route_configuration import Route
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import Hook
from tests.revisions import named
from tests.unit.hooks.extensions import Extension, drive, edited, failing, manager, unchanged
from tests.unit.hooks.gateways import (
    CART_FILTER,
    CLUSTER,
    HOST_A,
    HOST_B,
    HTTP,
    cluster,
    endpoints,
    listener,
    route,
    route_configuration,
    see,
    translation,
    virtual_host,
)

PUBLIC, CART, REST = "public", "cart", "rest"
OTHER_CLUSTER = "httproute/shop/other/rule/0"
SETTINGS = {"bootstrapClusters": ["ext"]}

Message = Any
EditHost = Callable[[Message], None]
"""Changes a VirtualHost in place."""


def serving(name: str, prefix: str, of: str = CLUSTER) -> Route:
    """Make a route to a cluster."""
    message = route_components_pb2.Route(name=name, match={"prefix": prefix}, route={"cluster": of})
    return replace(route(name), body=message.SerializeToString(deterministic=True))


def shop() -> GatewayTranslation:
    """Make the Gateway of this story."""
    cart = replace(serving(CART, "/cart"), extension_resources=(CART_FILTER,))
    host_a = virtual_host(
        HOST_A, ("a.example",), serving(PUBLIC, "/cart/public", OTHER_CLUSTER), cart, serving(REST, "/", OTHER_CLUSTER)
    )
    host_b = virtual_host(HOST_B, ("b.example",), serving("b", "/", OTHER_CLUSTER))
    others = virtual_host(f"{HTTP}/*", ("*",), serving("others", "/", OTHER_CLUSTER))
    return replace(
        translation(),
        listeners=named(
            [
                listener(HTTP),
            ]
        ),
        route_configurations=named(
            [
                route_configuration(HTTP, others, host_a, host_b),
            ]
        ),
        clusters=named([cluster(), cluster(OTHER_CLUSTER)]),
        endpoints=named([endpoints(), endpoints(OTHER_CLUSTER)]),
    )


def after_failure_of(hook: Hook, subject: str, reply: Extension, **settings: Any) -> HookedGateway:
    """Let one extension fail with one call, and another one, of the hooks after that, reply."""
    broken = manager("broken", hooks=(hook.value,))
    later = manager("later", **{"hooks": ("VirtualHost", "HTTPListener", "Translation"), **SETTINGS, **settings})
    extensions = {"broken": failing(hook, subject=subject, otherwise=unchanged), "later": reply}
    return drive(shop(), (broken, later), extensions)


def answer(hooked: HookedGateway, path: str, domain: str = "a.example") -> str:
    """Return which cluster serves a request, `500`, or nothing where nobody does."""
    body = see(hooked).bodies[names.ROUTE_CONFIGURATION, HTTP]
    message = route_pb2.RouteConfiguration.FromString(body)
    hosts = {name: host for host in message.virtual_hosts for name in host.domains}
    host = hosts.get(domain, hosts.get("*"))
    found = (item for item in host.routes if path.startswith(item.match.prefix)) if host else iter(())
    first = next(found, None)
    return "" if first is None else first.route.cluster or str(first.direct_response.status)


def everything(request: Message, response: Message) -> None:
    """Give back all that was shown to the Translation hook."""
    for field in ("clusters", "secrets", "listeners", "routes"):
        getattr(response, field).extend(getattr(request, field))


def in_virtual_host(edit: EditHost) -> Extension:
    """Reply to the VirtualHost hook about a.example; leave the rest."""

    def apply(request: Message, response: Message) -> None:
        response.virtual_host.CopyFrom(request.virtual_host)
        if request.virtual_host.name == HOST_A:
            edit(response.virtual_host)

    return answering(Hook.VIRTUAL_HOST, apply)


def in_translation(edit: EditHost) -> Extension:
    """Reply to the Translation hook with another a.example; leave the rest."""

    def apply(request: Message, response: Message) -> None:
        everything(request, response)
        for host in response.routes[0].virtual_hosts:
            if host.name == HOST_A:
                edit(host)

    return answering(Hook.TRANSLATION, apply)


def in_whole(edit: Callable[[Message], None]) -> Extension:
    """Reply to the Translation hook with everything, changed."""

    def apply(request: Message, response: Message) -> None:
        everything(request, response)
        edit(response)

    return answering(Hook.TRANSLATION, apply)


def answering(hook: Hook, apply: Callable[[Message, Message], None]) -> Extension:
    """Reply to one hook, and leave what the others are about."""

    def reply(call: HookCall) -> HookReply | HookFailure:
        if call.hook is hook:
            return edited(call, apply)
        return edited(call, everything) if call.hook is Hook.TRANSLATION else unchanged(call)

    return reply


LATER = (pytest.param(in_virtual_host, id="VirtualHost"), pytest.param(in_translation, id="Translation"))
FAILED_ROUTE = (pytest.param(Hook.ROUTE, CART, id="Route"), pytest.param(Hook.ENDPOINTS, CLUSTER, id="Endpoints"))
FAILED = (*FAILED_ROUTE, pytest.param(Hook.VIRTUAL_HOST, HOST_A, id="VirtualHost"))
"""Hooks that fail, each with what it is about; each of them denies `/cart` of a.example."""
