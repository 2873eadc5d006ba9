"""Translating again what changed, and nothing else."""

from __future__ import annotations

import gc
from dataclasses import replace

import pytest

from egxds.incremental.revision import Revision
from egxds.model.resolve.resolved import AttachedRoute, ResolvedGateway, ResolvedListener, ResolvedRoute
from egxds.model.resolve.upstreams import EndpointsKey, EndpointTable
from egxds.resources.route_configuration import Route, VirtualHost
from egxds.resources.translation import GatewayTranslation
from egxds.translate.translator import Translator
from tests.unit.translate.builders import (
    address,
    at,
    backend,
    endpoint_table,
    gateway,
    listener,
    match,
    route,
    rule,
    secret,
)
from tests.unit.translate.reading import contents, go_on, resolution_of, translate

GATEWAY = gateway()


def _app(number: int, to: str = "10.0.0.1") -> ResolvedRoute:
    return route(f"app-{number}", rule(backend(to), matches=[match(f"/{number}")]))


def _at_hosts(app: ResolvedRoute) -> AttachedRoute:
    return at(app, f"{app.route.key.name}.example", "all.example")


def _gateway(apps: list[ResolvedRoute], *more: ResolvedListener) -> ResolvedGateway:
    return replace(GATEWAY, listeners=(listener("http", *map(_at_hosts, apps)), *more))


def _hosts(translation: GatewayTranslation) -> dict[str, VirtualHost]:
    return {host.name: host for table in translation.route_configurations.values() for host in table.virtual_hosts}


def _changed(before: GatewayTranslation, after: GatewayTranslation) -> set[str]:
    """Return the names of what is not the same object any more."""
    found: set[str] = set()
    for old, new in (
        (_hosts(before), _hosts(after)),
        (before.clusters, after.clusters),
        (before.endpoints, after.endpoints),
        (before.listeners, after.listeners),
        (before.secrets, after.secrets),
    ):
        found |= {name for name, each in new.items() if old.get(name) is not each}
    return found


def _again(written: ResolvedRoute) -> ResolvedRoute:
    """Return an equal route that is another object, as the resolver makes one for a change that means nothing."""
    return ResolvedRoute(written.route, written.rules)


def test_same_resolution_is_the_same_translation() -> None:
    """The same Gateways give the same translations."""
    translator, resolution = Translator(), resolution_of(_gateway([_app(1)]))
    assert translator.update(resolution) is translator.update(resolution)


def test_gateway_of_the_same_parts_is_the_same_translation() -> None:
    """A new Gateway object around unchanged parts gives the same translation."""
    translator, apps, certificate = Translator(), [_app(1), _app(2)], secret("cert")
    served = _gateway(apps, listener("tls", port=443, certificates=[certificate]))
    first = go_on(translator, served)
    listeners = tuple(replace(each) for each in served.listeners)
    assert go_on(translator, replace(served, listeners=listeners)) is first


def test_changed_route_touches_its_own_hosts_and_clusters() -> None:
    """Of a hundred routes one changes: its hosts are joined again, the routes of the others are not."""
    translator, apps = Translator(), [_app(number) for number in range(100)]
    before = go_on(translator, _gateway(apps))
    apps[7] = route("app-7", rule(backend("10.0.0.1"), matches=[match("/changed")]))
    after = go_on(translator, _gateway(apps))
    assert _changed(before, after) == {"default/web/http/app-7_example", "default/web/http/all_example"}
    old, new = (_hosts(each)["default/web/http/all_example"].routes for each in (before, after))
    assert sum(one is other for one in old for other in new) == 99


def test_what_changed_is_told() -> None:
    """Each group of resources is a revision of the one before, and names what is another one."""
    translator, apps = Translator(), [_app(number) for number in range(9)]
    attached = Revision({app.route.key: _at_hosts(app) for app in apps})
    served = replace(_gateway([]), listeners=(replace(listener("http"), routes=attached),))
    before = go_on(translator, served)
    changed = route("app-7", rule(backend("10.0.0.7"), matches=[match("/changed")]))
    routes = attached.edited({changed.route.key: _at_hosts(changed)})
    after = go_on(translator, replace(served, listeners=(replace(served.listeners[0], routes=routes),)))
    (old,), (new,) = before.route_configurations.values(), after.route_configurations.values()
    assert new.virtual_hosts.by_name.changed_since(old.virtual_hosts.by_name) == {
        "default/web/http/app-7_example",
        "default/web/http/all_example",
    }
    assert after.endpoints.changed_since(before.endpoints) == {"httproute/default/app-7/rule/0"}
    assert after.clusters is before.clusters


def _moved(to: str, address_: str) -> EndpointTable:
    """Return the endpoints with others for a backend that was built with an address."""
    key = backend(to).endpoints
    assert isinstance(key, EndpointsKey)
    return endpoint_table().edited({key: (address(address_),)})


@pytest.mark.parametrize(("to", "now"), [("10.0.0.2", "10.0.0.9"), ("db.example", "other.example")])
def test_changed_endpoints_touch_no_route(to: str, now: str) -> None:
    """Addresses that change are another load assignment, or another cluster where it is resolved by DNS."""
    translator, served = Translator(), _gateway([_app(1), _app(2, to)])
    before = go_on(translator, served)
    after = translator.update(resolution_of(served, endpoints=_moved(to, now)))[served.name]
    assert _changed(before, after) == {"httproute/default/app-2/rule/0"}
    assert after.route_configurations is before.route_configurations
    is_dns = "example" in to
    assert (after.clusters is before.clusters, after.endpoints is before.endpoints) == (not is_dns, is_dns)


def test_changed_certificate_is_another_secret_and_nothing_else() -> None:
    """Listeners refer to it by name."""
    translator, apps = Translator(), [_app(1)]
    before = go_on(translator, _gateway(apps, listener("tls", port=443, certificates=[secret("a"), secret("b")])))
    after = go_on(translator, _gateway(apps, listener("tls", port=443, certificates=[secret("a"), secret("b", "new")])))
    assert _changed(before, after) == {"default/b"}
    assert (after.listeners, after.route_configurations) == (before.listeners, before.route_configurations)


def test_route_at_several_listeners_has_its_clusters_until_the_last_lets_it_go() -> None:
    """They are there once, however many listeners it is attached to."""
    translator, app = Translator(), _app(1)
    one, two = listener("one", at(app)), listener("two", at(app), port=81)
    assert len(go_on(translator, gateway(one, two)).clusters) == 1
    assert len(go_on(translator, gateway(listener("one"), two)).clusters) == 1
    assert len(go_on(translator, gateway(listener("one"), listener("two", port=81))).clusters) == 0


def test_listener_that_comes_to_a_port_touches_no_other_port() -> None:
    """Hostnames decide within one RouteConfiguration."""
    translator, here, there = Translator(), listener("here", at(_app(1))), listener("there", at(_app(2)), port=81)
    before = go_on(translator, gateway(here, there))
    after = go_on(translator, gateway(here, there, listener("new", port=81, hostname="new.example")))
    first, second = "default/web/here", "default/web/there"
    assert after.route_configurations[first] is before.route_configurations[first]
    assert after.listeners is before.listeners
    assert _changed(before, after) == {"default/web/new/new_example"}
    assert len(after.route_configurations[second].virtual_hosts) == 2


def test_redirects_follow_the_port_of_their_listener() -> None:
    """A listener that moves to another port keeps its RouteConfiguration, and what is written in it for the port."""
    redirect = {"type": "RequestRedirect", "requestRedirect": {"statusCode": 301}}
    translator, app = Translator(), route("app", rule(matches=[match("/")], filters=[redirect]))
    go_on(translator, gateway(listener("http", at(app), port=8080)))
    moved = gateway(listener("http", at(app), port=8081))
    assert contents(go_on(translator, moved)) == contents(translate(moved))


def test_route_that_loses_a_rule_while_its_endpoints_change() -> None:
    """The rule has no endpoints to be written any more."""
    translator, to = Translator(), backend("10.0.0.1")
    go_on(translator, gateway(listener("http", at(route("app", rule(to), rule(to))))))
    now = resolution_of(gateway(listener("http", at(route("app", rule(to))))), endpoints=_moved("10.0.0.1", "10.0.0.9"))
    assert translator.update(now)["default/web"].clusters.keys() == {"httproute/default/app/rule/0"}


def test_older_route_that_stands_where_it_stood_changes_nothing() -> None:
    """Its age decides about its place, and not about its bytes."""
    translator, rules = Translator(), rule(backend("10.0.0.1"), matches=[match("/")])
    before = go_on(translator, gateway(listener("http", at(route("app", rules)))))
    aged = route("app", rules, created="2026-01-01T00:00:00Z")
    assert go_on(translator, gateway(listener("http", at(aged)))) is before


def test_change_that_means_nothing_changes_nothing() -> None:
    """A route that was resolved again and came out equal gives the same translation."""
    translator, app = Translator(), _app(1)
    before = go_on(translator, _gateway([app]))
    assert go_on(translator, _gateway([_again(app)])) is before


def test_what_is_remembered_makes_no_difference() -> None:
    """A translation is the same whether or not something was translated before."""
    translator = Translator()
    one, two, three = _app(1), _app(2), _app(3)
    tls = listener("tls", at(one), port=443, certificates=[secret("cert")])
    for apps, more in (([one, two], [tls]), ([two], []), ([two, three, one], [tls]), ([], [])):
        served = _gateway(apps, *more)
        assert contents(go_on(translator, served)) == contents(translate(served))


def test_gateways_do_not_share_memory() -> None:
    """What happens to one Gateway costs the other nothing."""
    translator, app = Translator(), _app(1)
    one, two = gateway(listener("http", at(app)), name="one"), gateway(listener("http", at(app)), name="two")
    first = translator.update(resolution_of(one, two))
    assert first.keys() == {"default/one", "default/two"}
    second = translator.update(resolution_of(one))
    assert second.keys() == {"default/one"}
    assert second["default/one"] is first["default/one"]
    moved = translator.update(resolution_of(one, endpoints=_moved("10.0.0.1", "10.0.0.9")))["default/one"]
    assert _changed(second["default/one"], moved) == {"httproute/default/app-1/rule/0"}


def test_what_cannot_be_written_is_not_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """A translator that failed halfway starts from nothing."""
    translator, served = Translator(), _gateway([_app(1), _app(2)])
    go_on(translator, _gateway([_app(1)]))
    with monkeypatch.context() as patched:
        patched.setattr("egxds.translate.gateway_translator.Backends.update", None)
        with pytest.raises(TypeError):
            go_on(translator, served)
    assert contents(go_on(translator, served)) == contents(translate(served))


def _living_routes() -> int:
    gc.collect()
    return sum(isinstance(each, Route) for each in gc.get_objects())


def test_memory_holds_what_is_current() -> None:
    """Routes that are gone, and Gateways that are gone, leave nothing behind."""
    translator, before = Translator(), _living_routes()
    for number in range(20):
        go_on(translator, _gateway([_app(number), _app(number + 1)]))
    assert _living_routes() - before == 4
    translator.update(resolution_of())
    assert _living_routes() == before
