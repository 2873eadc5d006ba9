"""Listeners and routes that use what our translation does not: each answers with its own name."""

from __future__ import annotations

from typing import Any

from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.http.router.v3 import router_pb2 as _router  # noqa: F401 packed by its type URL
from envoy.extensions.filters.listener.tls_inspector.v3 import (
    tls_inspector_pb2 as _inspector,  # noqa: F401 packed by its type URL
)
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as _manager,  # noqa: F401 packed by its type URL
)
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2 as _tls  # noqa: F401 packed by its type URL
from google.protobuf import json_format

from egxds import names
from egxds.resources.resource import Resource
from tests.envoy.certificates import Pair

Json = dict[str, Any]
NO_SETTINGS: Json = {}
NAME = "x-route"
"""Header of answers: the name of the route."""

_EXTENSIONS = "type.googleapis.com/envoy.extensions."


def route(name: str, match: Json) -> Json:
    """Return a route that answers with its name, in a header that gRPC has too."""
    named = {"header": {"key": NAME, "value": name}}
    return {"name": name, "match": match, "direct_response": {"status": 200}, "response_headers_to_add": [named]}


def _header(name: str, **match: Any) -> Json:
    return {"prefix": "/h", "headers": [{"name": name, **match}]}


def _query(name: str, **match: Any) -> Json:
    return {"prefix": "/q", "query_parameters": [{"name": name, **match}]}


MATCHES: dict[str, Json] = {
    "exact path": {"path": "/a/b"},
    "any case": {"path": "/CaSe", "case_sensitive": False},
    "any case below": {"prefix": "/LoWer/", "case_sensitive": False},
    "separated": {"path_separated_prefix": "/sep"},
    "regular": {"safe_regex": {"regex": "/r/[0-9]+"}},
    "regular any case": {"safe_regex": {"regex": "(?i)/ri/x"}},
    "never": {"prefix": "/chance", "runtime_fraction": {"default_value": {"numerator": 0}}},
    "always": {"prefix": "/chance", "runtime_fraction": {"default_value": {"numerator": 100}}},
    "letter": {"path": "/A-letter"},
    "header missing": _header("x-none", present_match=False, invert_match=False) | {"prefix": "/h/none"},
    "header there": _header("x-there", present_match=True),
    "header not there": _header("x-there", present_match=True, invert_match=True) | {"prefix": "/h/not"},
    "header exact": _header("x-exact", string_match={"exact": "a,b"}),
    "header any case": _header("x-case", string_match={"exact": "VaL", "ignore_case": True}),
    "header prefix": _header("x-prefix", string_match={"prefix": "ab"}),
    "header suffix": _header("x-suffix", string_match={"suffix": "yz"}),
    "header contains": _header("x-contains", string_match={"contains": "mid"}),
    "header regular": _header("x-regex", string_match={"safe_regex": {"regex": "a.c"}}),
    "header range": _header("x-range", range_match={"start": -2, "end": 5}),
    "header inverted": _header("x-inverted", string_match={"exact": "no"}, invert_match=True),
    "header empty": _header(
        "x-empty", string_match={"exact": "no"}, invert_match=True, treat_missing_header_as_empty=True
    )
    | {"prefix": "/h/empty"},
    "method": _header(":method", string_match={"exact": "PUT"}),
    "scheme": _header(":scheme", string_match={"exact": "http"}) | {"prefix": "/h/scheme"},
    "whole path": _header(":path", string_match={"exact": "/h/whole?x=1"}),
    "host": _header("host", string_match={"prefix": "odd."}) | {"prefix": "/h/host"},
    "query there": _query("there", present_match=True),
    "query exact": _query("exact", string_match={"exact": "1"}),
    "query escaped": _query("escaped", string_match={"exact": "a b"}),
    "query regular": _query("regex", string_match={"safe_regex": {"regex": "[ab]+"}}),
    "grpc": {"prefix": "/grpc", "grpc": {}},
    "all below": {"prefix": "/all"},
}
"""Name of a route → its match."""

DOMAINS: dict[str, list[str]] = {
    "exact host": ["exact.test", "with-port.test:81"],
    "suffix": ["*.test"],
    "longer suffix": ["*.wild.test", "*-part.test"],
    "prefix": ["front.*"],
    "longer prefix": ["front.in.*"],
    "any": ["*"],
}
"""Name of a virtual host → its domains; each has one route with its name."""


def plain_listener(name: str, port: int, routes: Json, **settings: Any) -> Json:
    """Return a listener for HTTP with all of them.

    Args:
        name: its name.
        port: of the loopback address.
        routes: settings of its RouteConfiguration.
        settings: of its connection manager.
    """
    odd = {"name": "odd", "domains": ["odd.test"], "routes": [route(name, match) for name, match in MATCHES.items()]}
    hosts = [
        {"name": host, "domains": domains, "routes": [route(host, {"prefix": "/"})]}
        for host, domains in DOMAINS.items()
    ]
    return {
        "name": name,
        "address": address(port),
        "filter_chains": [{"name": "plain", "filters": [_manager_of([odd, *hosts], routes, **settings)]}],
    }


CHAINS: dict[str, Json] = {
    "exact name": {"server_names": ["a.test"]},
    "exact name, other protocol": {"server_names": ["h.test"], "application_protocols": ["other"]},
    "wildcard": {"server_names": ["*.test"]},
    "longer wildcard": {"server_names": ["*.w.test", "*.deep.w.test"]},
    "h2": {"server_names": ["p.test"], "application_protocols": ["h2"]},
    "any protocol": {"server_names": ["p.test"]},
    "not tls": {"transport_protocol": "raw_buffer"},
}
"""Name of a filter chain → its match."""


def tls_listener(port: int, pair: Pair) -> Json:
    """Return a listener whose filter chains answer with their names, all that take TLS with one certificate."""
    chains = [
        {
            "name": name,
            "filter_chain_match": match,
            "filters": [_manager_of([{"name": name, "domains": ["*"], "routes": [route(name, {"prefix": "/"})]}])],
            **({} if name == "not tls" else {"transport_socket": _tls_socket(pair)}),
        }
        for name, match in CHAINS.items()
    ]
    return {
        "name": "tls",
        "address": address(port),
        "listener_filters": [inspector()],
        "filter_chains": chains,
    }


def chain(name: str, path: str) -> Json:
    """Return a filter chain whose routes take what is below a path."""
    hosts = [{"name": name, "domains": ["*"], "routes": [route(name, {"prefix": path})]}]
    return {"name": name, "filters": [_manager_of(hosts)]}


def inspector(name: str = "inspector") -> Json:
    """Return the listener filter that looks at server names."""
    config = {"@type": _EXTENSIONS + "filters.listener.tls_inspector.v3.TlsInspector"}
    return {"name": name, "typed_config": config}


def listener_message(listener: Json) -> Any:
    """Return a listener as a message."""
    return json_format.ParseDict(listener, Listener())


def listener_resource(listener: Json) -> Resource:
    """Return a listener as a resource."""
    body = listener_message(listener).SerializeToString(deterministic=True)
    return Resource(names.LISTENER, listener["name"], body)


def _tls_socket(pair: Pair) -> Json:
    both = {"certificate_chain": {"inline_string": pair.cert}, "private_key": {"inline_string": pair.key}}
    context = {"common_tls_context": {"tls_certificates": [both]}}
    tls = {"@type": _EXTENSIONS + "transport_sockets.tls.v3.DownstreamTlsContext", **context}
    return {"name": "envoy.transport_sockets.tls", "typed_config": tls}


def _manager_of(hosts: list[Json], routes: Json = NO_SETTINGS, **settings: Any) -> Json:
    router = {"name": "router", "typed_config": {"@type": _EXTENSIONS + "filters.http.router.v3.Router"}}
    manager = {
        "@type": _EXTENSIONS + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "route_config": {"name": "inline", "virtual_hosts": hosts, **routes},
        "http_filters": [router],
        **settings,
    }
    return {"name": "http", "typed_config": manager}


def address(port: int) -> Json:
    """Return a port of the loopback address."""
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
