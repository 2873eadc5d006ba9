"""A place in the connection manager for a filter whose whole configuration stands at routes. Pure.

Some filters take no configuration per route, or are marked as work in progress in Envoy's API, of which every Envoy
that has one would warn in its log, also where no policy asks for it. For such a filter the connection manager has a
composite filter, which runs what the route says (seen with Envoy 1.40: at a RouteConfiguration, a virtual host, or a
route; bodies are buffered as in a filter of its own).
"""

from __future__ import annotations

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.common.matching.v3.extension_matcher_pb2 import ExtensionWithMatcher, ExtensionWithMatcherPerRoute
from envoy.extensions.filters.http.composite.v3.composite_pb2 import Composite, ExecuteFilterAction
from google.protobuf.message import Message
from xds.core.v3.extension_pb2 import TypedExtensionConfig as XdsExtensionConfig
from xds.type.matcher.v3.matcher_pb2 import Matcher

from egxds.resources.encoding import pack


def empty_slot() -> ExtensionWithMatcher:
    """Return the configuration of a filter that runs nothing until a route says what."""
    nothing = TypedExtensionConfig(name="envoy.filters.http.composite", typed_config=pack(Composite()))
    return ExtensionWithMatcher(xds_matcher=Matcher(), extension_config=nothing)


def filled_slot(*filters: tuple[str, Message]) -> ExtensionWithMatcherPerRoute:
    """Return what a route says, to have filters run in the slot.

    Args:
        filters: each with its name, as Envoy knows it, in the order in which a request comes through them; at least
            one.
    """
    return ExtensionWithMatcherPerRoute(xds_matcher=Matcher(on_no_match=to_run(*filters)))


def to_run(*filters: tuple[str, Message]) -> Matcher.OnMatch:
    """Return what a matcher says, to have filters run in a slot; arguments as above."""
    named = [TypedExtensionConfig(name=name, typed_config=pack(configuration)) for name, configuration in filters]
    run = ExecuteFilterAction()
    if len(named) == 1:
        run.typed_config.CopyFrom(named[0])
    else:
        run.filter_chain.typed_config.extend(named)
    return Matcher.OnMatch(action=XdsExtensionConfig(name="run", typed_config=pack(run)))
