"""Domains of a denied virtual host, and of one with a denied route, are not to be had by the hooks after that."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from envoy.config.route.v3 import route_components_pb2

from egxds import names
from egxds.settings.extensions import Hook
from tests.unit.hooks.denied_shop import (
    CART,
    FAILED,
    LATER,
    OTHER_CLUSTER,
    EditHost,
    Message,
    after_failure_of,
    answer,
    answering,
    in_whole,
)
from tests.unit.hooks.extensions import Extension
from tests.unit.hooks.gateways import HOST_A, HOST_B


@pytest.mark.parametrize("place", LATER)
def test_a_virtual_host_that_gives_its_domain_up_leaves_it_denied(place: Callable[[EditHost], Extension]) -> None:
    """Or the virtual host of all other domains would serve what the denied route matched."""

    def edit(host: Message) -> None:
        host.domains[:] = ["c.example"]

    hooked = after_failure_of(Hook.ROUTE, CART, place(edit))
    assert answer(hooked, "/cart/1") == answer(hooked, "/cart/1", "c.example") == "500"
    assert answer(hooked, "/x", "c.example") == OTHER_CLUSTER


@pytest.mark.parametrize("place", LATER)
def test_a_match_tree_beside_a_denied_route_is_refused(place: Callable[[EditHost], Extension]) -> None:
    """Envoy takes either routes or a tree, and in a tree nothing can be put back."""

    def edit(host: Message) -> None:
        del host.routes[:]
        host.matcher.matcher_list.matchers.add()

    hooked = after_failure_of(Hook.ROUTE, CART, place(edit), onFailure="bypass")
    assert answer(hooked, "/cart/1") == "500"
    assert [problem.manager for problem in hooked.failures] == ["broken", "later"]


def test_two_virtual_hosts_cannot_swap_domains_around_a_denied_route() -> None:
    """The one that wants the domain is refused."""
    swap = {HOST_A: "b.example", HOST_B: "a.example"}

    def apply(request: Message, response: Message) -> None:
        response.virtual_host.CopyFrom(request.virtual_host)
        response.virtual_host.domains[:] = [swap.get(request.virtual_host.name, "*")]

    hooked = after_failure_of(Hook.ROUTE, CART, answering(Hook.VIRTUAL_HOST, apply))
    assert answer(hooked, "/cart/1") == "500"
    assert HOST_B in {problem.subject for problem in hooked.failures}


def _remove_host(configuration: Message, name: str) -> None:
    kept = [item for item in configuration.virtual_hosts if item.name != name]
    kept = [route_components_pb2.VirtualHost.FromString(item.SerializeToString()) for item in kept]
    del configuration.virtual_hosts[:]
    configuration.virtual_hosts.extend(kept)


def _claim(configuration: Message) -> None:
    host = configuration.virtual_hosts.add(name="mine", domains=["A.example"])
    host.routes.add(match={"prefix": "/"}, route={"cluster": "ext"})


def lost_host(response: Message) -> None:
    """Leave the virtual host out that is denied, or holds what is."""
    for name in (HOST_A, names.ERROR_VIRTUAL_HOST):
        _remove_host(response.routes[0], name)


def taken_host(response: Message) -> None:
    """Put another in its place."""
    lost_host(response)
    _claim(response.routes[0])


def opened_host(response: Message) -> None:
    """Let every virtual host serve."""
    for host in response.routes[0].virtual_hosts:
        for item in host.routes:
            item.route.cluster = "ext"


def narrowed_host(response: Message) -> None:
    """Let every virtual host of one domain answer to another one."""
    for host in response.routes[0].virtual_hosts:
        if host.domains == ["a.example"]:
            host.domains[:] = ["c.example"]


@pytest.mark.parametrize("policy", ["deny", "bypass"])
@pytest.mark.parametrize(("hook", "subject"), FAILED)
@pytest.mark.parametrize("edit", [lost_host, taken_host, opened_host, narrowed_host])
def test_no_translation_serves_what_is_denied_in_a_virtual_host(
    edit: Callable[[Message], None], hook: Hook, subject: str, policy: str
) -> None:
    """A denied virtual host, or one with a denied route, keeps its domains to itself."""
    hooked = after_failure_of(hook, subject, in_whole(edit), onFailure=policy)
    assert answer(hooked, "/cart/1") == "500"
    assert ("later" in {problem.manager for problem in hooked.failures}) == (edit is taken_host)


def test_a_refused_translation_denies_by_its_own_policy() -> None:
    """A reply that takes the domain of a denied virtual host is a failure like any other."""
    hooked = after_failure_of(Hook.VIRTUAL_HOST, HOST_A, in_whole(taken_host))
    assert answer(hooked, "/", "b.example") == "500"
    assert "A.example" in hooked.failures[-1].message
    beside = after_failure_of(Hook.VIRTUAL_HOST, HOST_A, in_whole(taken_host), onFailure="bypass")
    assert answer(beside, "/", "b.example") == OTHER_CLUSTER
