"""No listener leads around a RouteConfiguration that holds what an earlier hook left denied."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.protobuf import json_format

from egxds import names
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.settings.extensions import Hook
from tests.extension_server.edits import edit_managers
from tests.unit.hooks.denied_shop import CART, FAILED, Message, after_failure_of, answer, in_whole, shop
from tests.unit.hooks.extensions import edited
from tests.unit.hooks.gateways import HTTP, listener, see
from tests.unit.hooks.test_denied_listeners import OUT_OF_REACH


def _elsewhere(message: Message) -> None:
    message.CopyFrom(type(message).FromString(listener(HTTP, configuration="mine").body))


def _in_its_place(message: Message) -> None:
    _elsewhere(message)
    message.name = "mine"


def _away(response: Message) -> None:
    response.routes.add(name="mine").virtual_hosts.add(name="v", domains=["*"])


def _inline(message: Message) -> None:
    edit_managers(message, lambda found: json_format.ParseDict(OUT_OF_REACH["inline"], found))


def _in_another_chain(message: Message) -> None:
    """Ask for what is denied where no connection comes to, and for something else where they do."""
    chain = message.filter_chains.add()
    chain.CopyFrom(message.default_filter_chain)
    chain.filter_chain_match.destination_port.value = 1
    elsewhere = type(message).FromString(listener(HTTP, configuration="mine").body)
    message.default_filter_chain.CopyFrom(elsewhere.default_filter_chain)


DETOURS = (_elsewhere, _inline, _in_its_place, _in_another_chain)


@pytest.mark.parametrize(("hook", "subject"), FAILED)
@pytest.mark.parametrize("detour", DETOURS)
def test_no_listener_leads_around_what_is_denied_by_a_translation(
    detour: Callable[[Message], None], hook: Hook, subject: str
) -> None:
    """Another RouteConfiguration, routes of its own, another listener on its address: all refused."""

    def edit(response: Message) -> None:
        _away(response)
        detour(response.listeners[0])

    for policy in ("deny", "bypass"):
        hooked = after_failure_of(hook, subject, in_whole(edit), onFailure=policy)
        assert answer(hooked, "/cart/1") == "500"
        assert see(hooked).bodies[names.LISTENER, HTTP] == next(iter(shop().listeners.values())).body
        assert {problem.manager for problem in hooked.failures} == {"broken", "later"}


@pytest.mark.parametrize(("hook", "subject"), FAILED)
@pytest.mark.parametrize("detour", [_elsewhere, _inline])
def test_no_listener_leads_around_what_is_denied_by_its_own_hook(
    detour: Callable[[Message], None], hook: Hook, subject: str
) -> None:
    """As with the Translation hook; here the RouteConfiguration that it leads to is added by that one."""

    def reply(call: HookCall) -> HookReply | HookFailure:
        def apply(request: Message, response: Message) -> None:
            response.listener.CopyFrom(request.listener)
            detour(response.listener)

        return edited(call, apply) if call.hook is Hook.HTTP_LISTENER else in_whole(_away)(call)

    for policy in ("deny", "bypass"):
        hooked = after_failure_of(hook, subject, reply, onFailure=policy)
        assert answer(hooked, "/cart/1", "*" if policy == "deny" else "a.example") == "500"
        assert see(hooked).bodies[names.LISTENER, HTTP] == next(iter(shop().listeners.values())).body


def test_a_listener_may_be_changed_that_asks_for_what_is_denied() -> None:
    """What does not touch its routes is none of a denial's business."""

    def edit(response: Message) -> None:
        response.listeners[0].stat_prefix = "mine"

    hooked = after_failure_of(Hook.ROUTE, CART, in_whole(edit))
    assert see(hooked).listeners[HTTP].stat_prefix == "mine"
    assert {problem.manager for problem in hooked.failures} == {"broken"}


def test_a_route_configuration_with_a_denial_cannot_be_dropped() -> None:
    """Its listener asks for it, so the reply leaves a reference to nothing."""

    def edit(response: Message) -> None:
        del response.routes[:]
        _away(response)

    for policy in ("deny", "bypass"):
        hooked = after_failure_of(Hook.ROUTE, CART, in_whole(edit), onFailure=policy)
        assert answer(hooked, "/cart/1", "*" if policy == "deny" else "a.example") == "500"
