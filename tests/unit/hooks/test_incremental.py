"""A run that goes on from the last publishes what a run over everything would, and asks about nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from egxds import names
from egxds.hooks.calls import HookCall, HookReply
from egxds.hooks.policy.outcome import Outcome
from egxds.resources.resource import ExtensionResource
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import Hook
from tests.unit.hooks.edited_gateways import (
    Edit,
    cluster_of,
    edited_by,
    host_of,
    of_size,
)
from tests.unit.hooks.extensions import drive, edited, failing, manager, record, shown, unchanged, working
from tests.unit.hooks.gateways import GATEWAY, HTTP, HTTPS, published
from tests.unit.hooks.made_edits import beside, claiming, using, without

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
        return edited(call, claiming("h0.example")) if call.subject == host_of(HTTP, 3) else unchanged(call)

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
        return edited(call, claiming("x.example")) if call.subject in greedy else unchanged(call)

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
        return edited(call, using(cluster_of(4))) if call.subject == host_of(HTTP, 1) else unchanged(call)

    unused = edited_by(of_size(5), Edit("host", HTTP, 4, 0))
    first = drive(unused, managers, answer, epoch=1)
    hooked = drive(edited_by(unused, Edit("cluster", HTTP, 4, 0)), managers, answer, first.accepted, epoch=1)
    assert first.outcome is Outcome.ACCEPTED
    assert [problem.subject for problem in hooked.failures] == [host_of(HTTP, 1)]


def test_an_edit_of_what_changed_is_refused_where_it_refers_to_nothing() -> None:
    """As it is in a run over everything."""
    managers = (manager(hooks=("VirtualHost",)),)

    def answer(call: HookCall) -> HookReply:
        return edited(call, using("nowhere")) if call.subject == host_of(HTTP, 3) else unchanged(call)

    before = of_size(5)
    first = drive(before, managers, unchanged, epoch=1)
    hooked = drive(edited_by(before, Edit("host", HTTP, 3, 2)), managers, answer, first.accepted, epoch=1)
    assert [problem.subject for problem in hooked.failures] == [host_of(HTTP, 3)]


def test_a_listener_that_another_extension_has_added_is_not_asked_about_again() -> None:
    """It is gone through with the others, and is what it was."""
    managers = (manager("first", hooks=("HTTPListener",)), manager("second", hooks=("HTTPListener",)))
    extensions = {"first": lambda call: edited(call, beside), "second": working}
    before = of_size(5)
    first = drive(before, managers, extensions, epoch=1)
    edit = edited_by(before, Edit("listener", HTTP, 0, 5))
    _, batches = record(edit, managers, extensions, first.accepted, epoch=1)
    assert subjects(batches) == [HTTP, HTTP, f"{HTTP}/beside"]


def test_an_object_that_a_cluster_is_given_by_its_rule_has_it_asked_about() -> None:
    """The cluster is the same; what the hook gets beside it is not."""
    managers = (manager(hooks=("Cluster",)),)
    before = of_size(5)
    first = drive(before, managers, working, epoch=1)
    _, batches = record(edited_by(before, Edit("filter", HTTP, 3, 1)), managers, working, first.accepted, epoch=1)
    assert subjects(batches) == [cluster_of(3)]


def _naming(before: GatewayTranslation, number: int, document: bytes) -> GatewayTranslation:
    """Return a Gateway in which the rule behind a virtual host, and its cluster, names an object that says this."""
    objects = (ExtensionResource("example.io", "Pool", document),)
    configuration = before.route_configurations[HTTP]
    host = configuration.virtual_hosts.by_name[host_of(HTTP, number)]
    routes = tuple(replace(each, extension_resources=objects) for each in host.routes)
    hosts = configuration.virtual_hosts.edited({host.name: replace(host, routes=routes)})
    return replace(
        before,
        route_configurations=before.route_configurations.edited({HTTP: replace(configuration, virtual_hosts=hosts)}),
        context=replace(before.context, clusters=before.context.clusters.edited({cluster_of(number): objects})),
    )


def _owned(before: GatewayTranslation, owner: bytes) -> GatewayTranslation:
    """Return a Gateway whose object says something else, and that comes to the same."""
    return replace(before, context=replace(before.context, owner=owner))


def _made_from(before: GatewayTranslation, number: int, said: bytes) -> GatewayTranslation:
    """Return a Gateway in which what the rule behind a cluster, and a virtual host, is made from says this."""
    configuration = before.route_configurations[HTTP]
    host = configuration.virtual_hosts.by_name[host_of(HTTP, number)]
    routes = tuple(replace(each, belongs_to=said) for each in host.routes)
    hosts = configuration.virtual_hosts.edited({host.name: replace(host, routes=routes)})
    belongs_to = before.context.belongs_to.edited({cluster_of(number): said})
    return replace(
        before,
        route_configurations=before.route_configurations.edited({HTTP: replace(configuration, virtual_hosts=hosts)}),
        context=replace(before.context, belongs_to=belongs_to),
    )


ASKED_AGAIN: dict[str, tuple[Callable[[GatewayTranslation, bytes], GatewayTranslation], Hook, list[str]]] = {
    "a custom backend, its endpoints": (lambda one, said: _naming(one, 3, said), Hook.ENDPOINTS, [cluster_of(3)]),
    "a custom backend, its cluster": (lambda one, said: _naming(one, 3, said), Hook.CLUSTER, [cluster_of(3)]),
    "a custom backend, its host": (lambda one, said: _naming(one, 3, said), Hook.VIRTUAL_HOST, [host_of(HTTP, 3)]),
    "a custom backend, the whole": (lambda one, said: _naming(one, 3, said), Hook.TRANSLATION, [GATEWAY]),
    "a custom backend, listeners": (lambda one, said: _naming(one, 3, said), Hook.HTTP_LISTENER, []),
    "the Gateway, its listeners": (_owned, Hook.HTTP_LISTENER, [HTTP, HTTPS]),
    "the Gateway, the whole": (_owned, Hook.TRANSLATION, [GATEWAY]),
    "a Service, its endpoints": (lambda one, said: _made_from(one, 3, said), Hook.ENDPOINTS, [cluster_of(3)]),
    "a Service, its host": (lambda one, said: _made_from(one, 3, said), Hook.VIRTUAL_HOST, [host_of(HTTP, 3)]),
    "a Service, the whole": (lambda one, said: _made_from(one, 3, said), Hook.TRANSLATION, [GATEWAY]),
}


@pytest.mark.parametrize(("change", "hook", "asked"), ASKED_AGAIN.values(), ids=ASKED_AGAIN)
def test_a_hook_is_asked_again_when_an_object_changes_that_its_request_does_not_carry(
    change: Callable[[GatewayTranslation, bytes], GatewayTranslation], hook: Hook, asked: list[str]
) -> None:
    """envoyproxy/gateway issue 8150: an extension that reads its objects elsewhere would serve old endpoints."""
    managers = (manager(hooks=(hook.value,), translation=shown("listener")),)
    before = change(of_size(5), b'{"metadata":{"name":"one"}}')
    first = drive(before, managers, working, epoch=1)
    now = change(before, b'{"metadata":{"name":"two"}}')
    _, batches = record(now, managers, working, first.accepted, epoch=1)
    assert subjects(batches) == asked
    of_all = [[call for batch in record(one, managers, working)[1] for call in batch] for one in (before, now)]
    # Nor does what is remembered for `cacheTTL` answer them.
    changed = {call.key() for call in of_all[1]} - {call.key() for call in of_all[0]}
    assert sorted(call.subject for call in of_all[1] if call.key() in changed) == asked


def test_hosts_are_asked_about_behind_an_edit_of_their_gateway() -> None:
    """The edit waits for nobody; when everything is asked again, what was said about another Gateway is no answer."""
    managers = (manager(hooks=("VirtualHost",)),)
    before = _owned(of_size(5), b"one")
    first = drive(before, managers, working, epoch=1)
    hooked, batches = record(_owned(before, b"two"), managers, working, first.accepted, epoch=1)
    assert subjects(batches) == []
    _, batches = record(_owned(before, b"two"), managers, working, hooked.accepted, epoch=2)
    hosts = [host for configuration in before.route_configurations.values() for host in configuration.virtual_hosts]
    assert sorted(subjects(batches)) == sorted(host.name for host in hosts)
    of_all = [record(one, managers, working)[1] for one in (before, _owned(before, b"two"))]
    keys = [{call.key() for batch in batches for call in batch} for batches in of_all]
    assert keys[0].isdisjoint(keys[1])


def test_what_comes_out_as_before_is_the_very_object() -> None:
    """So that nobody behind the hooks has anything to do."""
    before = of_size(5)
    first = drive(before, (VIRTUAL_HOSTS,), working, epoch=1)
    edit = edited_by(edited_by(before, Edit("host", HTTP, 3, 2)), Edit("host", HTTP, 3, 1))
    again = drive(edit, (VIRTUAL_HOSTS,), working, first.accepted, epoch=1)
    assert again.resources is first.resources


AT_ONCE = manager("at-once", hooks=("Translation",), translation=shown("listener", "route", "cluster", "secret"))


@pytest.mark.parametrize("order", [1, -1])
def test_of_what_is_asked_about_one_by_one_only_what_changed_is_asked_beside_a_hook_on_all(order: int) -> None:
    """Whichever extension is declared first: the hook on all is asked once more, about all of it."""
    managers = (VIRTUAL_HOSTS, AT_ONCE)[::order]
    before = of_size(5)
    first = drive(before, managers, working, epoch=1)
    edit = edited_by(before, Edit("host", HTTP, 3, 2))
    hooked, batches = record(edit, managers, working, first.accepted, epoch=1)
    assert (first.outcome, hooked.outcome) == (Outcome.ACCEPTED, Outcome.ACCEPTED)
    assert subjects(batches) == ["shop/gw", host_of(HTTP, 3)]
    assert published(hooked) == published(drive(edit, managers, working))


@pytest.mark.parametrize("edit", [Edit("endpoints", HTTP, 3, 2), Edit("host", HTTP, 3, 2), Edit("secret", HTTP, 1, 1)])
def test_a_hook_on_all_is_not_asked_where_what_it_is_shown_is_as_it_was(edit: Edit) -> None:
    """Its request would be the same, and so would its reply."""
    managers = (manager(hooks=("Translation",), translation=shown("listener")),)
    before = of_size(5)
    first = drive(before, managers, working, epoch=1)
    hooked, batches = record(edited_by(before, edit), managers, working, first.accepted, epoch=1)
    assert subjects(batches) == []
    assert published(hooked) == published(drive(edited_by(before, edit), managers, working))


def test_what_a_hook_on_all_brings_back_as_it_was_is_the_very_object() -> None:
    """It sends everything again; what differs is all that anybody behind the hooks has to look at."""
    before = of_size(5)
    first = drive(before, (AT_ONCE,), working, epoch=1)
    hooked = drive(edited_by(before, Edit("cluster", HTTP, 3, 2)), (AT_ONCE,), working, first.accepted, epoch=1)
    changed = {kind: set(of_type.changed_since(first.resources[kind])) for kind, of_type in hooked.resources.items()}
    assert {kind: found for kind, found in changed.items() if found} == {names.CLUSTER: {cluster_of(3)}}


def test_what_a_hook_on_all_takes_away_cannot_come_to_be_referred_to_unseen() -> None:
    """A cluster that it drops is of no use; then a virtual host is edited so that it leads there."""
    managers = (AT_ONCE,)
    dropping = without(cluster_of(4))
    before = edited_by(of_size(5), Edit("host", HTTP, 4, 0))
    first = drive(before, managers, lambda call: edited(call, dropping), epoch=1)
    edit = edited_by(before, Edit("host", HTTP, 3, 3))
    hooked = drive(edit, managers, lambda call: edited(call, dropping), first.accepted, epoch=1)
    assert first.outcome is Outcome.ACCEPTED
    (problem,) = hooked.failures
    assert f"it leaves a reference to cluster {cluster_of(4)!r}" in problem.message


@pytest.mark.parametrize(("policy", "outcome"), [("deny", Outcome.DENIED), ("bypass", Outcome.BYPASSED)])
def test_a_virtual_host_that_a_hook_fails_on_is_asked_about_with_each_edit_of_another(
    policy: str, outcome: Outcome
) -> None:
    """It stays as it is while the other is served as edited, and is served again once the hook answers."""
    managers = (manager(hooks=("VirtualHost",), policy=policy),)
    broken = failing(Hook.VIRTUAL_HOST, subject=host_of(HTTP, 3))
    first = drive(of_size(5), managers, broken, epoch=1)
    now = edited_by(of_size(5), Edit("host", HTTP, 1, 2))
    hooked, batches = record(now, managers, broken, first.accepted, epoch=1)
    assert (hooked.outcome, subjects(batches)) == (outcome, [host_of(HTTP, 1), host_of(HTTP, 3)])
    assert published(hooked) == published(drive(now, managers, broken))
    again, batches = record(now, managers, working, hooked.accepted, epoch=1)
    assert (again.outcome, subjects(batches)) == (Outcome.ACCEPTED, [host_of(HTTP, 3)])
    assert published(again) == published(drive(now, managers, working))
