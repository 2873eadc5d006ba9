"""Answers carry the greeting that the rule of their route names, and say who served them."""

from egxds.extension import (
    Hooks,
    Refuse,
    Route,
    RouteContext,
    VirtualHost,
    VirtualHostContext,
    set_response_header,
)


class Greetings(Hooks):
    """What `service.python` of egxds.yaml names."""

    async def route(self, route: Route, context: RouteContext) -> Route:
        """Called for each route whose rule names a Greeting, and again when the Greeting changes."""
        for greeting in context.resources:
            text = greeting["spec"].get("text")
            if not isinstance(text, str):
                raise Refuse("a Greeting needs spec.text")
            set_response_header(route, "x-greeting", text)
        return route

    async def virtual_host(self, host: VirtualHost, context: VirtualHostContext) -> VirtualHost:
        """Called for each hostname of each listener."""
        if context.gateway is not None:
            set_response_header(host, "x-served-by", context.gateway.name)
        return host
