"""Who takes a request: Listener, filter chain, RouteConfiguration, virtual host, route, backend. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from egxds import names
from egxds.inspect.explain.actions import stream_taking
from egxds.inspect.explain.answers import Answer, Outcome, Step, Taking
from egxds.inspect.explain.backends import weighted
from egxds.inspect.explain.enabled_filters import is_enabled
from egxds.inspect.explain.hosts import domains_of, near_names
from egxds.inspect.explain.listeners import Found, closeness, find_chain, sockets_of
from egxds.inspect.explain.origins import gateway_of, origin_of
from egxds.inspect.explain.question import Question, split_port
from egxds.inspect.explain.requests import Routed, route_request
from egxds.resources.references import references
from egxds.resources.walk import payload
from egxds.snapshot.snapshot import Snapshot

_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_TCP_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
_DOWNSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
_SHOWN_PORTS = 8
_SHOWN_GATEWAYS = 5
_QUIET_FILTERS = (".Router", ".CorsPolicy", ".Cors", ".header_to_metadata.v3.Config")
"""Types of HTTP filters that answer nothing but preflights."""

Snapshots = Mapping[str, Snapshot]
"""Gateway → what its Envoys are served."""


def explain(question: Question, snapshots: Snapshots) -> list[Answer]:
    """Return what becomes of a request at each Gateway that has its address.

    Args:
        question: what is asked.
        snapshots: of the Gateways that may be meant.

    Returns:
        At least one; where no Gateway has the address, one that says so.
    """
    found = [answer for gateway, snapshot in snapshots.items() for answer in _answers(question, gateway, snapshot)]
    return found or [_nowhere(question, snapshots)]


def _listeners(snapshot: Snapshot) -> Iterator[Any]:
    resources = snapshot.of(names.LISTENER)
    return (Listener.FromString(resources[name].body) for name in sorted(resources))


def _answers(question: Question, gateway: str, snapshot: Snapshot) -> Iterator[Answer]:
    """Answer for the listeners of a Gateway that have the address, those that have the very one before any other."""
    ranked = [(closeness(listener, question), listener) for listener in _listeners(snapshot)]
    closest = max((rank for rank, _ in ranked), default=0)
    for rank, listener in ranked:
        if rank and rank == closest:
            addresses = ", ".join(f"{address}:{port}" for address, port, _ in sockets_of(listener))
            start = Step("listener", listener.name, f"it has {addresses}", gateway_of(gateway))
            answer = _at_listener(question, gateway, listener, snapshot)
            yield replace(answer, way=(start, *answer.way))


def _at_listener(question: Question, gateway: str, listener: Any, snapshot: Snapshot) -> Answer:
    if question.scheme.is_udp:
        clusters = (name for each in listener.listener_filters for name in _clusters(each.typed_config))
        return Answer(gateway, (stream_taking(tuple((name, 1) for name in clusters), snapshot, listener.name),))
    found = find_chain(listener, question)
    if found.chain is None:
        return Answer(gateway, (_without_chain(found, question),), hints=_name_hints(found, question))
    step = Step("filter chain", found.chain.name, _why(found), origin_of(found.chain.name))
    answer = _at_chain(question, gateway, found.chain, snapshot)
    return replace(answer, way=(step, *answer.way))


def _clusters(packed: Any) -> list[str]:
    return sorted(name for type_url, name in references(packed.type_url, packed.value) if type_url == names.CLUSTER)


def _without_chain(found: Found, question: Question) -> Taking:
    if found.depends:
        return Taking(Outcome.UNKNOWN, f"which filter chain takes it depends {found.depends}")
    asked = f"for the server name {question.server_name}" if question.server_name else "without a server name"
    tls = f"TLS {asked}" if question.scheme.is_tls else "what is not TLS"
    return Taking(Outcome.CLOSED, f"closed: no filter chain takes {tls}")


def _name_hints(found: Found, question: Question) -> tuple[str, ...]:
    near = near_names(question.server_name, found.server_names) if question.server_name else []
    if near:
        return (f"{question.server_name} is nobody's; {', '.join(near)} {'is' if len(near) == 1 else 'are'}",)
    told = ", ".join(found.server_names[:_SHOWN_PORTS])
    return (f"the listener takes TLS for {told}",) if told else ()


def _why(found: Found) -> str:
    if found.is_default:
        return "it takes what no other chain does"
    asked = ", ".join(found.chain.filter_chain_match.server_names)
    return f"it takes the server names {asked}" if asked else "it takes every connection"


def _at_chain(question: Question, gateway: str, chain: Any, snapshot: Snapshot) -> Answer:
    socket = _unpacked(chain.transport_socket.typed_config, _DOWNSTREAM_TLS)
    manager = next((one for each in chain.filters if (one := _unpacked(each.typed_config, _MANAGER))), None)
    if not chain.filters:
        text = "closed: nothing serves this name here (no route, no certificate, or denied)"
        return Answer(gateway, (Taking(Outcome.CLOSED, text, name=chain.name),))
    if socket is not None and not question.scheme.is_tls:
        return Answer(gateway, (Taking(Outcome.CLOSED, "closed: it takes TLS, and this client speaks none"),))
    if manager is not None and socket is None and question.scheme.is_tls:
        return Answer(gateway, (Taking(Outcome.CLOSED, "closed: it takes no TLS, and this client speaks it"),))
    needs = socket is not None and socket.require_client_certificate.value
    hints = ("the client has to show a certificate",) if needs else ()
    if manager is not None:
        answer = _at_manager(question, gateway, manager, snapshot)
        return replace(answer, hints=(*hints, *answer.hints))
    return Answer(gateway, (_forwarded_whole(chain, snapshot),), hints=hints)


def _unpacked(packed: Any, type_name: str) -> Any:
    return payload(packed.type_url, packed.value) if packed.type_url.endswith(f"/{type_name}") else None


def _forwarded_whole(chain: Any, snapshot: Snapshot) -> Taking:
    proxy = next((one for each in chain.filters if (one := _unpacked(each.typed_config, _TCP_PROXY))), None)
    if proxy is None:
        return Taking(Outcome.UNKNOWN, "in the hands of network filters that are not read here", name=chain.name)
    return stream_taking(tuple(weighted(proxy)), snapshot, chain.name)


def _at_manager(question: Question, gateway: str, manager: Any, snapshot: Snapshot) -> Answer:
    if not question.scheme.is_http:
        text = "it looks at requests: ask for one, as http:// or https://"
        return Answer(gateway, (Taking(Outcome.CONNECTED, text),))
    kind = manager.WhichOneof("route_specifier")
    if kind == "scoped_routes":
        return Answer(gateway, (Taking(Outcome.UNKNOWN, "its routes are scoped, which is not read here"),))
    name = manager.rds.route_config_name
    found = snapshot.of(names.ROUTE_CONFIGURATION).get(name) if kind == "rds" else None
    if kind == "rds" and found is None:
        return Answer(gateway, (Taking(Outcome.NOT_FOUND, f"there is no RouteConfiguration {name}", 404),))
    configuration = RouteConfiguration.FromString(found.body) if found is not None else manager.route_config
    routed = route_request(question, manager, configuration, snapshot)
    step = Step("route configuration", configuration.name, "", gateway_of(gateway))
    hints = (*_filter_hints(manager, routed), *routed.hints, *_elsewhere(routed, question, snapshot))
    return Answer(gateway, tuple(routed.takings), (step, *routed.way), tuple(routed.lost), hints)


def _filter_hints(manager: Any, routed: Routed) -> Iterator[str]:
    """Say which HTTP filters may answer before any route does."""
    loud = (each for each in manager.http_filters if not each.typed_config.type_url.endswith(_QUIET_FILTERS))
    told = [each.name for each in loud if is_enabled(each, routed.taken_by)]
    if told:
        yield f"HTTP filters that may answer before: {', '.join(told)}"


def _elsewhere(routed: Routed, question: Question, snapshot: Snapshot) -> Iterator[str]:
    """Say where else in the Gateway a name is served that is not found here."""
    if routed.takings[-1].outcome is not Outcome.NOT_FOUND or routed.way:
        return
    host = split_port(question.authority)[0].lower()
    for name, resource in snapshot.of(names.ROUTE_CONFIGURATION).items():
        if host in domains_of(RouteConfiguration.FromString(resource.body)):
            yield f"{host} is served by {name}, which another listener or port has"


def _nowhere(question: Question, snapshots: Snapshots) -> Answer:
    """Say that nobody has the address, and what there is."""
    at = f" of {question.address}" if question.address else ""
    there = [
        f"{address}:{port}{'/udp' if is_udp else ''} ({gateway})"
        for gateway, snapshot in snapshots.items()
        for listener in _listeners(snapshot)
        for address, port, is_udp in sockets_of(listener)
    ]
    text = f"no listener has {'UDP ' if question.scheme.is_udp else ''}port {question.port}{at}"
    listed = f"there are {', '.join(there[:_SHOWN_PORTS])}; name the port in the URL"
    hints = (listed,) if there else ("no Gateway has a listener that is served",)
    lost = (Step("Gateway", name, "it serves no listener like that", gateway_of(name)) for name in snapshots)
    return Answer("", (Taking(Outcome.CLOSED, text),), lost=tuple(islice(lost, _SHOWN_GATEWAYS)), hints=hints)
