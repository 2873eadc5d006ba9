"""A run that goes on from the last publishes what a run over everything would, and asks about nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egxds import names
from egxds.errors import FailureReason
from egxds.hooks.calls import CallKey, HookCall, HookFailure, HookReply
from egxds.hooks.policy.last_run import LastRun
from egxds.hooks.policy.outcome import Accepted, Outcome
from egxds.settings.extensions import ExtensionManager, Hook
from tests.revisions import listed
from tests.unit.hooks.edited_gateways import (
    CONFIGURATIONS,
    KINDS,
    Edit,
    cluster_of,
    edited_by,
    host_of,
    of_size,
)
from tests.unit.hooks.extensions import drive, edited, failing, manager, record, unchanged, working
from tests.unit.hooks.gateways import HTTP, HTTPS, published

VIRTUAL_HOSTS = manager(hooks=("VirtualHost",), policy="hold")


def subjects(batches: list[tuple[HookCall, ...]]) -> list[str]:
    """Return what was asked about."""
    return sorted(call.subject for batch in batches for call in batch)


EDITS = {
    "a virtual host": (Edit("host", HTTP, 3, 2), [host_of(HTTP, 3)]),
    "a virtual host of either": (Edit("host", HTTPS, 0, 2), [host_of(HTTPS, 0)]),
    "a new virtual host": (Edit("host", HTTP, 77, 1), [host_of(HTTP, 77)]),
    "a virtual host less": (Edit("host", HTTP, 3, 0), []),
    "a cluster": (Edit("cluster", HTTP, 3, 2), []),
    "endpoints": (Edit("endpoints", HTTP, 3, 2), []),
    "a listener": (Edit("listener", HTTP, 0, 5), []),
    "a RouteConfiguration less": (Edit("configuration", HTTPS, 0, 0), []),
}


@pytest.mark.parametrize(("edit", "asked"), EDITS.values(), ids=EDITS)
def test_only_what_changed_is_asked_about(edit: Edit, asked: list[str]) -> None:
    """Whatever the time and `cacheTTL`: a reply holds until its input changes."""
    before = of_size(5)
    first = drive(before, (VIRTUAL_HOSTS,), working, epoch=1)
    hooked, batches = record(edited_by(before, edit), (VIRTUAL_HOSTS,), working, first.accepted, epoch=1)
    assert subjects(batches) == asked
    assert published(hooked) == published(drive(edited_by(before, edit), (VIRTUAL_HOSTS,), working))


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_new_connection_is_asked_about_everything(epoch: int) -> None:
    """Another server may answer now; the same one is not asked again about what it has answered."""
    gateway = of_size(5)
    first = drive(gateway, (VIRTUAL_HOSTS,), working, epoch=1)
    _, batches = record(gateway, (VIRTUAL_HOSTS,), working, first.accepted, epoch=epoch)
    assert len(subjects(batches)) == (6 if epoch == 2 else 0)


def test_replies_hold_while_a_hook_fails() -> None:
    """One refused virtual host has nobody asked about the others again, edit after edit, and under hold either."""
    managers = (VIRTUAL_HOSTS, manager("second", hooks=("HTTPListener",)))
    broken = failing(Hook.VIRTUAL_HOST, subject=host_of(HTTP, 3))
    now = of_size(5)
    hooked = drive(now, managers, working, epoch=1)
    for variant in (2, 3):
        now = edited_by(now, Edit("host", HTTP, 3, variant))
        hooked, batches = record(now, managers, broken, hooked.accepted, epoch=1)
        assert (hooked.outcome, subjects(batches)) == (Outcome.HELD, [host_of(HTTP, 3)])
    hooked, batches = record(now, managers, working, hooked.accepted, epoch=1)
    assert (hooked.outcome, subjects(batches)) == (Outcome.ACCEPTED, [host_of(HTTP, 3)])


def test_a_refused_reply_does_not_hold() -> None:
    """It parses and Envoy would take it, but for another virtual host: the extension may change its mind."""
    managers = (manager(hooks=("VirtualHost",), policy="deny"),)

    def greedy(call: HookCall) -> HookReply:
        return edited(call, _claiming("h0.example")) if call.subject == host_of(HTTP, 3) else unchanged(call)

    first = drive(of_size(5), managers, greedy, epoch=1)
    again, batches = record(of_size(5), managers, unchanged, first.accepted, epoch=1)
    assert (first.outcome, again.outcome, subjects(batches)) == (
        Outcome.DENIED,
        Outcome.ACCEPTED,
        [host_of(HTTP, 3)],
    )


def test_a_domain_that_an_unchanged_virtual_host_was_given_cannot_be_claimed() -> None:
    """The one that changed is shown to the hook alone; it is judged beside the others all the same."""
    managers = (manager(hooks=("VirtualHost",)),)

    def answer(call: HookCall) -> HookReply:
        return edited(call, _claiming("x.example")) if call.subject in greedy else unchanged(call)

    before = of_size(5)
    greedy = {host_of(HTTP, 1)}
    first = drive(before, managers, answer, epoch=1)
    greedy = {host_of(HTTP, 3)}
    hooked = drive(edited_by(before, Edit("host", HTTP, 3, 2)), managers, answer, first.accepted, epoch=1)
    assert [problem.subject for problem in hooked.failures] == [host_of(HTTP, 1), host_of(HTTP, 3)]


def test_what_an_unchanged_edit_refers_to_cannot_be_taken_away_unseen() -> None:
    """A cluster that only the extension's version of a virtual host uses is deleted."""
    managers = (manager(hooks=("VirtualHost",)),)

    def answer(call: HookCall) -> HookReply:
        return edited(call, _using(cluster_of(4))) if call.subject == host_of(HTTP, 1) else unchanged(call)

    unused = edited_by(of_size(5), Edit("host", HTTP, 4, 0))
    first = drive(unused, managers, answer, epoch=1)
    hooked = drive(edited_by(unused, Edit("cluster", HTTP, 4, 0)), managers, answer, first.accepted, epoch=1)
    assert first.outcome is Outcome.ACCEPTED
    assert [problem.subject for problem in hooked.failures] == [host_of(HTTP, 1)]


def test_an_edit_of_what_changed_is_refused_where_it_refers_to_nothing() -> None:
    """As it is in a run over everything."""
    managers = (manager(hooks=("VirtualHost",)),)

    def answer(call: HookCall) -> HookReply:
        return edited(call, _using("nowhere")) if call.subject == host_of(HTTP, 3) else unchanged(call)

    before = of_size(5)
    first = drive(before, managers, unchanged, epoch=1)
    hooked = drive(edited_by(before, Edit("host", HTTP, 3, 2)), managers, answer, first.accepted, epoch=1)
    assert [problem.subject for problem in hooked.failures] == [host_of(HTTP, 3)]


def test_an_object_that_a_cluster_is_given_by_its_rule_has_it_asked_about() -> None:
    """The cluster is the same; what the hook gets beside it is not."""
    managers = (manager(hooks=("Cluster",)),)
    before = of_size(5)
    first = drive(before, managers, working, epoch=1)
    _, batches = record(edited_by(before, Edit("filter", HTTP, 3, 1)), managers, working, first.accepted, epoch=1)
    assert subjects(batches) == [cluster_of(3)]


def test_what_comes_out_as_before_is_the_very_object() -> None:
    """So that nobody behind the hooks has anything to do."""
    before = of_size(5)
    first = drive(before, (VIRTUAL_HOSTS,), working, epoch=1)
    edit = edited_by(edited_by(before, Edit("host", HTTP, 3, 2)), Edit("host", HTTP, 3, 1))
    again = drive(edit, (VIRTUAL_HOSTS,), working, first.accepted, epoch=1)
    assert again.resources is first.resources


def _claiming(domain: str) -> Any:
    def edit(request: Any, response: Any) -> None:
        response.virtual_host.CopyFrom(request.virtual_host)
        response.virtual_host.domains.append(domain)

    return edit


def _using(cluster: str) -> Any:
    def edit(request: Any, response: Any) -> None:
        response.virtual_host.CopyFrom(request.virtual_host)
        route = response.virtual_host.routes.add(name="added")
        route.match.prefix = "/added"
        route.route.cluster = cluster

    return edit


def _beside(request: Any, response: Any) -> None:
    """Add a listener beside the one asked about."""
    response.listener.CopyFrom(request.listener)
    response.listener.name += "/beside"
    response.listener.address.socket_address.port_value += 1


@dataclass
class Scripted:
    """Extensions whose answers differ by request, and fail now and then.

    Attributes:
        seed: decides on the answers.
        mood: decides on the failures; 0 has none.
        held: what was said and still holds, for the run that is compared.
    """

    seed: int
    mood: int = 0
    held: dict[CallKey, HookReply] = field(default_factory=dict)

    def fresh(self, call: HookCall) -> HookReply | HookFailure:
        """Answer a call that the incremental run makes."""
        answer = self._fails(call) or self._reply(call)
        if isinstance(answer, HookReply):
            self.held[call.key()] = answer
        else:
            self.held.pop(call.key(), None)
        return answer

    def replayed(self, call: HookCall) -> HookReply | HookFailure:
        """Answer as the incremental run was answered."""
        return self.held.get(call.key()) or self.fresh(call)

    def _fails(self, call: HookCall) -> HookFailure | None:
        if self.mood and self._number(call, self.mood) % 5 == 0:
            return HookFailure(FailureReason.STATUS, "INTERNAL: broken", "INTERNAL")
        return None

    def _reply(self, call: HookCall) -> HookReply:
        at = self._number(call, self.seed)
        if call.hook is Hook.VIRTUAL_HOST and at % 11 < 3:
            claimed = _claiming(f"x{at % 3}.example"), _using(cluster_of(at % 4)), _claiming(f"h{at % 9}.example")
            return edited(call, claimed[at % 11])
        if call.hook is Hook.HTTP_LISTENER and at % 3 == 0:
            return edited(call, _beside)
        return unchanged(call) if at % 2 else working(call)

    def _number(self, call: HookCall, salt: int) -> int:
        # What is asked counts too: an extension may answer another input differently.
        return sum(f"{call.manager}{call.subject}{len(call.request)}{salt}".encode()) + salt


edits = st.builds(
    Edit,
    what=st.sampled_from(KINDS),
    configuration=st.sampled_from(CONFIGURATIONS),
    number=st.integers(0, 4),
    variant=st.integers(0, 3),
)
steps = st.lists(st.tuples(st.lists(edits, min_size=1, max_size=3), st.sampled_from([0, 0, 0, 1, 2])), max_size=6)
hooks = st.lists(
    st.sampled_from([hook.value for hook in Hook if hook is not Hook.TRANSLATION]), min_size=1, unique=True
)
managers_ = st.lists(st.tuples(hooks, st.sampled_from(["deny", "hold", "bypass"])), min_size=1, max_size=2).map(
    lambda found: tuple(manager(f"m{at}", policy, tuple(post)) for at, (post, policy) in enumerate(found))
)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 50), managers=managers_, history=steps)
def test_any_history_of_edits_comes_to_what_whole_runs_come_to(
    seed: int, managers: tuple[ExtensionManager, ...], history: list[tuple[list[Edit], int]]
) -> None:
    """Bytes, sources, failures, and what is remembered, after each edit: extensions edit, leave, fail and collide."""
    script = Scripted(seed)
    now = of_size(4)
    accepted: Accepted | None = None
    whole: Accepted | None = None
    for step, mood in [([], 0), *history]:
        for edit in step:
            now = edited_by(now, edit)
        script.mood = mood
        hooked = drive(now, managers, script.fresh, accepted, epoch=1)
        expected = drive(now, managers, script.replayed, whole)
        assert published(hooked) == published(expected)
        assert names.ROUTE_CONFIGURATION in hooked.resources
        accepted, whole = hooked.accepted, replace(expected.accepted, last_run=LastRun())
    assert listed(hooked.resources) == listed(expected.resources)
