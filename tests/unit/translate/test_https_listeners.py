"""HTTPS listeners of one port: who answers for which host over whose connection, and what denies or closes them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from egxds import names
from egxds.model.resolve.hostnames import covers, patterns_of
from egxds.model.resolve.resolved import ClosedHostname, ResolvedGateway
from egxds.resources.route_configuration import RouteConfiguration
from egxds.resources.translation import GatewayTranslation
from egxds.translate.translator import Translator
from tests.unit.translate.builders import at, backend, gateway, listener, route, rule, secret
from tests.unit.translate.reading import by_name, go_on, translate

APP = route("app", rule(backend("10.0.0.1")))
CERTIFICATE = secret("cert")
HOSTNAMES = ("*", "*.test", "*.a.test", "a.test", "b.a.test", "*.b.a.test", "c.test")
HOSTS = ("a.test", "b.a.test", "c.b.a.test", "x.a.test", "c.test", "x.test", "elsewhere")


def https(hostname: str, *served: str) -> ResolvedGateway:
    """Return a Gateway with a listener of a hostname, named after it, with a route for some hosts."""
    attached = [at(APP, *served)] if served else []
    return gateway(listener(hostname, *attached, port=443, hostname=hostname, certificates=[CERTIFICATE]))


def together(*gateways: ResolvedGateway, closed: tuple[str, ...] = ()) -> ResolvedGateway:
    """Return a Gateway with the listeners of several."""
    listeners = tuple(each for one in gateways for each in one.listeners)
    return replace(gateway(*listeners), closed=tuple(ClosedHostname(f"x-{name}", 443, name) for name in closed))


def answer(table: RouteConfiguration, host: str) -> str:
    """Say what Envoy answers a host by a RouteConfiguration: the narrowest domain counts."""
    domains = {domain: virtual for virtual in table.virtual_hosts for domain in virtual.domains}
    found = next((domains[pattern] for pattern in patterns_of(host) if pattern in domains), None)
    if found is None or not found.routes:
        return "404"
    fixed = {names.MISDIRECTED_VIRTUAL_HOST: "421", names.ERROR_VIRTUAL_HOST: "500"}
    return fixed.get(found.name, "200")


def narrowest(hostnames: set[str], host: str) -> str | None:
    """Return which of some hostnames a host belongs to."""
    return next((pattern for pattern in patterns_of(host) if pattern in hostnames), None)


@given(
    listeners=st.dictionaries(st.sampled_from(HOSTNAMES), st.booleans(), min_size=1),
    closed=st.sets(st.sampled_from(HOSTNAMES[1:])),
    routed=st.sets(st.sampled_from(HOSTNAMES), min_size=1),
)
def test_each_host_is_answered_for_by_its_listener_alone(
    listeners: dict[str, bool], closed: set[str], routed: set[str]
) -> None:
    """Over any other connection it is misdirected; who has no listener is not found (GEP-3567)."""
    closed -= listeners.keys()
    served = {
        hostname: [each for each in routed if covers(hostname, each)] if has_route else []
        for hostname, has_route in listeners.items()
    }
    translation = translate(together(*(https(name, *hosts) for name, hosts in served.items()), closed=tuple(closed)))
    for hostname, hosts in served.items():
        table = translation.route_configurations[f"default/web/{hostname}"]
        for host in HOSTS:
            owner = narrowest({*listeners, *closed}, host)
            expected = "404" if owner is None else "421"
            if owner == hostname:
                expected = "200" if any(covers(each, host) for each in hosts) else "404"
            assert answer(table, host) == expected, (hostname, host)


def test_a_listener_that_comes_changes_no_chain_of_the_others() -> None:
    """What is misdirected is in RDS: nobody's connections are drained for it."""
    translator = Translator()
    before = go_on(translator, together(https("*.a.test", "x.a.test")))
    after = go_on(translator, together(https("*.a.test", "x.a.test"), https("b.a.test")))
    (old,), new = _chains(before), _chains(after)
    assert old in new
    assert answer(before.route_configurations["default/web/*.a.test"], "b.a.test") == "404"
    assert answer(after.route_configurations["default/web/*.a.test"], "b.a.test") == "421"


def test_a_closed_hostname_is_a_chain_without_anything() -> None:
    """Envoy closes a connection for which there is no filter, before any TLS."""
    translation = translate(together(https("*.a.test"), closed=("b.a.test",)))
    assert {"name": "default/web/x-b.a.test", "filter_chain_match": {"server_names": ["b.a.test"]}} in _chains(
        translation
    )
    assert set(translation.route_configurations) == {"default/web/*.a.test"}


def test_closing_and_opening_is_followed() -> None:
    """A certificate that comes back changes the one chain; the Gateway itself is the same object all along."""
    open_ = together(https("*.a.test"))
    translator = Translator()
    go_on(translator, open_)
    closed = go_on(translator, replace(open_, closed=(ClosedHostname("b", 443, "b.a.test"),)))
    assert [chain["name"] for chain in _chains(closed)] == ["default/web/*.a.test", "default/web/b"]
    assert [chain["name"] for chain in _chains(go_on(translator, open_))] == ["default/web/*.a.test"]


def test_a_denied_listener_answers_500_for_what_is_its_own() -> None:
    """Its chain and its certificate are as they were; requests for other listeners are misdirected there, too."""
    served = together(https("*.a.test", "x.a.test"), https("c.test", "c.test"))
    wide, other = served.listeners
    denied = replace(served, listeners=(replace(wide, denials=("no",)), other))
    translator = Translator()
    before, after = go_on(translator, served), go_on(translator, denied)
    table = after.route_configurations["default/web/*.a.test"]
    assert [answer(table, host) for host in ("x.a.test", "b.a.test", "c.test", "elsewhere")] == [
        *("500", "500", "421", "404")
    ]
    assert answer(after.route_configurations["default/web/c.test"], "c.test") == "200"
    assert before.listeners is after.listeners
    again = go_on(translator, served)
    assert answer(again.route_configurations["default/web/*.a.test"], "x.a.test") == "200"


def _chains(translation: GatewayTranslation) -> list[dict[str, object]]:
    (found,) = by_name(translation.listeners).values()
    chains: list[dict[str, object]] = found["filter_chains"]
    return chains
