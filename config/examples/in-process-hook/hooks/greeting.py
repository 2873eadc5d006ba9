"""Hooks of the example: answers of routes with a Greeting carry its text, answers of every host say who served them.

`egxds.hooks.inprocess` says which functions there may be, what they are given, and what happens when one fails.
"""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost

from egxds.hooks.inprocess import Hooks, RouteContext, VirtualHostContext


class GreetingHooks(Hooks):
    """What `service.python` names."""

    async def route(self, route: Route, context: RouteContext) -> Route:
        """Answer with the text of the Greeting that the route's rule names."""
        for greeting in context.resources:
            spec = greeting["spec"]
            if not isinstance(spec, dict) or not isinstance(spec.get("text"), str):
                raise TypeError("a Greeting needs spec.text")
            route.response_headers_to_add.append(_header("x-greeting", spec["text"]))
        return route

    async def virtual_host(self, host: VirtualHost, _context: VirtualHostContext) -> VirtualHost:
        """Answer with the name of whoever made the configuration."""
        host.response_headers_to_add.append(_header("x-served-by", "egxds"))
        return host


def _header(name: str, value: str) -> HeaderValueOption:
    action = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    return HeaderValueOption(header=HeaderValue(key=name, value=value), append_action=action)
