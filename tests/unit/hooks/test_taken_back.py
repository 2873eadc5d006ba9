"""Replies that an Envoy does not take, and refusals on purpose: who is to blame, and for how long it stays so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from egxds import names
from egxds.errors import FailureReason
from egxds.hooks.calls import HookCall, HookFailure, HookReply, refusal
from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.hooks.policy.taken_back import Nack
from egxds.settings.extensions import Hook
from tests.unit.hooks.extensions import drive, edited, manager, record, unchanged, working
from tests.unit.hooks.gateways import CLUSTER, HOST_A, HTTP, ROUTE_B, see, translation, with_more_hosts

EPOCH = 7
HOST_B = f"{HTTP}/b_example"
ROUTES = Nack("envoy-1", names.ROUTE_CONFIGURATION, HTTP, "file /no/such/file does not exist")
Extension = Callable[[HookCall], HookReply | HookFailure]


def naming_a_file(*hosts: str, file: str = "/no/such/file") -> Extension:
    """Let virtual hosts answer with a file, and change all others too."""

    def edit(request: Any, response: Any) -> None:
        host = request.virtual_host
        response.virtual_host.CopyFrom(host)
        response.virtual_host.response_headers_to_add.add().header.key = "x-hooked"
        if host.name in hosts:
            route = response.virtual_host.routes[0]
            route.ClearField("route")
            route.direct_response.status = 200
            route.direct_response.body.filename = file

    return lambda call: edited(call, edit) if call.hook is Hook.VIRTUAL_HOST else unchanged(call)


def taken_back(hooked: HookedGateway) -> list[str]:
    """Return what the calls were about whose replies an Envoy did not take."""
    return sorted(each.subject for each in hooked.failures if each.reason is FailureReason.ENVOY)


def run(extension: Extension, before: HookedGateway | None = None, *nacks: Nack, policy: str = "deny") -> HookedGateway:
    """Take the Gateway through its VirtualHost hook, on the connection of before."""
    hooks = (manager(hooks=("VirtualHost",), policy=policy),)
    return drive(translation(), hooks, extension, before.accepted if before else None, EPOCH, nacks)


def test_of_many_virtual_hosts_the_one_is_denied_that_holds_what_envoy_quotes() -> None:
    """The words of Envoy name no virtual host."""
    hooked = run(naming_a_file(HOST_A), run(naming_a_file(HOST_A)), ROUTES)
    assert taken_back(hooked) == [HOST_A]
    (problem,) = hooked.failures
    assert problem.message == (
        f"Envoy 'envoy-1' refuses route {HTTP} with this reply: file /no/such/file does not exist"
    )
    answers = see(hooked).answers
    assert answers[HTTP, "a.example", names.ERROR_ROUTE] == "500"
    assert answers[HTTP, "b.example", ROUTE_B] == CLUSTER


def test_what_is_new_is_to_blame_where_the_words_tell_nothing() -> None:
    """What was there before had been taken."""
    before = run(naming_a_file())
    now = drive(translation(), (manager(hooks=("VirtualHost",)),), naming_a_file(HOST_B), before.accepted, EPOCH + 1)
    nack = Nack("envoy-1", names.ROUTE_CONFIGURATION, HTTP, "no")
    hooked = drive(
        translation(), (manager(hooks=("VirtualHost",)),), naming_a_file(HOST_B), now.accepted, EPOCH + 1, (nack,)
    )
    assert taken_back(hooked) == [HOST_B]


@pytest.mark.parametrize(("policy", "outcome"), [("deny", Outcome.DENIED), ("bypass", Outcome.BYPASSED)])
def test_it_stays_so_without_a_call_until_the_input_changes(policy: str, outcome: Outcome) -> None:
    """The answer is known; what changes elsewhere changes nothing about it."""
    hooks = (manager(hooks=("VirtualHost",), policy=policy),)
    extension = naming_a_file(HOST_A)
    hooked = run(extension, run(extension, policy=policy), ROUTES, policy=policy)
    for _ in range(2):
        hooked, calls = record(translation(), hooks, extension, hooked.accepted, EPOCH)
        assert (hooked.outcome, taken_back(hooked), calls) == (outcome, [HOST_A], [])
    hooked, calls = record(with_more_hosts(1), hooks, extension, hooked.accepted, EPOCH)
    assert (hooked.outcome, taken_back(hooked)) == (outcome, [HOST_A])
    assert HOST_A not in {call.subject for batch in calls for call in batch}


def test_another_answer_is_taken() -> None:
    """The author has mended the hook: its connection is new."""
    hooked = run(naming_a_file(HOST_A), run(naming_a_file(HOST_A)), ROUTES)
    hooks = (manager(hooks=("VirtualHost",)),)
    hooked = drive(translation(), hooks, naming_a_file(HOST_A), hooked.accepted, EPOCH + 1)
    assert taken_back(hooked) == [HOST_A]
    hooked = drive(translation(), hooks, naming_a_file(HOST_A, file="/there"), hooked.accepted, EPOCH + 2)
    assert hooked.outcome is Outcome.ACCEPTED


def test_who_is_not_to_blame_is_acquitted() -> None:
    """Where an Envoy says the same without the reply, it was for something else, and no other reply is tried."""
    hooked = run(naming_a_file(HOST_A), run(naming_a_file(HOST_A)), ROUTES)
    hooked = run(naming_a_file(HOST_A), hooked, ROUTES)
    assert (hooked.outcome, taken_back(hooked)) == (Outcome.ACCEPTED, [])
    hooked = run(naming_a_file(HOST_A), hooked, ROUTES)
    assert (hooked.outcome, taken_back(hooked)) == (Outcome.ACCEPTED, [])


def test_a_refusal_of_what_no_hook_changed_changes_nothing() -> None:
    """A port that is taken is nobody's reply."""
    before = run(naming_a_file())
    hooked = run(naming_a_file(), before, Nack("envoy-1", names.LISTENER, HTTP, "cannot bind"))
    assert (hooked.outcome, hooked.resources) == (Outcome.ACCEPTED, before.resources)


def test_what_is_held_is_the_state_before_the_one_that_was_refused() -> None:
    """An Envoy that did not take it would be held on nothing."""
    good = run(unchanged, policy="hold")
    hooks = (manager(hooks=("VirtualHost",), policy="hold"),)
    bad = drive(translation(), hooks, naming_a_file(HOST_A), good.accepted, EPOCH + 1)
    held = drive(translation(), hooks, naming_a_file(HOST_A), bad.accepted, EPOCH + 1, (ROUTES,))
    assert held.outcome is Outcome.HELD
    assert held.resources == good.resources
    first = run(naming_a_file(HOST_A), run(naming_a_file(HOST_A), policy="hold"), ROUTES, policy="hold")
    assert first.outcome is Outcome.DENIED


@pytest.mark.parametrize("hook", list(Hook), ids=lambda hook: hook.value)
def test_what_is_refused_on_purpose_is_not_asked_about_again(hook: Hook) -> None:
    """Until an input changes, or the connection is new."""
    hooks = (manager(),)

    def refusing(call: HookCall) -> HookReply | HookFailure:
        return refusal("not for sale", "PERMISSION_DENIED") if call.hook is hook else working(call)

    hooked = drive(translation(), hooks, refusing, None, EPOCH)
    assert {(each.reason, each.message) for each in hooked.failures} == {
        (FailureReason.REFUSED, "refused: not for sale")
    }
    again, calls = record(translation(), hooks, refusing, hooked.accepted, EPOCH)
    assert (again.failures, again.outcome, calls) == (hooked.failures, hooked.outcome, [])
    assert see(again) == see(hooked)
    _, calls = record(translation(), hooks, refusing, hooked.accepted, EPOCH + 1)
    assert hook in {call.hook for batch in calls for call in batch}


def test_asking_again_without_a_difference_makes_no_newer_state() -> None:
    """What an Envoy refuses after that is gone back on to the state before the one that it refuses."""
    hooks = (manager(hooks=("VirtualHost",), policy="hold"),)
    first = drive(translation(), hooks, naming_a_file(), None, EPOCH)
    refused = drive(translation(), hooks, naming_a_file(HOST_B), first.accepted, EPOCH + 1)
    again = drive(translation(), hooks, naming_a_file(HOST_B), refused.accepted, EPOCH + 2)
    assert again.resources == refused.resources != first.resources
    hooked = drive(translation(), hooks, naming_a_file(HOST_B), again.accepted, EPOCH + 2, (ROUTES,))
    assert (hooked.outcome, hooked.resources) == (Outcome.HELD, first.resources)
