"""Listeners of ListenerSets become resources of their Gateway, under names of their own (Envoy Gateway's scheme)."""

from __future__ import annotations

from egxds.resources.translation import GatewayTranslation
from egxds.translate.translator import Translator
from tests.unit.model.test_listener_sets import ALL, AT_SET, LISTENER, listener_set
from tests.unit.model.texts import gateway, route
from tests.unit.model.worlds import World, resolve

SHARED = LISTENER.replace("]", ", {name: own, port: 8080, protocol: HTTP}]")


def translated(*texts: str) -> GatewayTranslation:
    """Translate one Gateway from nothing."""
    return Translator().update(resolve(*texts))["default/web"]


def test_a_port_that_is_shared_is_named_after_the_gateway() -> None:
    """Its own listeners come first, so that what a set adds renames nothing; a virtual host has the set's name."""
    found = translated(gateway(more=ALL), listener_set(listeners=SHARED), route(parents=AT_SET))
    assert set(found.listeners) == {"default/web/http", "default/web/default/extra/own"}
    hosts = {name: set(each.virtual_hosts.by_name) for name, each in found.route_configurations.items()}
    assert hosts == {
        "default/web/http": {"default/web/default/extra/more/a_test"},
        "default/web/default/extra/own": {"default/web/default/extra/own/*"},
    }


def test_what_a_listener_was_made_from_names_its_sets() -> None:
    """An Envoy that refuses it is told of there."""
    found = translated(gateway(more=ALL), listener_set(listeners=SHARED), listener_set("other"))
    kinds = {name: [f"{key.kind} {key.name}" for key in each.sources] for name, each in found.listeners.items()}
    assert kinds["default/web/http"] == ["Gateway web", "ListenerSet extra"]


def test_hooks_about_a_gateway_are_asked_again_when_a_set_of_it_says_something_else() -> None:
    """An unchanged request is no unchanged answer: what is known of the Gateway by name may be another thing."""
    world, translator = World(), Translator()
    seen = []
    for said in ({}, {"tier": "gold"}, {"tier": "tin"}):
        resolution = world.scan(gateway(more=ALL), listener_set(annotations=said), gateway("far"))
        found = translator.update(resolution)
        seen.append((found["default/web"].context.owner, found["default/far"]))
    assert len({owner for owner, _ in seen}) == len(seen)
    assert all(far is seen[0][1] for _, far in seen)
