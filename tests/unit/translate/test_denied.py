"""Listeners and rules that are closed: 500 inside RDS, while names and listeners stay."""

from __future__ import annotations

from dataclasses import replace

from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener, ResolvedRoute
from egxds.translate.translator import Translator
from tests.unit.translate.builders import at, backend, extension, gateway, listener, route, rule, secret
from tests.unit.translate.reading import contents, go_on, only_route, resources, tables, translate

WHY = ("SecurityPolicy default/guard is not done here",)
APP = route("app", rule(backend("10.0.0.1")))
OTHER = route("other", rule(backend("10.0.0.2")))


def denied(found: ResolvedListener) -> ResolvedListener:
    """Close a listener."""
    return replace(found, denials=WHY)


def hosts(found: ResolvedGateway) -> dict[str, list[str]]:
    """Return virtual host → its domains, of all RouteConfigurations."""
    return {
        each["name"]: each["domains"]
        for table in tables(translate(found)).values()
        for each in table.get("virtual_hosts", [])
    }


def test_a_closed_listener_answers_500_to_everything_under_its_hostname() -> None:
    """One that shares its port goes on, also for hosts inside of that hostname."""
    closed = denied(listener("wide", at(APP, "x.a.test"), hostname="*.a.test"))
    narrow = listener("narrow", at(OTHER, "b.a.test"), hostname="b.a.test")
    found = gateway(closed, narrow)
    assert hosts(found) == {"default/web/narrow/b_a_test": ["b.a.test"], "error_vhost": ["*.a.test"]}
    (table,) = tables(translate(found)).values()
    (error,) = [each for each in table["virtual_hosts"] if each["name"] == "error_vhost"]
    (only,) = error["routes"]
    assert (only["match"], only["direct_response"]) == ({"prefix": "/"}, {"status": 500})


def test_closed_listeners_of_one_port_share_an_error_vhost() -> None:
    """Names of virtual hosts are unique in a RouteConfiguration."""
    found = gateway(*(denied(listener(name, at(APP), hostname=f"{name}.test")) for name in ("a", "b")))
    assert hosts(found) == {"error_vhost": ["a.test", "b.test"]}


def test_a_closed_listener_with_tls_is_served_with_its_certificate() -> None:
    """Its client gets an answer, and not a broken handshake."""
    found = gateway(denied(listener("tls", at(APP, "a.test"), hostname="a.test", certificates=[secret("c")], port=443)))
    assert hosts(found) == {"error_vhost": ["a.test"]}
    assert dict(translate(found).listeners) == dict(translate(_opened(found)).listeners)
    assert translate(found).secrets


def _opened(found: ResolvedGateway) -> ResolvedGateway:
    return replace(found, listeners=tuple(replace(each, denials=()) for each in found.listeners))


def test_closing_and_opening_leaves_listeners_and_names() -> None:
    """Nothing of LDS, no name of a RouteConfiguration, no cluster: nearly any change of a Listener drains it."""
    open_ = gateway(listener("http", at(APP, "a.test")), listener("more", at(OTHER, "b.test"), port=81))
    closed = replace(open_, listeners=(denied(open_.listeners[0]), open_.listeners[1]))
    translator = Translator()
    before = go_on(translator, open_)
    now = go_on(translator, closed)
    assert now.listeners is before.listeners
    assert now.clusters is before.clusters
    assert now.route_configurations.changed_since(before.route_configurations) == {"default/web/http"}
    assert contents(now) == contents(translate(closed))
    assert resources(go_on(translator, open_)) == resources(before)


def _closed_rule(found: ResolvedRoute) -> ResolvedRoute:
    return ResolvedRoute(found.route, tuple(replace(each, denials=WHY) for each in found.rules))


def test_a_closed_rule_keeps_its_match_and_nothing_else() -> None:
    """Neither its filters nor its objects, by which a hook would be asked about it."""
    filters = [
        {"type": "RequestRedirect", "requestRedirect": {"hostname": "x.test"}},
        {"type": "ExtensionRef", "extensionRef": {"group": "example.io", "kind": "Auth", "name": "one"}},
    ]
    closed = _closed_rule(route("app", rule(filters=filters, extensions=[extension("one")])))
    found = gateway(listener("http", at(closed)))
    written = only_route(found)
    assert written["direct_response"] == {"status": 500}
    assert set(written) == {"name", "match", "direct_response", "typed_per_filter_config"}
    assert all(config["disabled"] for config in written["typed_per_filter_config"].values())
    (table,) = translate(found).route_configurations.values()
    (only,) = next(iter(table.virtual_hosts)).routes
    assert (only.extension_resources, only.extension_policies) == ((), ())
    assert not translate(found).clusters
