"""A route that was denied answers 500 for what it matched, whatever the hooks after that reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from envoy.config.route.v3 import route_components_pb2
from hypothesis import given
from hypothesis import strategies as st

from egxds.hooks.policy.kept_denials import keep_denied
from egxds.settings.extensions import Hook
from tests.unit.hooks.denied_shop import (
    CART,
    FAILED_ROUTE,
    LATER,
    OTHER_CLUSTER,
    PUBLIC,
    REST,
    EditHost,
    Message,
    after_failure_of,
    answer,
    serving,
)
from tests.unit.hooks.extensions import Extension
from tests.unit.hooks.gateways import route_configuration, virtual_host


def _of(host: Message, name: str) -> Message:
    return next(item for item in host.routes if item.name == name)


def _reorder(host: Message, *order: str) -> None:
    routes = {item.name: route_components_pb2.Route.FromString(item.SerializeToString()) for item in host.routes}
    del host.routes[:]
    host.routes.extend(routes[name] for name in order)


def replaced(host: Message) -> None:
    """Let the denied route lead somewhere."""
    _of(host, CART).CopyFrom(route_components_pb2.Route(name=CART, match={"prefix": "/cart"}, route={"cluster": "ext"}))


def narrowed(host: Message) -> None:
    """Let the denied route match nothing that comes."""
    _of(host, CART).match.prefix = "/never"


def dropped(host: Message) -> None:
    """Leave the denied route out, so that `/` matches what it did."""
    _reorder(host, PUBLIC, REST)


def moved(host: Message) -> None:
    """Put the denied route behind `/`."""
    _reorder(host, PUBLIC, REST, CART)


def shuffled(host: Message) -> None:
    """Put the one before the denied route to the end, and leave the denied one out."""
    _reorder(host, REST, PUBLIC)


def renamed(host: Message) -> None:
    """Give the denied route another name and a cluster."""
    replaced(host)
    _of(host, CART).name = "mine"


def renamed_successor(host: Message) -> None:
    """Give the route behind the denied one another name, and put it first."""
    _reorder(host, REST, PUBLIC, CART)
    _of(host, REST).name = "mine"


def twin(host: Message) -> None:
    """Put a route of another name first that matches what the denied one does."""
    found = [route_components_pb2.Route.FromString(item.SerializeToString()) for item in host.routes]
    del host.routes[:]
    host.routes.add(name="twin", match={"prefix": "/cart"}, route={"cluster": "ext"})
    host.routes.extend(found)


def emptied(host: Message) -> None:
    """Leave no route."""
    del host.routes[:]


EDITS = (replaced, narrowed, dropped, moved, shuffled, renamed, renamed_successor, twin, emptied)


@pytest.mark.parametrize(("hook", "subject"), FAILED_ROUTE)
@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("place", LATER)
def test_no_reply_serves_what_a_denied_route_matched(
    place: Callable[[EditHost], Extension], edit: EditHost, hook: Hook, subject: str
) -> None:
    """Changed, dropped, moved or hidden: the denied route answers 500 for its path, and no call counts as failed."""
    hooked = after_failure_of(hook, subject, place(edit))
    assert answer(hooked, "/cart/1") == "500"
    assert {problem.manager for problem in hooked.failures} == {"broken"}


@pytest.mark.parametrize("edit", [replaced, dropped, moved])
@pytest.mark.parametrize("place", LATER)
def test_what_was_put_back_denies_nothing_more(place: Callable[[EditHost], Extension], edit: EditHost) -> None:
    """The routes before and behind the denied one serve."""
    hooked = after_failure_of(Hook.ROUTE, CART, place(edit))
    assert [answer(hooked, path) for path in ("/cart/public", "/x")] == [OTHER_CLUSTER, OTHER_CLUSTER]


@pytest.mark.parametrize("place", LATER)
def test_a_route_that_an_extension_adds_stays_where_it_put_it(place: Callable[[EditHost], Extension]) -> None:
    """Beside a denied route, an extension that answers is taken at its word."""

    def edit(host: Message) -> None:
        twin(host)
        host.routes[0].match.prefix = "/login"

    hooked = after_failure_of(Hook.ROUTE, CART, place(edit))
    assert [answer(hooked, path) for path in ("/login", "/cart/1", "/x")] == ["ext", "500", OTHER_CLUSTER]


@pytest.mark.parametrize("place", LATER)
def test_edits_of_other_routes_are_kept(place: Callable[[EditHost], Extension]) -> None:
    """Only what is denied is put back."""

    def edit(host: Message) -> None:
        _of(host, REST).route.cluster = "ext"

    hooked = after_failure_of(Hook.ROUTE, CART, place(edit))
    assert [answer(hooked, path) for path in ("/cart/1", "/x")] == ["500", "ext"]


@given(
    denied=st.sets(st.integers(0, 7), min_size=1),
    reply=st.lists(st.integers(0, 11), unique=True),
    is_sorted=st.booleans(),
)
def test_denied_routes_are_put_back_at_their_turn(denied: set[int], reply: list[int], is_sorted: bool) -> None:
    """Before all that came behind them; behind all that came before them if the reply moved nothing; nobody else moves.

    Routes 0 to 7 are there, from 8 on they are new.
    """
    named = [serving(str(at), f"/{at}") for at in range(12)]
    before = [replace(item, is_denied=at in denied) for at, item in enumerate(named[:8])]
    order = sorted(reply, key=lambda at: (at < 8, at)) if is_sorted else reply
    configuration = route_configuration("c", virtual_host("v", ("*",), *before))
    after = route_configuration("c", virtual_host("v", ("*",), *(named[at] for at in order)))
    (host,) = keep_denied(configuration, after).virtual_hosts
    found = [int(item.name) for item in host.routes]
    assert [at for at in found if at not in denied] == [at for at in order if at not in denied]
    assert [at for at in found if at in denied] == sorted(denied)
    assert all(item.is_denied == (int(item.name) in denied) for item in host.routes)
    for at in denied:
        assert all(found.index(at) < found.index(other) for other in found if at < other < 8)
        assert not is_sorted or all(found.index(at) > found.index(other) for other in found if other < at)
