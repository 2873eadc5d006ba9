"""Hooks in process that refuse, or return, what is odd: one host is bad, every other one is left as it is."""

from __future__ import annotations

from typing import Any

from envoy.extensions.filters.http.lua.v3.lua_pb2 import Lua
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)

from egxds.extension import Hooks, Refuse

# The messages carry no type hints.
_Message = Any


class Refusing(Hooks):
    """Refuses the virtual host of a bad host on purpose."""

    async def virtual_host(self, host: _Message, context: object) -> None:
        if host.name.endswith("bad_test"):
            raise Refuse("bad.test is not for sale")


class MissingFile(Hooks):
    """Lets a bad host answer what stands in a file that the Envoy does not have, and adds a header to the others."""

    async def virtual_host(self, host: _Message, context: object) -> _Message:
        if not host.name.endswith("bad_test"):
            host.response_headers_to_add.add().header.key = "x-hooked"
            return host
        del host.routes[1:]
        host.routes[0].ClearField("route")
        host.routes[0].direct_response.status = 200
        host.routes[0].direct_response.body.filename = "/no/such/file/of/bad"
        return host


class BadFormat(Hooks):
    """Adds a header to a bad host that is no format string."""

    async def virtual_host(self, host: _Message, context: object) -> _Message:
        header = host.response_headers_to_add.add().header
        header.key, header.value = "x-hooked", "100%off" if host.name.endswith("bad_test") else "yes"
        return host


class BadScript(Hooks):
    """Puts a script that cannot be read into the connection manager of one listener."""

    async def http_listener(self, listener: _Message, context: object) -> _Message:
        if not listener.name.endswith("/bad"):
            return None
        network = listener.default_filter_chain.filters[0]
        manager = HttpConnectionManager.FromString(network.typed_config.value)
        script = Lua()
        script.default_source_code.inline_string = "function envoy_on_request( end"
        added = HttpFilter(name="script")
        added.typed_config.Pack(script)
        manager.http_filters.insert(0, added)
        network.typed_config.Pack(manager)
        return listener
