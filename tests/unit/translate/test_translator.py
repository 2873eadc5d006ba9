"""Translating again what changed, and nothing else."""

from __future__ import annotations

import gc
from collections import Counter
from dataclasses import replace

from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener, ResolvedRoute
from egxds.resources.route_configuration import Route, VirtualHost
from egxds.resources.translation import GatewayTranslation
from egxds.translate.translator import Translator
from tests.unit.translate import builders
from tests.unit.translate.builders import at, backend, gateway, listener, match, route, rule, secret
from tests.unit.translate.reading import contents, translate

GATEWAY = gateway()


def _app(number: int, address: str = "10.0.0.1") -> ResolvedRoute:
    return route(f"app-{number}", rule(backend(address), matches=[match(f"/{number}")]))


def _gateway(apps: list[ResolvedRoute], *more: ResolvedListener) -> ResolvedGateway:
    attached = [at(app, f"{app.route.key.name}.example", "all.example") for app in apps]
    return replace(GATEWAY, listeners=(listener("http", *attached), *more))


def _hosts(translation: GatewayTranslation) -> dict[str, VirtualHost]:
    return {host.name: host for table in translation.route_configurations.values() for host in table.virtual_hosts}


def _changed(before: GatewayTranslation, after: GatewayTranslation) -> set[str]:
    """Return the names of what is not the same object any more."""
    found: set[str] = set()
    for old, new in (
        (_hosts(before), _hosts(after)),
        (before.clusters, after.clusters),
        (before.listeners, after.listeners),
    ):
        found |= {name for name, each in new.items() if old.get(name) is not each}
    return found


def _again(written: ResolvedRoute) -> ResolvedRoute:
    """Return an equal route that is another object, as the resolver makes one for a change that means nothing."""
    return ResolvedRoute(written.route, written.rules)


def test_same_gateway_costs_nothing() -> None:
    """The same Gateway gives the same translation."""
    translator, served = Translator(), _gateway([_app(1)])
    first = translator.translate(served, builders.endpoint_table())
    before = Counter(translator.work)
    assert translator.translate(served, builders.endpoint_table()) is first
    assert translator.work == before


def test_gateway_of_the_same_parts_costs_nothing() -> None:
    """A new Gateway object around unchanged parts gives the same translation."""
    translator, apps, certificate = Translator(), [_app(1), _app(2)], secret("cert")
    served = _gateway(apps, listener("tls", port=443, certificates=[certificate]))
    first = translator.translate(served, builders.endpoint_table())
    before = Counter(translator.work)
    listeners = tuple(replace(each) for each in served.listeners)
    assert translator.translate(replace(served, listeners=listeners), builders.endpoint_table()) is first
    assert translator.work == before


def test_changed_route_touches_its_own_hosts_and_clusters() -> None:
    """Of a hundred routes one changes: its hosts are joined again, the routes of the others are not."""
    translator, apps = Translator(), [_app(number) for number in range(100)]
    before = translator.translate(_gateway(apps), builders.endpoint_table())
    translator.work.clear()
    apps[7] = route("app-7", rule(backend("10.0.0.1"), matches=[match("/changed")]))
    after = translator.translate(_gateway(apps), builders.endpoint_table())
    assert _changed(before, after) == {"default/web/http/app-7_example", "default/web/http/all_example"}
    assert translator.work == {
        "routes_encoded": 1,
        "virtual_hosts_encoded": 2,
        "route_configurations_encoded": 1,
        "backends_encoded": 1,
    }
    old, new = (_hosts(each)["default/web/http/all_example"].routes for each in (before, after))
    assert sum(one is other for one in old for other in new) == 99


def test_changed_endpoints_touch_no_route() -> None:
    """Endpoints that come and go leave routes and listeners as they were."""
    translator = Translator()
    before = translator.translate(_gateway([_app(1), _app(2)]), builders.endpoint_table())
    after = translator.translate(_gateway([_app(1), _app(2, "10.0.0.9")]), builders.endpoint_table())
    assert after.route_configurations == before.route_configurations
    assert all(one is other for one, other in zip(before.route_configurations, after.route_configurations, strict=True))
    assert [one is other for one, other in zip(before.endpoints, after.endpoints, strict=True)] == [True, False]


def test_change_that_means_nothing_changes_nothing() -> None:
    """A route that was resolved again and came out equal gives the same translation."""
    translator, app = Translator(), _app(1)
    before = translator.translate(_gateway([app]), builders.endpoint_table())
    assert translator.translate(_gateway([_again(app)]), builders.endpoint_table()) is before


def test_what_is_remembered_makes_no_difference() -> None:
    """A translation is the same whether or not something was translated before."""
    translator = Translator()
    one, two, three = _app(1), _app(2), _app(3)
    tls = listener("tls", at(one), port=443, certificates=[secret("cert")])
    for apps, more in (([one, two], [tls]), ([two], []), ([two, three, one], [tls]), ([], [])):
        served = _gateway(apps, *more)
        assert contents(translator.translate(served, builders.endpoint_table())) == contents(translate(served))


def test_gateways_do_not_share_memory() -> None:
    """What happens to one Gateway costs the other nothing."""
    translator, app = Translator(), _app(1)
    one, two = gateway(listener("http", at(app)), name="one"), gateway(listener("http", at(app)), name="two")
    first = translator.translate(one, builders.endpoint_table())
    translator.translate(two, builders.endpoint_table())
    translator.forget("default/two")
    assert translator.translate(one, builders.endpoint_table()) is first


def _living_routes() -> int:
    gc.collect()
    return sum(isinstance(each, Route) for each in gc.get_objects())


def test_memory_holds_what_is_current() -> None:
    """Routes that are gone, and Gateways that are forgotten, leave nothing behind."""
    translator, before = Translator(), _living_routes()
    for number in range(20):
        translator.translate(_gateway([_app(number), _app(number + 1)]), builders.endpoint_table())
    assert _living_routes() - before == 4
    translator.forget("default/web")
    translator.forget("default/web")
    assert _living_routes() == before
