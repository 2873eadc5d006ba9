"""An edit costs the hooks what it changes: lines of Python that run are as many at any size."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from functools import reduce

import anyio
import pytest

from egxds import names
from egxds.hooks.calls import HookCall
from egxds.hooks.health.circuit_breaker import CircuitBreaker
from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.hooks.replies.check import CallResult, check_reply
from egxds.hooks.run.extension_set import ExtensionSet
from egxds.hooks.run.runner import HookRunner
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, Hook
from egxds.telemetry import Metrics
from tests.lines_of_rooms import lines_of_rooms
from tests.unit.hooks.edited_gateways import Edit, cluster_of, edited_by, host_of, of_size
from tests.unit.hooks.extensions import Extension, drive, edited, failing, manager, shown
from tests.unit.hooks.gateways import HTTP, SECRET


def asked_for_all(*types: str, name: str = "first") -> ExtensionManager:
    """Make the settings of an extension that is shown all resources of some types at once."""
    return manager(name, hooks=("Translation",), translation=shown(*types))


SIZES = (30, 300, 3000)
EDITS = {
    "a route": ([Edit("host", HTTP, 7, 2)], {names.ROUTE_CONFIGURATION: {HTTP}}),
    "a route less": (
        [Edit("host", HTTP, 7, 0), Edit("cluster", HTTP, 7, 0)],
        {names.ROUTE_CONFIGURATION: {HTTP}, names.CLUSTER: {cluster_of(7)}},
    ),
    "a new route": (
        [Edit("host", HTTP, 4000, 1), Edit("cluster", HTTP, 4000, 1)],
        {names.ROUTE_CONFIGURATION: {HTTP}, names.CLUSTER: {cluster_of(4000)}},
    ),
    "endpoints": ([Edit("endpoints", HTTP, 7, 2)], {names.ENDPOINT: {cluster_of(7)}}),
    "a cluster": ([Edit("cluster", HTTP, 7, 2)], {names.CLUSTER: {cluster_of(7)}}),
    "a certificate": ([Edit("secret", HTTP, 1, 1)], {names.SECRET: {f"{SECRET}1"}}),
}
EXTENSIONS = {
    "no extension": (),
    "a hook on every virtual host": (manager(hooks=("VirtualHost",)),),
    "a hook on all listeners at once": (asked_for_all("listener"),),
    "several, in any order": (
        asked_for_all("listener"),
        manager("second", hooks=("VirtualHost", "Cluster", "HTTPListener")),
        asked_for_all("listener", name="third"),
    ),
}
BACKENDS_AT_ONCE = (
    manager(hooks=("VirtualHost",)),
    asked_for_all("listener", "cluster", name="second"),
    asked_for_all("cluster", name="third"),
)
NOT_SHOWN = ("a route", "endpoints", "a certificate")
"""Edits that change neither a listener nor a cluster."""

Changes = dict[str, set[str]]


def lines_and_changes(
    size: int,
    edits: list[Edit],
    managers: tuple[ExtensionManager, ...],
    answer: Extension = edited,
    outcome: Outcome = Outcome.ACCEPTED,
) -> tuple[int, Changes]:
    """Count the lines that run in the hooks room for an edit; say which names of each type changed."""
    before = of_size(size)
    first = drive(before, managers, answer, epoch=1)
    after = reduce(edited_by, edits, before)
    with lines_of_rooms() as counted:
        hooked = drive(after, managers, answer, first.accepted, epoch=1)
    assert (first.outcome, hooked.outcome) == (outcome, outcome)
    return counted["hooks"], _changes(first, hooked)


def _changes(before: HookedGateway, now: HookedGateway) -> Changes:
    found = {
        type_url: set(resources.changed_since(before.resources[type_url]))
        for type_url, resources in now.resources.items()
    }
    return {type_url: changed for type_url, changed in found.items() if changed}


@pytest.mark.parametrize("managers", EXTENSIONS.values(), ids=EXTENSIONS)
@pytest.mark.parametrize(("edits", "changes"), EDITS.values(), ids=EDITS)
def test_an_edit_costs_the_same_at_any_size(
    edits: list[Edit], changes: Changes, managers: tuple[ExtensionManager, ...]
) -> None:
    """The next room is told the names that changed and no others; what C does over all is copies and a join."""
    found = [lines_and_changes(size, edits, managers) for size in SIZES]
    assert found[0][0] > 0
    assert found == [(found[0][0], changes)] * len(SIZES)


@pytest.mark.parametrize(("policy", "outcome"), [("deny", Outcome.DENIED), ("bypass", Outcome.BYPASSED)])
@pytest.mark.parametrize(("edits", "changes"), EDITS.values(), ids=EDITS)
def test_an_edit_costs_the_same_at_any_size_while_a_hook_fails_on_one_virtual_host(
    edits: list[Edit], changes: Changes, policy: str, outcome: Outcome
) -> None:
    """The one of many is asked about again with each edit; of the others those that changed."""
    managers = (manager(hooks=("Route", "VirtualHost", "HTTPListener"), policy=policy),)
    answer = failing(Hook.VIRTUAL_HOST, subject=host_of(HTTP, 3), otherwise=edited)
    found = [lines_and_changes(size, edits, managers, answer, outcome) for size in SIZES]
    assert found == [(found[0][0], changes)] * len(SIZES)


@pytest.mark.parametrize("edit", NOT_SHOWN)
def test_what_an_extension_is_not_shown_costs_nothing_of_what_it_is_shown(edit: str) -> None:
    """All clusters go to the extensions, and come back; an edit of something else has none of them looked at again."""
    edits, changes = EDITS[edit]
    found = [lines_and_changes(size, edits, BACKENDS_AT_ONCE) for size in SIZES]
    assert found == [(found[0][0], changes)] * len(SIZES)


class ScriptedRunner(HookRunner):
    """Extensions that answer at once."""

    async def _ask_all(
        self, asked: ExtensionSet, calls: tuple[HookCall, ...], breaker: CircuitBreaker, refused: object
    ) -> tuple[CallResult, ...]:
        return tuple(check_reply(call, edited(call)) for call in calls)


async def _run_twice(
    managers: tuple[ExtensionManager, ...],
    gateways: tuple[GatewayTranslation, GatewayTranslation],
    counted: Counter[str],
) -> HookedGateway:
    """Go through the hooks twice, and count the second time."""
    runner = ScriptedRunner(managers, Metrics())
    first = await runner.run(gateways[0], None)
    counted.clear()
    return await runner.run(gateways[1], first.accepted)


@pytest.mark.parametrize("managers", EXTENSIONS.values(), ids=EXTENSIONS)
def test_a_run_with_its_log_clocks_and_threads_costs_the_same_at_any_size(
    managers: tuple[ExtensionManager, ...],
) -> None:
    """What is around the plan looks at nothing else either."""
    found = []
    for size in SIZES:
        before = of_size(size)
        with lines_of_rooms() as counted:
            threading.settrace(sys.gettrace())
            try:
                hooked = anyio.run(_run_twice, managers, (before, edited_by(before, Edit("host", HTTP, 7, 2))), counted)
            finally:
                threading.settrace(None)
        assert hooked.outcome is Outcome.ACCEPTED
        found.append(counted["hooks"])
    assert found[0] > 0
    assert found == [found[0]] * len(SIZES)
