"""What an extension said stays in force where it cannot be asked again: only what changed is at its mercy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from egxds.hooks.calls import HookCall, HookReply, refusal
from egxds.hooks.policy.outcome import Outcome
from egxds.settings.extensions import Hook
from tests.unit.hooks.edited_gateways import Edit, edited_by, host_of, of_size
from tests.unit.hooks.extensions import ALL_HOOKS, drive, edited, failing, manager, record, unchanged, working
from tests.unit.hooks.gateways import HTTP, HTTPS, published, translation
from tests.unit.hooks.made_edits import using
from tests.unit.hooks.test_incremental import subjects

HOSTS = manager(hooks=("VirtualHost",))
TLS_HOST = host_of(HTTPS, 0)

away = failing(*Hook)
"""An extension that fails on everything."""


@pytest.mark.parametrize("hook", ALL_HOOKS)
@pytest.mark.parametrize("policy", ["deny", "hold", "bypass"])
def test_what_cannot_be_asked_again_stays_as_it_was_accepted(policy: str, hook: str) -> None:
    """The server was lost, came back, and is away again while it is asked everything: nobody edited anything."""
    managers = (manager("first"), manager("second", policy, (hook,)))
    first = drive(translation(), managers, working, epoch=1)
    hooked = drive(translation(), managers, {"first": working, "second": away}, first.accepted, epoch=2)
    assert (hooked.outcome, hooked.failures) == (Outcome.ACCEPTED, ())
    assert published(hooked) == published(first)
    assert {(one.manager, one.hook.value, one.policy) for one in hooked.late} == {("second", hook, "keep")}


def test_only_what_changed_is_closed() -> None:
    """One virtual host is edited, and the extension is away while it is asked about this one and all others."""
    edit = edited_by(of_size(5), Edit("host", HTTP, 3, 2))
    first = drive(of_size(5), (HOSTS,), working, epoch=1)
    hooked = drive(edit, (HOSTS,), away, first.accepted, epoch=2)
    alone = drive(edit, (HOSTS,), failing(Hook.VIRTUAL_HOST, subject=host_of(HTTP, 3)), first.accepted)
    assert [problem.subject for problem in hooked.failures] == [host_of(HTTP, 3)]
    assert published(hooked) == published(alone)
    assert {problem.subject for problem in hooked.late} == {host_of(HTTP, at) for at in (0, 1, 2, 4)} | {TLS_HOST}


def test_what_is_late_is_asked_again_and_nothing_else() -> None:
    """Also in the same epoch, and until it is answered."""
    broken = failing(Hook.VIRTUAL_HOST, subject=host_of(HTTP, 3))
    hooked = drive(of_size(5), (HOSTS,), working, epoch=1)
    for _ in range(2):
        hooked = drive(of_size(5), (HOSTS,), broken, hooked.accepted, epoch=2)
        assert [problem.subject for problem in hooked.late] == [host_of(HTTP, 3)]
    hooked, batches = record(of_size(5), (HOSTS,), unchanged, hooked.accepted, epoch=2)
    assert subjects(batches) == [host_of(HTTP, 3)]
    assert hooked.late == ()
    assert record(of_size(5), (HOSTS,), working, hooked.accepted, epoch=2)[1] == []


def test_edits_wait_for_nothing_that_is_late() -> None:
    """They are gone through by what was said before, and keep it."""
    first = drive(of_size(5), (HOSTS,), working, epoch=1)
    hooked = drive(of_size(5), (HOSTS,), away, first.accepted, epoch=2)
    assert hooked.accepted.last_run.holding == {"authz": 1}
    edit = edited_by(of_size(5), Edit("host", HTTP, 3, 2))
    hooked, batches = record(edit, (HOSTS,), working, hooked.accepted, epoch=1)
    assert subjects(batches) == [host_of(HTTP, 3)]
    assert host_of(HTTP, 3) not in {problem.subject for problem in hooked.late}
    hooked, batches = record(edit, (HOSTS,), working, hooked.accepted, epoch=2)
    assert len(subjects(batches)) == 5
    assert hooked.accepted.last_run.holding == {"authz": 2}


def test_newer_answers_are_in_force_beside_those_that_are_late() -> None:
    """Newer code stumbles over one object: all others are as it says, and the one is as the older code said."""
    first = drive(of_size(3), (HOSTS,), working, epoch=1)
    newer = failing(Hook.VIRTUAL_HOST, subject=host_of(HTTP, 1), otherwise=unchanged)
    hooked = drive(of_size(3), (HOSTS,), newer, first.accepted, epoch=2)

    def mixed(call: HookCall) -> HookReply:
        return working(call) if call.subject == host_of(HTTP, 1) else unchanged(call)

    assert published(hooked) == published(drive(of_size(3), (HOSTS,), mixed))


def test_who_refuses_on_purpose_is_heard() -> None:
    """That is an answer: what was said before is over."""
    first = drive(of_size(3), (HOSTS,), working, epoch=1)
    hooked = drive(of_size(3), (HOSTS,), lambda _: refusal("no", "PERMISSION_DENIED"), first.accepted, epoch=2)
    assert (hooked.outcome, len(hooked.failures), hooked.late) == (Outcome.DENIED, 4, ())
    hooked = drive(of_size(3), (HOSTS,), away, hooked.accepted, epoch=3)
    assert (hooked.outcome, len(hooked.failures), len(hooked.late)) == (Outcome.DENIED, 4, 4)


def test_what_another_extension_said_under_the_name_is_no_answer() -> None:
    """Who is set up otherwise may be somebody else."""
    first = drive(of_size(3), (HOSTS,), working, epoch=1)
    hooked = drive(of_size(3), (HOSTS,), away, first.accepted.without({"authz"}), epoch=2)
    assert (hooked.outcome, hooked.late) == (Outcome.DENIED, ())


def test_what_a_hold_had_not_come_to_stays_as_well() -> None:
    """One extension holds the Gateway for an edit, so that the next one is not asked; then that one is away."""
    managers = (manager("holds", "hold", ("Route",)), manager("denies", "deny", ("VirtualHost",)))
    first = drive(translation(), managers, working, epoch=1)
    edit = replace(translation(), context=replace(translation().context, owner=b"edited"))
    held = drive(edit, managers, {"holds": away, "denies": working}, first.accepted, epoch=2)
    assert (held.outcome, held.late, held.accepted.has_untried) == (Outcome.HELD, (), True)
    hooked = drive(translation(), managers, {"holds": working, "denies": away}, held.accepted, epoch=3)
    assert (hooked.outcome, {problem.manager for problem in hooked.late}) == (Outcome.ACCEPTED, {"denies"})
    assert published(hooked) == published(first)


@pytest.mark.parametrize("hook", ["VirtualHost", "Translation"])
@pytest.mark.parametrize("policy", ["deny", "hold", "bypass"])
def test_an_answer_that_another_fails_behind_waits_for_that(policy: str, hook: str) -> None:
    """The route comes out otherwise, so that nobody has asked about its virtual host before: both stay as they were."""
    managers = (manager("routes", hooks=("Route",)), manager("hosts", policy, (hook,)))
    first = drive(translation(), managers, {"routes": unchanged, "hosts": working}, epoch=1)
    hooked = drive(translation(), managers, {"routes": working, "hosts": away}, first.accepted, epoch=2)
    assert (hooked.outcome, published(hooked)) == (Outcome.ACCEPTED, published(first))
    assert {problem.manager for problem in hooked.late} == {"routes", "hosts"}
    hooked = drive(translation(), managers, working, hooked.accepted, epoch=2)
    assert published(hooked) == published(drive(translation(), managers, working))


def test_a_newer_answer_that_cannot_be_taken_leaves_the_one_of_before() -> None:
    """It refers to nothing."""

    def newer(call: HookCall) -> HookReply:
        return edited(call, using("nowhere")) if call.subject == host_of(HTTP, 1) else working(call)

    first = drive(of_size(3), (HOSTS,), working, epoch=1)
    hooked = drive(of_size(3), (HOSTS,), newer, first.accepted, epoch=2)
    assert (hooked.outcome, published(hooked)) == (Outcome.ACCEPTED, published(first))
    assert [problem.subject for problem in hooked.late] == [host_of(HTTP, 1)]
    assert "nowhere" in hooked.late[0].message
