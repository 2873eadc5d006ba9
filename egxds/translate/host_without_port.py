"""A Location without a port, whatever port the Host of the request names. Pure.

Envoy's redirect writes a port that it is given, and else keeps what the Host says. Neither leaves out a port that goes
without saying: a client that asks `shop.test:8080` for a redirect to https is to be sent to `https://shop.test/`, and
one behind a published port 80, whose Host has none, too (Gateway API, HTTPRequestRedirectFilter.port).

So where a listener has a port that clients may name, its connection managers have a filter that does nothing by
itself, and the routes concerned have it take the host without its port into the request's metadata, from which they
write their Location anew:

    listener                 a filter without rules
    route of a redirect      the rule of that filter, and a response header that goes by what the rule found

The path is that of the redirect: Envoy has replaced it in the request by then, unless the whole is replaced by a text.
"""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.route.v3.route_components_pb2 import Route
from envoy.extensions.filters.http.header_to_metadata.v3.header_to_metadata_pb2 import Config
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute, RegexMatcher

from egxds.resources.encoding import pack

DEFAULT_PORTS = {"http": 80, "https": 443}
"""Scheme → the port that goes without saying."""

_FILTER = "envoy.filters.http.header_to_metadata"
_NAMESPACE = "egxds.redirect"
_KEY = "host"
_HOST_AND_PORT = r"^(.*?)(?::[0-9]*)?$"
_PATH = "%REQ(:path)%"


def idle_filter() -> HttpFilter:
    """Return the filter as a connection manager has it: without rules."""
    return HttpFilter(name=_FILTER, typed_config=pack(Config()))


def write_location(route: Route, scheme: str, path: str | None = None) -> None:
    """Have a redirect name no port.

    Args:
        route: gets the header. It stands before others, so that a rule that sets a Location of its own is heard.
        scheme: of the Location.
        path: of the Location, where it holds a query and thus takes the place of the request's; else None.
    """
    location = f"{scheme}://%DYNAMIC_METADATA({_NAMESPACE}:{_KEY})%{_PATH if path is None else path.replace('%', '%%')}"
    option = HeaderValueOption(
        header=HeaderValue(key="location", value=location),
        append_action=HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
    )
    route.response_headers_to_add.insert(0, option)
    route.typed_per_filter_config[_FILTER].CopyFrom(pack(Config(request_rules=[_rule()])))


def _rule() -> Config.Rule:
    rewrite = RegexMatchAndSubstitute(pattern=RegexMatcher(regex=_HOST_AND_PORT), substitution=r"\1")
    found = Config.KeyValuePair(metadata_namespace=_NAMESPACE, key=_KEY, regex_value_rewrite=rewrite)
    return Config.Rule(header=":authority", on_header_present=found)
