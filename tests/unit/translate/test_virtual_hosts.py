"""Virtual hosts: names, domains, and which listener a host belongs to."""

from __future__ import annotations

import pytest

from egxds.model.resolve.hostnames import covers
from egxds.resources.route_configuration import VirtualHost
from egxds.resources.translation import GatewayTranslation
from tests.unit.translate.builders import at, backend, extension, gateway, listener, match, route, rule, source
from tests.unit.translate.reading import tables, translate

APP = route("app", rule(backend("10.0.0.1")))
OTHER = route("other", rule(backend("10.0.0.2")))


def _hosts(translation: GatewayTranslation) -> dict[str, VirtualHost]:
    (table,) = translation.route_configurations.values()
    return {host.name.removeprefix("default/web/"): host for host in table.virtual_hosts}


def _served(translation: GatewayTranslation) -> dict[str, int]:
    return {name: len(host.routes) for name, host in _hosts(translation).items()}


@pytest.mark.parametrize(
    ("pattern", "hostname", "expected"),
    [
        ("*", "a.example", True),
        ("*", "*.example", True),
        ("*", "*", True),
        ("a.example", "a.example", True),
        ("a.example", "*.example", False),
        ("a.example", "b.a.example", False),
        ("*.example", "a.example", True),
        ("*.example", "b.a.example", True),
        ("*.example", "*.a.example", True),
        ("*.example", "*.example", True),
        ("*.example", "example", False),
        ("*.example", "an-example", False),
        ("*.example", "*", False),
        ("*.a.example", "*.example", False),
    ],
)
def test_covers(pattern: str, hostname: str, expected: bool) -> None:
    """A wildcard stands for one label or more, and never for none."""
    assert covers(pattern, hostname) is expected


def test_names_and_domains() -> None:
    """A virtual host is named by its listener and hostname, and has the hostname as its only domain."""
    translation = translate(gateway(listener("http", at(APP, "a.example", "*.b.example"), at(OTHER))))
    assert {name: host.domains for name, host in _hosts(translation).items()} == {
        "http/a_example": ("a.example",),
        "http/*_b_example": ("*.b.example",),
        "http/*": ("*",),
    }
    (table,) = tables(translation).values()
    assert table["ignore_port_in_host_matching"] is True
    assert [host["name"] for host in table["virtual_hosts"]] == sorted(host["name"] for host in table["virtual_hosts"])


def test_routes_of_one_host_are_together() -> None:
    """Whatever HTTPRoutes serve a hostname, it has one virtual host."""
    translation = translate(gateway(listener("http", at(APP, "a.example"), at(OTHER, "a.example", "b.example"))))
    assert _served(translation) == {"http/a_example": 2, "http/b_example": 1}


def test_more_specific_listener_takes_its_hosts() -> None:
    """A hostname that a more specific listener covers is not served by a wider one."""
    translation = translate(
        gateway(
            listener("open", at(APP, "a.example", "b.a.example", "c.other", "*.b.a.example", "*.other")),
            listener("wild", at(OTHER, "a.example"), hostname="*.example"),
            listener("exact", at(OTHER, "c.other"), hostname="c.other"),
        )
    )
    assert _served(translation) == {
        "open/*_other": 1,
        "wild/a_example": 1,
        "wild/*_example": 0,
        "exact/c_other": 1,
    }


def test_listener_without_a_route_keeps_its_host() -> None:
    """Its requests are answered 404 and not by the route of a wider listener."""
    translation = translate(
        gateway(listener("open", at(APP)), listener("wild", hostname="*.example"), listener("b", hostname="b.example"))
    )
    assert _served(translation) == {"open/*": 1, "wild/*_example": 0, "b/b_example": 0}


def test_listener_alone_needs_no_empty_host() -> None:
    """Where no wider listener could answer, there is nothing to shield."""
    assert _served(translate(gateway(listener("a", hostname="a.example"), listener("b", hostname="b.example")))) == {}


def test_other_ports_do_not_matter() -> None:
    """Listeners take hosts from each other on one port only."""
    translation = translate(
        gateway(listener("open", at(APP, "a.example"), port=80), listener("a", hostname="a.example", port=81))
    )
    assert {name: len(table.virtual_hosts) for name, table in translation.route_configurations.items()} == {
        "default/web/a": 0,
        "default/web/open": 1,
    }


def test_no_domain_stands_twice() -> None:
    """Envoy refuses a RouteConfiguration with equal domains: of listeners with equal hostnames the first counts."""
    translation = translate(gateway(listener("one", at(APP)), listener("two", at(OTHER))))
    assert _served(translation) == {"one/*": 1}


def test_host_of_a_route_is_told_to_hooks() -> None:
    """A route brings what its hook is called with: its domains and its extensions' objects."""
    auth = extension("auth")
    secured = route("secured", rule(backend("10.0.0.1"), extensions=[auth]))
    translation = translate(gateway(listener("http", at(secured, "a.example", "b.example"))))
    found = [host.routes[0] for host in _hosts(translation).values()]
    assert [each.hostnames for each in found] == [("a.example",), ("b.example",)]
    (resource,) = found[0].extension_resources
    assert (resource.group, resource.kind, resource.document) == ("example.io", "Auth", auth.content.document)


def test_sources() -> None:
    """A virtual host is made from its Gateway, its routes and what they refer to."""
    secured = route("secured", rule(backend("10.0.0.1"), extensions=[extension("auth")]))
    translation = translate(gateway(listener("http", at(secured), at(APP))))
    (host,) = _hosts(translation).values()
    (table,) = translation.route_configurations.values()
    expected = {source("Gateway", "web"), source("HTTPRoute", "secured"), source("Auth", "auth")}
    assert host.routes[1].sources == tuple(sorted(expected - {source("Gateway", "web")}))
    assert host.all_sources() == {*expected, source("HTTPRoute", "app")}
    assert table.resource().sources == tuple(sorted(host.all_sources()))


def test_metadata_names_the_gateway_and_the_route() -> None:
    """Extension servers find the objects behind a virtual host and a route."""
    app = route("app", rule(backend("10.0.0.1"), name="main", matches=[match("/")]))
    (table,) = tables(translate(gateway(listener("http", at(app))))).values()
    (host,) = table["virtual_hosts"]
    found = [each["metadata"]["filter_metadata"]["envoy-gateway"]["resources"] for each in (host, host["routes"][0])]
    assert found == [
        [{"kind": "Gateway", "name": "web", "namespace": "default", "sectionName": "http"}],
        [{"kind": "HTTPRoute", "name": "app", "namespace": "default", "sectionName": "main"}],
    ]
