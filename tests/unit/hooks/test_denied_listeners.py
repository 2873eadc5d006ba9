"""What a denied listener refers to stays there, whatever has become of the input since it was accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.http.credential_injector.v3 import credential_injector_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.http.injected_credentials.generic.v3 import generic_pb2
from google.protobuf import json_format

from egxds import names
from egxds.hooks.calls import HookCall, HookReply
from egxds.hooks.policy.outcome import Outcome
from egxds.resources.encoding import pack
from egxds.settings.extensions import Hook
from tests.extension_server.edits import ADDED_CLUSTER, EDITS, LISTENER_STAT_PREFIX, edit_managers
from tests.revisions import listed, named
from tests.unit.hooks.extensions import Extension, drive, edited, failing, manager, working
from tests.unit.hooks.gateways import (
    HTTP,
    HTTPS,
    SECRET,
    listener,
    route,
    route_configuration,
    secret,
    see,
    translation,
    virtual_host,
)

FAILED = (Hook.HTTP_LISTENER, Hook.TRANSLATION)
ADDED_LISTENER = "ext/added"
TOKEN = "shop/token"


def adding_listener(call: HookCall) -> HookReply:
    """Work, and add a listener with a RouteConfiguration of its own beside the plain one."""

    def edit_listener(request: Any, response: Any) -> None:
        added = listener(ADDED_LISTENER, 81)
        response.listener.ParseFromString(
            added.body if request.listener.name == HTTP else request.listener.SerializeToString()
        )

    def edit_translation(request: Any, response: Any) -> None:
        EDITS[Hook.TRANSLATION.value](request, response)
        response.routes.add(name=ADDED_LISTENER).virtual_hosts.add(name="v", domains=["*"])

    edits = {Hook.HTTP_LISTENER: edit_listener, Hook.TRANSLATION: edit_translation}
    return edited(call, edits.get(call.hook))


OUT_OF_REACH: dict[str, dict[str, Any]] = {
    "inline": {"route_config": {"name": "inline"}},
    "file": {"rds": {"route_config_name": HTTP, "config_source": {"path_config_source": {"path": "/routes.yaml"}}}},
    "scoped": {
        "scoped_routes": {
            "name": "scoped",
            "scope_key_builder": {"fragments": [{"header_value_extractor": {"name": "x", "index": 0}}]},
            "rds_config_source": {"ads": {}},
            "scoped_rds": {"scoped_rds_config_source": {"ads": {}}},
        }
    },
}
"""Where routes come from when not by RDS from here → that part of a connection manager."""


def rerouting(routes: dict[str, Any], *, in_an_added_one: bool = False) -> Extension:
    """Return an extension that works, and gives every listener such routes, or adds one that has them."""

    def edit(request: Any, response: Any) -> None:
        response.listener.CopyFrom(request.listener)
        if in_an_added_one and request.listener.name == HTTP:
            response.listener.ParseFromString(listener(ADDED_LISTENER, 81).body)
        if not in_an_added_one or request.listener.name == HTTP:
            edit_managers(response.listener, lambda found: json_format.ParseDict(routes, found))

    return lambda call: edited(call, edit if call.hook is Hook.HTTP_LISTENER else None)


def injecting(call: HookCall) -> HookReply:
    """Work, and add a filter with a secret of its own to every listener."""

    def edit(request: Any, response: Any) -> None:
        credential = generic_pb2.Generic()
        credential.credential.name = TOKEN
        credential.credential.sds_config.ads.SetInParent()
        injector = credential_injector_pb2.CredentialInjector()
        injector.credential.name = "token"
        injector.credential.typed_config.CopyFrom(pack(credential))
        response.listener.CopyFrom(request.listener)

        def add(found: Any) -> None:
            for name, content in (("x", injector), ("router", router_pb2.Router())):
                found.http_filters.add(name=name).typed_config.CopyFrom(pack(content))

        edit_managers(response.listener, add)

    return edited(call, edit if call.hook is Hook.HTTP_LISTENER else None)


@pytest.mark.parametrize("hook", FAILED)
def test_a_changed_listener_waits_for_its_hook(hook: Hook) -> None:
    """A listener whose hook fails stays as accepted, although its input has changed."""
    before = drive(translation(), (manager(),), working)
    changed = replace(translation(), listeners=named([listener(HTTP, 8080), listener(HTTPS, 443, SECRET)]))
    after = drive(changed, (manager(),), failing(hook), before.accepted)
    assert see(after).bodies[names.LISTENER, HTTP] == see(before).bodies[names.LISTENER, HTTP]


@pytest.mark.parametrize("hook", FAILED)
def test_a_new_listener_is_published_with_everything_denied(hook: Hook) -> None:
    """A listener that no hook has accepted yet answers 500."""
    before = drive(translation(), (manager(),), working)
    name = "shop/gw/other"
    more = replace(
        translation(),
        listeners=named([*translation().listeners.values(), listener(name, 82)]),
        route_configurations=named(
            [
                *translation().route_configurations.values(),
                route_configuration(name, virtual_host(f"{name}/*", ("*",), route("r"))),
            ]
        ),
    )
    seen = see(drive(more, (manager(),), failing(hook), before.accepted))
    assert name in seen.listeners
    assert seen.answer(name, "*") == {"500"}


@pytest.mark.parametrize("hook", FAILED)
def test_a_removed_listener_goes_although_its_hook_fails(hook: Hook) -> None:
    """A denial keeps nothing that the user has taken away."""
    before = drive(translation(), (manager(),), working)
    base = translation()
    less = replace(
        base,
        listeners=base.listeners.edited({}, [HTTP]),
        route_configurations=base.route_configurations.edited({}, [HTTP]),
    )
    after = drive(less, (manager(),), failing(hook), before.accepted)
    assert see(after).names(names.LISTENER) == {HTTPS}


@pytest.mark.parametrize("hook", FAILED)
def test_secrets_that_a_kept_listener_refers_to_stay(hook: Hook) -> None:
    """A listener as accepted gets its certificate even when the input has another by now, run after run."""
    hooked = drive(translation(), (manager(),), working)
    changed = replace(
        translation(),
        listeners=named([listener(HTTP), listener(HTTPS, 443, "shop/new")]),
        secrets=named(
            [
                secret("shop/new"),
            ]
        ),
    )
    for _ in range(3):
        hooked = drive(changed, (manager(),), failing(hook), hooked.accepted)
        assert see(hooked).names(names.SECRET) == {SECRET, "shop/new"}
    hooked = drive(changed, (manager(),), working, hooked.accepted)
    assert see(hooked).names(names.SECRET) == {"shop/new"}


@pytest.mark.parametrize("hook", FAILED)
def test_secrets_of_filters_of_a_kept_listener_stay(hook: Hook) -> None:
    """A filter that an extension has added asks for its secret like a socket for its certificate."""
    with_token = replace(translation(), secrets=named([*translation().secrets.values(), secret(TOKEN)]))
    before = drive(with_token, (manager(),), injecting)
    assert see(before).names(names.SECRET) == {SECRET, TOKEN}
    after = drive(translation(), (manager(),), failing(hook), before.accepted)
    assert see(after).names(names.SECRET) == {SECRET, TOKEN}


@pytest.mark.parametrize("hook", FAILED)
def test_route_configurations_that_a_kept_listener_refers_to_stay_and_deny(hook: Hook) -> None:
    """RDS never loses a name that a listener in force asks for."""
    before = drive(translation(), (manager(),), working)
    moved = replace(
        translation(),
        listeners=named([listener(HTTP, configuration="shop/gw/elsewhere"), listener(HTTPS, 443, SECRET)]),
        route_configurations=named(
            [
                route_configuration("shop/gw/elsewhere", virtual_host("v", ("*",), route("r"))),
                translation().route_configurations[HTTPS],
            ]
        ),
    )
    seen = see(
        drive(moved, (manager(),), failing(hook, subject=HTTP if hook is Hook.HTTP_LISTENER else ""), before.accepted)
    )
    assert seen.answer(HTTP, "*") == {"500"}
    assert seen.answer("shop/gw/elsewhere", "*") == {"500"}


@pytest.mark.parametrize("hook", FAILED)
def test_what_extensions_had_added_stays(hook: Hook) -> None:
    """Clusters and listeners of an extension outlive its failure; what they refer to is there."""
    before = drive(translation(), (manager(),), adding_listener)
    assert see(before).names(names.LISTENER) == {HTTP, HTTPS, ADDED_LISTENER}
    after = drive(translation(), (manager(),), failing(hook), before.accepted)
    seen = see(after)
    assert seen.names(names.LISTENER) == {HTTP, HTTPS, ADDED_LISTENER}
    assert ADDED_CLUSTER in seen.names(names.CLUSTER)
    assert seen.answer(ADDED_LISTENER, "*") == {"500"}


@pytest.mark.parametrize("routes", OUT_OF_REACH.values(), ids=OUT_OF_REACH)
@pytest.mark.parametrize("hook", FAILED)
def test_a_listener_with_routes_out_of_reach_is_denied_in_its_former_version(
    hook: Hook, routes: dict[str, Any]
) -> None:
    """Where an extension had given a listener other routes, the version that uses RDS is published, and denied."""
    extension = rerouting(routes)
    before = drive(translation(), (manager(),), extension)
    assert see(before).bodies[names.LISTENER, HTTP] != listener(HTTP).body
    after = drive(translation(), (manager(),), failing(hook, otherwise=extension), before.accepted)
    seen = see(after)
    assert seen.bodies[names.LISTENER, HTTP] == listener(HTTP).body
    assert seen.answer(HTTP, "*") == {"500"}


@pytest.mark.parametrize("routes", OUT_OF_REACH.values(), ids=OUT_OF_REACH)
@pytest.mark.parametrize("hook", FAILED)
def test_an_added_listener_with_routes_out_of_reach_is_denied_inside(hook: Hook, routes: dict[str, Any]) -> None:
    """No RouteConfiguration of ours is between it and its clients: from inside of it comes 500, until it is over."""
    extension = rerouting(routes, in_an_added_one=True)
    before = drive(translation(), (manager(),), extension)
    denied = drive(translation(), (manager(),), failing(hook, otherwise=extension), before.accepted)
    again = drive(translation(), (manager(),), failing(hook, otherwise=extension), denied.accepted)
    for hooked in (denied, again):
        ((status, cluster),) = inline_answers(see(hooked).listeners[ADDED_LISTENER])
        assert (status, cluster) == (500, "")
        assert see(hooked).answer(HTTP, "*") == {"500"}
    assert listed(drive(translation(), (manager(),), extension, again.accepted).resources) == listed(before.resources)


def inline_answers(message: listener_pb2.Listener) -> list[tuple[int, str]]:
    """Return the status and the cluster of every route inside a listener."""
    manager_ = http_connection_manager_pb2.HttpConnectionManager()
    message.default_filter_chain.filters[0].typed_config.Unpack(manager_)
    routes = (route for host in manager_.route_config.virtual_hosts for route in host.routes)
    return [(found.direct_response.status, found.route.cluster) for found in routes]


def test_a_listener_that_works_goes_on_while_another_is_refused_for_long() -> None:
    """What is accepted piece by piece is what a later denial falls back on, not the last whole state."""
    refused = failing(Hook.HTTP_LISTENER, subject=HTTP)
    hooked = drive(translation(), (manager(),), working)
    changed = replace(translation(), listeners=named([listener(HTTP), listener(HTTPS, 8443, SECRET)]))
    hooked = drive(changed, (manager(),), refused, hooked.accepted)
    newest = see(hooked).bodies[names.LISTENER, HTTPS]
    hooked = drive(changed, (manager(),), failing(Hook.TRANSLATION), hooked.accepted)
    assert hooked.outcome is Outcome.DENIED
    message = listener_pb2.Listener.FromString(newest)
    assert (message.address.socket_address.port_value, message.stat_prefix) == (8443, LISTENER_STAT_PREFIX)
    assert see(hooked).bodies[names.LISTENER, HTTPS] == newest
