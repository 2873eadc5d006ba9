"""What is published when a hook fails: each hook under each policy, alone and in a chain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from egxds import names
from egxds.errors import FailureReason
from egxds.hooks.calls import HookCall, HookFailure
from egxds.hooks.policy.outcome import Accepted, HookedGateway, Outcome
from egxds.settings.extensions import Hook
from tests.revisions import listed, named
from tests.unit.hooks.extensions import drive, failing, manager, working
from tests.unit.hooks.gateways import (
    CLUSTER,
    GATEWAY,
    HOST_A,
    HTTP,
    HTTPS,
    ROUTE_B,
    ROUTE_EXTENDED,
    ROUTE_PLAIN,
    Seen,
    cluster,
    endpoints,
    see,
    translation,
    with_more_hosts,
)

ROUTED = {
    (HTTP, "a.example", ROUTE_EXTENDED): CLUSTER,
    (HTTP, "a.example", ROUTE_PLAIN): CLUSTER,
    (HTTP, "b.example", ROUTE_B): CLUSTER,
    (HTTPS, "a.example", ROUTE_PLAIN): CLUSTER,
}
DENIED = {(HTTP, "*", names.ERROR_ROUTE): "500", (HTTPS, "*", names.ERROR_ROUTE): "500"}
TLS_ROUTED = {(HTTPS, "a.example", ROUTE_PLAIN): CLUSTER}

DENIALS = (
    pytest.param(Hook.ROUTE, ROUTE_EXTENDED, ROUTED | {(HTTP, "a.example", ROUTE_EXTENDED): "500"}, id="Route"),
    pytest.param(Hook.ENDPOINTS, CLUSTER, dict.fromkeys(ROUTED, "500"), id="Endpoints"),
    pytest.param(Hook.CLUSTER, CLUSTER, dict.fromkeys(ROUTED, "500"), id="Cluster"),
    pytest.param(
        Hook.VIRTUAL_HOST,
        HOST_A,
        {
            (HTTP, "a.example", names.ERROR_ROUTE): "500",
            (HTTP, "b.example", ROUTE_B): CLUSTER,
            **TLS_ROUTED,
        },
        id="VirtualHost",
    ),
    pytest.param(Hook.HTTP_LISTENER, HTTP, {(HTTP, "*", names.ERROR_ROUTE): "500", **TLS_ROUTED}, id="HTTPListener"),
    pytest.param(Hook.TRANSLATION, GATEWAY, DENIED, id="Translation"),
)
EVERY_HOOK = tuple(pytest.param(hook, id=hook.value) for hook in Hook)


def accepted_state() -> HookedGateway:
    """Return the Gateway as one working extension leaves it."""
    return drive(translation(), (manager(),), working)


def frame(seen: Seen) -> dict[tuple[str, str], bytes]:
    """Return everything but the RouteConfigurations."""
    return {key: body for key, body in seen.bodies.items() if key[0] != names.ROUTE_CONFIGURATION}


@pytest.mark.parametrize(("hook", "subject", "answers"), DENIALS)
def test_deny_answers_500_for_what_the_hook_decides_on_and_for_nothing_else(
    hook: Hook, subject: str, answers: dict[tuple[str, str, str], str]
) -> None:
    """A failed call denies its own route, virtual host, listener or Gateway."""
    hooked = drive(translation(), (manager(policy="deny"),), failing(hook, subject=subject))
    assert see(hooked).answers == answers
    assert hooked.outcome is Outcome.DENIED
    assert [(problem.hook, problem.subject) for problem in hooked.failures] == [(hook, subject)]


@pytest.mark.parametrize(("hook", "subject", "answers"), DENIALS)
def test_deny_leaves_everything_but_route_configurations_as_it_was_accepted(
    hook: Hook, subject: str, answers: dict[tuple[str, str, str], str]
) -> None:
    """LDS, CDS, EDS, SDS and all names stay the same bytes when a hook fails that had worked."""
    before = accepted_state()
    after = drive(translation(), (manager(policy="deny"),), failing(hook, subject=subject), before.accepted)
    assert frame(see(after)) == frame(see(before))
    assert see(after).names(names.ROUTE_CONFIGURATION) == {HTTP, HTTPS}


@pytest.mark.parametrize("hook", EVERY_HOOK)
def test_deny_without_an_accepted_state_publishes_a_whole_gateway(hook: Hook) -> None:
    """A first start with a broken extension serves 500 instead of nothing."""
    hooked = drive(translation(), (manager(policy="deny"),), failing(hook))
    seen = see(hooked)
    assert seen.names(names.LISTENER) == seen.names(names.ROUTE_CONFIGURATION) == {HTTP, HTTPS}
    assert seen.names(names.SECRET) == {item.name for item in translation().secrets.values()}
    assert "500" in seen.answers.values()


@pytest.mark.parametrize("hook", EVERY_HOOK)
def test_hold_keeps_the_whole_accepted_state(hook: Hook) -> None:
    """Under hold nothing changes, although the input did."""
    before = accepted_state()
    after = drive(with_more_hosts(3), (manager(policy="hold"),), failing(hook), before.accepted)
    assert after.outcome is Outcome.HELD
    assert listed(after.resources) == listed(before.resources)
    assert after.accepted == before.accepted


@pytest.mark.parametrize(("hook", "subject", "answers"), DENIALS)
def test_hold_denies_where_there_is_nothing_to_hold(
    hook: Hook, subject: str, answers: dict[tuple[str, str, str], str]
) -> None:
    """Without an accepted state, hold publishes what deny does, and says so."""
    hooked = drive(translation(), (manager(policy="hold"),), failing(hook, subject=subject))
    assert see(hooked).answers == answers
    assert hooked.outcome is Outcome.DENIED
    assert {problem.policy for problem in hooked.failures} == {"deny"}


@pytest.mark.parametrize("hook", EVERY_HOOK)
def test_bypass_publishes_the_resource_as_it_was_before_the_hook(hook: Hook) -> None:
    """Under bypass a failing hook leaves exactly what an extension without that hook leaves."""
    others = tuple(other.value for other in Hook if other is not hook)
    hooked = drive(translation(), (manager(policy="bypass"),), failing(hook))
    without = drive(translation(), (manager(hooks=others),), working)
    assert listed(hooked.resources) == listed(without.resources)
    assert hooked.outcome is Outcome.BYPASSED


@pytest.mark.parametrize("hook", EVERY_HOOK)
@pytest.mark.parametrize("policy", ["deny", "bypass"])
def test_what_failed_is_not_remembered_as_accepted(hook: Hook, policy: str) -> None:
    """A denied or bypassed state is never held later."""
    hooked = drive(translation(), (manager(policy=policy),), failing(hook))
    assert hooked.accepted.resources is None
    held = drive(translation(), (manager(policy="hold"),), failing(Hook.TRANSLATION), hooked.accepted)
    assert held.outcome is Outcome.DENIED


@pytest.mark.parametrize(("hook", "subject", "answers"), DENIALS)
@pytest.mark.parametrize("broken", ["first", "second"])
def test_in_a_chain_a_denied_object_stays_denied(
    broken: str, hook: Hook, subject: str, answers: dict[tuple[str, str, str], str]
) -> None:
    """Whichever extension of a chain fails under deny, its object answers 500."""
    managers = (manager("first"), manager("second"))
    extensions = {"first": working, "second": working, broken: failing(hook, subject=subject)}
    hooked = drive(translation(), managers, extensions)
    assert see(hooked).answers == answers
    assert [problem.manager for problem in hooked.failures] == [broken]


@pytest.mark.parametrize("hook", EVERY_HOOK)
def test_in_a_chain_the_rest_is_not_called_for_a_denied_object(hook: Hook) -> None:
    """After a denial the extensions that follow are asked about the other objects only."""
    asked: list[HookCall] = []

    def second(call: HookCall) -> HookFailure:
        asked.append(call)
        return HookFailure(FailureReason.STATUS, "UNKNOWN: not to be asked")

    only = (hook.value,)
    managers = (manager("first", hooks=only), manager("second", hooks=only))
    hooked = drive(translation(), managers, {"first": failing(hook), "second": second})
    assert asked == []
    assert {problem.manager for problem in hooked.failures} == {"first"}


@pytest.mark.parametrize("hook", EVERY_HOOK)
def test_in_a_chain_a_bypassed_extension_leaves_the_others_edits(hook: Hook) -> None:
    """Under bypass the chain goes on with what the extensions before had made."""
    managers = (manager("first"), manager("second", policy="bypass", hooks=(hook.value,)), manager("third"))
    extensions = {"first": working, "second": failing(hook), "third": working}
    hooked = drive(translation(), managers, extensions)
    without = drive(translation(), (managers[0], managers[2]), working)
    assert listed(hooked.resources) == listed(without.resources)
    assert hooked.outcome is Outcome.BYPASSED


@pytest.mark.parametrize("hook", EVERY_HOOK)
def test_in_a_chain_one_hold_holds_the_gateway(hook: Hook) -> None:
    """A failure under hold wins over denials and bypasses of the other extensions."""
    before = accepted_state()
    managers = (manager("first", policy="bypass"), manager("second", policy="hold"), manager("third"))
    extensions = {"first": failing(hook), "second": failing(hook), "third": working}
    after = drive(with_more_hosts(1), managers, extensions, before.accepted)
    assert after.outcome is Outcome.HELD
    assert listed(after.resources) == listed(before.resources)


def test_a_denial_outweighs_a_bypass() -> None:
    """A Gateway with a denied and a bypassed object counts as denied."""
    managers = (manager("first", policy="bypass"), manager("second"))
    extensions = {"first": failing(Hook.HTTP_LISTENER), "second": failing(Hook.ROUTE)}
    assert drive(translation(), managers, extensions).outcome is Outcome.DENIED


@pytest.mark.parametrize("policy", ["deny", "hold", "bypass"])
@pytest.mark.parametrize("hook", EVERY_HOOK)
def test_recovery_publishes_what_would_have_been_published_without_the_failure(hook: Hook, policy: str) -> None:
    """Once the hook works again, every byte is as if it had never failed."""
    before = accepted_state()
    failed = drive(translation(), (manager(policy=policy),), failing(hook), before.accepted)
    again = drive(translation(), (manager(policy=policy),), working, failed.accepted)
    assert again.outcome is Outcome.ACCEPTED
    assert listed(again.resources) == listed(before.resources)


def test_a_gateway_without_extensions_is_published_as_translated() -> None:
    """No extension, no call, no failure."""
    hooked = drive(translation(), (), working)
    assert hooked.outcome is Outcome.ACCEPTED
    assert not hooked.was_hooked
    assert see(hooked).answers == ROUTED
    assert hooked.accepted == Accepted(hooked.resources, hooked.accepted.parts)


def test_endpoints_are_always_the_current_ones() -> None:
    """A denial by the Translation hook does not freeze EDS: that hook does not decide on it."""
    before = drive(translation(), (manager(hooks=("Translation",)),), working)
    moved = replace(
        translation(),
        endpoints=named(
            [
                endpoints(port=8081),
            ]
        ),
    )
    after = drive(moved, (manager(hooks=("Translation",)),), failing(Hook.TRANSLATION), before.accepted)
    assert {item for item in listed(after.resources) if item.type_url == names.ENDPOINT} == set(
        moved.endpoints.values()
    )


@pytest.mark.parametrize("hook", [Hook.CLUSTER, Hook.TRANSLATION])
def test_a_cluster_with_new_input_is_published_as_it_is_before_the_failed_hook(hook: Hook) -> None:
    """Under a denial a cluster stays as accepted only while its input does."""
    before = accepted_state()
    changed = replace(
        translation(),
        clusters=named(
            [
                cluster(timeout_s=3),
            ]
        ),
    )
    after = drive(changed, (manager(),), failing(hook), before.accepted)
    without = tuple(other.value for other in Hook if other is not hook)
    expected = drive(changed, (manager(hooks=without),), working)
    published = see(after).bodies[names.CLUSTER, CLUSTER]
    assert published != see(before).bodies[names.CLUSTER, CLUSTER]
    assert published == see(expected).bodies[names.CLUSTER, CLUSTER]
