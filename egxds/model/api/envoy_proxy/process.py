"""What an EnvoyProxy says of how the program runs: its arguments, its log, its end. Pure.

Source: Envoy Gateway v1.9, EnvoyProxySpec, ProxyLogging, ShutdownConfig.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from egxds.model.api.envoy_proxy.bootstrap import ProxyBootstrap
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import Duration

LogComponent = Literal[
    "default",
    "system",
    "upstream",
    "http",
    "connection",
    "admin",
    "client",
    "filter",
    "main",
    "router",
    "runtime",
]
LogLevel = Literal["trace", "debug", "info", "warn", "error"]
Threads = Annotated[StrictInt, Field(ge=1, lt=2**31)]
"""Of an Envoy, that do its work."""


@api_type
class ProxyLogging(ApiModel):
    """How much an Envoy says in its log.

    Attributes:
        level: component → from which level on; `default` for those that are not named.
    """

    level: dict[LogComponent, LogLevel] = Field(default_factory=dict)


@api_type
class Shutdown(ApiModel):
    """How an Envoy ends.

    Attributes:
        drain_timeout: how long connections may take to end.
        min_drain_duration: how long it goes on in any case, so that everybody hears of it.
    """

    drain_timeout: Duration = "60s"
    min_drain_duration: Duration = "10s"


@api_type
class ProxyProcess(ApiModel):
    """The fields of an EnvoyProxy that are for whoever starts its Envoys.

    Attributes:
        extra_args: more arguments, as they are.
    """

    bootstrap: ProxyBootstrap | None = None
    concurrency: Threads | None = None
    extra_args: tuple[str, ...] = ()
    logging: ProxyLogging = ProxyLogging()
    shutdown: Shutdown | None = None
