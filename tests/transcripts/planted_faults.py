"""Mistakes that a delta server was seen to make, or that are one line away, planted in a session one by one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from egxds.names import ENDPOINT, ROUTE_CONFIGURATION
from egxds.sessions import pacing, policy, refusals, type_state
from egxds.sessions.client_state import ClientState, Difference, Scope
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Request
from egxds.sessions.heartbeats import Heartbeats
from egxds.sessions.in_flight import InFlight
from egxds.sessions.overlay import Versions
from egxds.sessions.pacing import Pacing
from egxds.sessions.pending import PendingResources
from egxds.sessions.port_order import PortOrder, Turn
from egxds.sessions.push_order import PushOrder
from egxds.sessions.split_response import split_response
from egxds.sessions.subscription import Change
from egxds.sessions.type_state import TypeState
from egxds.sessions.used_unacked import UsedUnacked
from egxds.snapshot.snapshot import EMPTY

Patch = pytest.MonkeyPatch


def after(patch: Patch, owner: type, method: str, change: Callable[..., Any]) -> None:
    """Have a method's result go through `change(result, self, *arguments)`."""
    whole = getattr(owner, method)

    def changed(self: Any, *arguments: Any) -> Any:
        return change(whole(self, *arguments), self, *arguments)

    patch.setattr(owner, method, changed)


def before(patch: Patch, owner: type, method: str, change: Callable[..., tuple[Any, ...]]) -> None:
    """Have a method's arguments go through `change(self, *arguments)`."""
    whole = getattr(owner, method)

    def changed(self: Any, *arguments: Any) -> Any:
        return whole(self, *change(self, *arguments))

    patch.setattr(owner, method, changed)


def subscribed_again_in_vain(patch: Patch) -> None:
    """A name that the client is believed to have is not sent when it asks for it again."""

    def forget(client: ClientState, change: Change) -> tuple[Change]:
        known = {name for name in change.asked if client.versions.get(name)}
        return (dataclasses.replace(change, asked=change.asked - known),)

    before(patch, ClientState, "_owe", forget)


def refusal_forgets_siblings(patch: Patch) -> None:
    """What travelled with a refused resource counts as delivered."""
    patch.setattr(refusals, "retries", lambda response, message: ())


def stale_nonce_drops_the_subscribe(patch: Patch) -> None:
    """A request that answers nothing known is thrown away."""

    def drop(state: TypeState, request: Request, now_s: float) -> tuple[Request, float]:
        is_stale = request.nonce and request.nonce not in state.in_flight._in_flight
        return (dataclasses.replace(request, subscribe=()) if is_stale else request), now_s

    before(patch, TypeState, "receive", drop)


def refusal_drops_the_subscribe(patch: Patch) -> None:
    """Names that ride on a NACK are lost."""

    def drop(state: TypeState, request: Request, now_s: float) -> tuple[Request, float]:
        return (dataclasses.replace(request, subscribe=()) if request.refusal else request), now_s

    before(patch, TypeState, "receive", drop)


def removal_before_the_update(patch: Patch) -> None:
    """Clusters go while routes still lead to them."""
    after(patch, DeltaSession, "_scope", lambda scope, *_: Scope.ALL if scope is Scope.KEEP else scope)


def children_are_not_sent_again(patch: Patch) -> None:
    """Endpoints that did not change do not follow a cluster that did."""
    patch.setattr(DeltaSession, "_owed_children", lambda *_: set())


def ack_is_answered(patch: Patch) -> None:
    """Every ACK is met with an empty response."""

    def answer(events: Any, state: TypeState, request: Request, now_s: float) -> Any:
        state._client.owes_response |= bool(request.nonce and not request.refusal)
        return events

    after(patch, TypeState, "receive", answer)


def initial_versions_are_ignored(patch: Patch) -> None:
    """A client that comes back gets everything, and is never rid of what is gone."""
    before(patch, ClientState, "begin", lambda client, request, *rest: (_without_versions(request), *rest))


def _without_versions(request: Request) -> Request:
    return dataclasses.replace(request, initial_versions={})


def missing_route_is_removed(patch: Patch) -> None:
    """A RouteConfiguration that does not exist is reported like any other resource."""
    patch.setitem(policy._POLICIES, ROUTE_CONFIGURATION, policy.TypePolicy())


def name_comes_twice(patch: Patch) -> None:
    """A resource is in the response once for each way in which it is wanted."""
    after(patch, ClientState, "_of", lambda found, *_: found + found)


def wildcard_deletion_is_lost(patch: Patch) -> None:
    """What is gone is only told to those who named it."""
    patch.setattr(ClientState, "_withdrawn", lambda *_: iter(()))


def held_push_is_lost_after_a_refusal(patch: Patch) -> None:
    """What had to wait for the answer to a push is forgotten where the answer is a NACK."""

    def lose(events: Any, state: TypeState, request: Request, now_s: float) -> Any:
        state.__dict__["has_lost"] = request.refusal is not None
        return events

    def skip(state: TypeState, mapping: Any, now_s: float) -> tuple[Any, float]:
        if state.__dict__.pop("has_lost", False):
            state._client.settle(mapping, Scope.ALL, ())
        return mapping, now_s

    after(patch, TypeState, "receive", lose)
    before(patch, TypeState, "has_work", skip)


def types_come_in_any_order(patch: Patch) -> None:
    """Types go in the order in which they were asked for."""
    patch.setattr(PushOrder, "join", lambda turns, type_url: turns._ordered.append(type_url))


def endpoints_are_not_resent_on_reconnect(patch: Patch) -> None:
    """A cluster in the middle of warming waits for endpoints that the client is believed to have."""
    patch.setitem(policy._POLICIES, ENDPOINT, policy.TypePolicy(goes_last=True))


def nonce_is_always_the_same(patch: Patch) -> None:
    """An ACK cannot be told from another."""
    before(patch, TypeState, "respond", lambda state, mapping, scope, nonce, now_s: (mapping, scope, "1", now_s))


def empty_wildcard_is_not_answered(patch: Patch) -> None:
    """Where there is nothing to send, nothing is sent: Envoy never becomes ready."""

    def drop(result: None, client: ClientState, *_: Any) -> None:
        client.owes_response = False

    after(patch, ClientState, "begin", drop)


def nothing_is_held_before_the_first_snapshot(patch: Patch) -> None:
    """What is not loaded counts as empty, and every Envoy is emptied at a restart."""
    after(patch, Pacing, "take", lambda snapshot, *_: snapshot or EMPTY)


def refused_version_is_sent_in_a_loop(patch: Patch) -> None:
    """What was refused is due again."""

    def owe(result: None, in_flight: InFlight, *_: Any) -> None:
        in_flight.refused.clear()

    def forget(events: Any, state: TypeState, request: Request, now_s: float) -> Any:
        if request.refusal:
            state._client.owed.update(state._client.subscription.names)
        return events

    after(patch, InFlight, "_refuse", owe)
    after(patch, TypeState, "receive", forget)


def refused_is_done_with(patch: Patch) -> None:
    """What was refused waits for somebody to change it."""
    patch.setattr(PendingResources, "due_at_s", lambda pending: math.inf)


def ports_change_hands_at_once(patch: Patch) -> None:
    """Listeners that take each other's addresses come in one response."""
    patch.setattr(PortOrder, "turn", lambda order, updated, is_in_the_way=None: Turn(tuple(updated)))


def missing_name_ends_its_subscription(patch: Patch) -> None:
    """Versions and subscriptions are one map: telling that a resource does not exist ends both."""

    def end(result: None, client: ClientState, updated: Any, removed: Any) -> None:
        client.subscription.names.discard(removed)

    after(patch, ClientState, "note", end)


def node_can_be_replaced(patch: Patch) -> None:
    """The last node of a stream counts."""

    def replace(events: Any, session: DeltaSession, type_url: str, request: Request) -> Any:
        session.node = request.node or session.node
        return events

    after(patch, DeltaSession, "_meet", replace)


def pushes_do_not_wait(patch: Patch) -> None:
    """Every change is sent at once, however many pushes are unanswered."""
    patch.setattr(InFlight, "free_at_s", lambda in_flight: -math.inf)


def slow_reader_starves(patch: Patch) -> None:
    """Every change of clusters begins the order of types anew, for ever."""
    patch.setattr(pacing, "SEQUENCE_LIMIT_S", math.inf)


def clusters_come_without_a_pause(patch: Patch) -> None:
    """Envoy's main thread is kept busy with clusters."""
    patch.setattr(pacing, "PAUSE_PER_CLUSTER_S", 0.0)


def parts_are_of_several_snapshots(patch: Patch) -> None:
    """What comes between the parts of a response changes the rest."""
    patch.setattr(Pacing, "pin", lambda pacing: None)


def rest_of_a_split_response_is_lost(patch: Patch) -> None:
    """Only the first part is sent."""
    patch.setattr(
        type_state,
        "split_response",
        lambda difference, limit: (split_response(difference, limit)[0], Difference((), ())),
    )


def what_was_withheld_is_forgotten(patch: Patch) -> None:
    """A removal that had to wait is not looked at again."""
    before(patch, ClientState, "settle", lambda client, mapping, scope, withheld: (mapping, scope, ()))


def answer_counts_for_the_state_before(patch: Patch) -> None:
    """What was answered from a newer state than was pushed last is not compared with what is pushed next."""

    def forget(result: None, client: ClientState, mapping: Any, scope: Scope, withheld: Any) -> None:
        client._unsettled = set(withheld)

    after(patch, ClientState, "settle", forget)


def others_are_believed_to_have_it_too(patch: Patch) -> None:
    """What one client was not sent is lost among what all have."""

    def forget(result: None, versions: Versions, mapping: Any) -> None:
        versions._differing = {name: one for name, one in versions._differing.items() if name not in versions._shared}

    after(patch, Versions, "rest_on", forget)


def used_but_unrecorded_is_forgotten(patch: Patch) -> None:
    """What the client does not report, it does not have."""
    patch.setattr(UsedUnacked, "doubts", lambda used_unacked, reported: ())


def child_that_was_away_is_believed_to_be_known(patch: Patch) -> None:
    """Its parent was sent without it, and nobody remembers."""
    patch.setattr(ClientState, "doubt", lambda *_: None)


def heartbeats_stop(patch: Patch) -> None:
    """A resource with a time to live is kept alive once."""

    def stop(due: Any, beats: Heartbeats, now_s: float) -> Any:
        beats.start = lambda resources, now_s: beats.stop([one.name for one in resources])  # type: ignore[method-assign]
        return due

    after(patch, Heartbeats, "due", stop)


FAULTS = (
    subscribed_again_in_vain,
    refusal_forgets_siblings,
    stale_nonce_drops_the_subscribe,
    refusal_drops_the_subscribe,
    removal_before_the_update,
    children_are_not_sent_again,
    ack_is_answered,
    initial_versions_are_ignored,
    missing_route_is_removed,
    name_comes_twice,
    wildcard_deletion_is_lost,
    held_push_is_lost_after_a_refusal,
    types_come_in_any_order,
    endpoints_are_not_resent_on_reconnect,
    nonce_is_always_the_same,
    empty_wildcard_is_not_answered,
    nothing_is_held_before_the_first_snapshot,
    refused_version_is_sent_in_a_loop,
    refused_is_done_with,
    ports_change_hands_at_once,
    missing_name_ends_its_subscription,
    node_can_be_replaced,
    pushes_do_not_wait,
    slow_reader_starves,
    clusters_come_without_a_pause,
    parts_are_of_several_snapshots,
    rest_of_a_split_response_is_lost,
    what_was_withheld_is_forgotten,
    answer_counts_for_the_state_before,
    others_are_believed_to_have_it_too,
    used_but_unrecorded_is_forgotten,
    child_that_was_away_is_believed_to_be_known,
    heartbeats_stop,
)

OF_THE_MODEL = (
    subscribed_again_in_vain,
    refusal_forgets_siblings,
    removal_before_the_update,
    children_are_not_sent_again,
    ack_is_answered,
    initial_versions_are_ignored,
    missing_route_is_removed,
    name_comes_twice,
    wildcard_deletion_is_lost,
    endpoints_are_not_resent_on_reconnect,
    nonce_is_always_the_same,
    nothing_is_held_before_the_first_snapshot,
    refused_version_is_sent_in_a_loop,
    refused_is_done_with,
    ports_change_hands_at_once,
    missing_name_ends_its_subscription,
    rest_of_a_split_response_is_lost,
    what_was_withheld_is_forgotten,
)
"""Faults that show in what a client ends up with, or waits for."""
