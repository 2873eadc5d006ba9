"""TLSRoutes, TCPRoutes and UDPRoutes on a real Envoy: who is reached, what is closed, and what an edit drains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.envoy import manifests
from tests.envoy.stream_backends import SteadyConnections, Stream, reached
from tests.envoy.stream_port import DATABASE, HERE, MAIL, THERE, Port, port
from tests.envoy.waiting import wait_for

__all__ = ["port"]

pytestmark = pytest.mark.envoy

TRIES = 60
ROUNDS = 8
RULE = "tlsroute/default/database/rule/-1"
SPLIT = {"one": 1, "named": 1}


def test_server_names_that_nobody_routes_are_closed(port: Port) -> None:
    """Pages, TLS that passes and TLS that ends share a port all the same; so do TCP and UDP, which do not meet."""
    assert reached(port.tls, "other.shop.test", THERE.cert) == ""
    assert reached(port.tls, "elsewhere.test", THERE.cert) == ""


def test_what_a_listener_has_no_route_for_no_wider_one_takes(port: Port) -> None:
    """The route of the wider listener would send it on with the client's TLS, past the listener that it belongs to."""
    port.route("TLSRoute", "mail", {"secure": 1}, section="passing")
    wait_for(lambda: reached(port.tls, "other.shop.test", THERE.cert) == "secure", "the wide route")
    port.workspace.delete("database.yaml")
    wait_for(lambda: port.database() == "", "the route to be gone")
    assert reached(port.tls, DATABASE, THERE.cert) == ""
    assert port.mail() == "secure"


@pytest.mark.parametrize(
    ("kind", "section", "ask", "good"),
    [
        pytest.param("TCPRoute", "tcp", Port.tcp, "one", id="TCP"),
        pytest.param("UDPRoute", "udp", Port.udp, "first", id="UDP"),
    ],
)
def test_a_refused_backend_takes_its_share_down(
    port: Port, kind: str, section: str, ask: Callable[[Port], str], good: str
) -> None:
    """What was for it is closed, or dropped, and sent nowhere else; without any other backend, all of it."""
    port.route(kind, section, {good: 1, "gone": 1}, section=section)
    wait_for(lambda: ask(port) == "", "the refused share to be closed")
    found = at_once(ask, port, TRIES)
    assert found.keys() == {good, ""}
    # Of 60, with a chance of one half; outside of these in one of 10 million runs.
    assert 10 < found[good] < 50
    port.route(kind, section, {"gone": 1}, section=section)
    wait_for(lambda: at_once(ask, port, 10).keys() == {""}, "all to be closed")
    port.route(kind, section, {good: 1}, section=section)
    wait_for(lambda: at_once(ask, port, 10).keys() == {good}, "all to be served again")


def at_once(ask: Callable[[Port], str], port: Port, count: int) -> Counter[str]:
    """Return who is reached how often by so many; those who wait for nobody do so side by side."""
    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(ask, [port] * count))


def test_weights_share_connections_and_sessions(port: Port) -> None:
    """The one without a weight gets nothing."""
    port.route("TCPRoute", "tcp", {"one": 1, "two": 1, "secure": 0}, section="tcp")
    port.route("UDPRoute", "udp", {"first": 1, "second": 1}, section="udp")
    wait_for(lambda: port.tcp() == "two", "the other to be reached")
    wait_for(lambda: port.udp() == "second", "the other to answer")
    found = Counter(port.tcp() for _ in range(TRIES)), Counter(port.udp() for _ in range(TRIES))
    assert [each.keys() for each in found] == [{"one", "two"}, {"first", "second"}]
    assert all(10 < count < 50 for each in found for count in each.values())


def test_the_older_route_has_the_listener(port: Port) -> None:
    """The younger one is told, and takes over when the older one goes."""
    port.workspace.write("second.yaml", manifests.stream_route("TCPRoute", "younger", {"two": 1}, section="tcp"))
    wait_for(
        lambda: any("goes to TCPRoute default/tcp" in each["problem"] for each in port.daemon.events("model.problem")),
        "it to be said",
    )
    assert {port.tcp() for _ in range(10)} == {"one"}
    port.workspace.delete("tcp.yaml")
    wait_for(lambda: port.tcp() == "two", "the younger one to take over")


def test_weights_drain_nothing(port: Port) -> None:
    """Shares in one cluster are its endpoints, and no Listener changes."""
    port.route("TCPRoute", "tcp", {"one": 1, "two": 1}, section="tcp")
    wait_for(lambda: port.tcp() == "two", "both to be reached")
    listeners = _versions(port)
    kept = Stream(port.plain)
    port.route("TCPRoute", "tcp", {"one": 0, "two": 1}, section="tcp")
    wait_for(lambda: {port.tcp() for _ in range(10)} == {"two"}, "the other weights")
    assert _versions(port) == listeners
    assert kept.echoes()
    kept.close()


def test_an_edit_of_a_route_drains_its_own_connections_alone(port: Port) -> None:
    """Its chain is another one; those of other routes, and of pages, stay with their connections."""
    mail, database, tcp = Stream(port.tls, MAIL, THERE.cert), Stream(port.tls, DATABASE, HERE.cert), Stream(port.plain)
    port.route("TLSRoute", "database", {"one": 1, "gone": 1}, [DATABASE])
    port.route("TLSRoute", "extra", {"secure": 1}, ["extra.shop.test"])
    wait_for(lambda: reached(port.tls, "extra.shop.test", THERE.cert) == "secure", "the other route to serve")
    wait_for(lambda: not database.echoes(), "the connection of the edited route to be drained")
    assert mail.echoes()
    assert tcp.echoes()
    for stream in (mail, database, tcp):
        stream.close()


@pytest.mark.rule(85)
def test_an_edit_of_a_route_sends_no_more_than_its_listener(port: Port) -> None:
    """Neither the pages beside it nor the certificate, which Envoy has; its connections are made with it at once."""
    beside = _pushed(port)
    port.route("TLSRoute", "database", {"one": 1, "gone": 1}, [DATABASE])
    wait_for(lambda: port.database() == "", "the refused share to be closed")
    for number in range(ROUNDS):
        port.route("TLSRoute", "extra", {"secure": 1}, [f"extra{number}.shop.test"])
        wait_for(partial(_is_reached, port, f"extra{number}.shop.test"), "the other route to serve")
    port.route("TLSRoute", "database", {"two": 1}, [DATABASE])
    wait_for(lambda: port.database() == "two", "the edited route to serve")
    assert port.pages() == 200
    assert _pushed(port) == beside == {"route": 1, "secret": 1}


def test_no_connection_is_lost_while_clusters_are_exchanged(port: Port) -> None:
    """Names that Envoy resolves fit no cluster with addresses: each edit has others."""
    named = {"endpoints": [{"fqdn": {"hostname": "localhost", "port": port.backends["two"]}}]}
    port.workspace.write("named.yaml", manifests.backend_of("named", named))
    with SteadyConnections(port.database) as connections:
        for number in range(ROUNDS):
            backends, clusters = (SPLIT, {"/backend/0", "/backend/1"}) if number % 2 == 0 else ({"one": 1}, {""})
            port.route("TLSRoute", "database", backends, [DATABASE])
            wait_for(partial(_has_clusters, port, clusters), "the clusters of the edit")
            wait_for(partial(_has_made, connections, connections.made + 20), "more connections")
    assert connections.failures == 0


def _is_reached(port: Port, hostname: str) -> bool:
    return reached(port.tls, hostname, THERE.cert) == "secure"


def _pushed(port: Port) -> Counter[str]:
    """Return how many responses there were of what a Listener fetches."""
    return Counter(each["type"] for each in port.daemon.events("session.push") if each["type"] in ("route", "secret"))


def _has_clusters(port: Port, clusters: set[str]) -> bool:
    items = port.daemon.api("config_dump?type=cluster")["items"]
    return {each["name"].removeprefix(RULE) for each in items if each["name"].startswith(RULE)} == clusters


def _has_made(connections: SteadyConnections, number: int) -> bool:
    return connections.made >= number


def _versions(port: Port) -> dict[str, str]:
    dump = port.daemon.api("config_dump?type=listener")["items"]
    return {each["name"]: each["version"] for each in dump}
