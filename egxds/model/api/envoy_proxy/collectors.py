"""Who telemetry of an EnvoyProxy is sent to, as a user writes it. Pure.

Source: Envoy Gateway v1.9, BackendCluster, with the host and port that came before it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from egxds.model.api.filters import HttpHeader
from egxds.model.api.object import ENVOY_GATEWAY_GROUP, ApiModel, Port, api_type
from egxds.model.api.references import BackendRef
from egxds.model.api.scalars import is_dns_name
from egxds.model.api.validation import FieldError

_KINDS = frozenset({("", "Service"), (ENVOY_GATEWAY_GROUP, "Backend")})
_OTLP_PORT = 4317


def collector_errors(asked: Collector) -> Iterator[FieldError]:
    """Check that a collector is named, and by kinds that may be."""
    if not asked.backend_refs and asked.host is None:
        yield FieldError((), "give backendRefs")
    for at, ref in enumerate(asked.backend_refs):
        if (ref.group, ref.kind) not in _KINDS:
            yield FieldError(("backendRefs", at, "kind"), "must be Service, or Backend of gateway.envoyproxy.io")


def _check_host(value: str) -> str:
    if not is_dns_name(value):
        try:
            ipaddress.ip_address(value)
        except ValueError as err:
            raise ValueError("is neither a hostname nor an IP address") from err
    return value


@api_type
class Collector(ApiModel):
    """Somebody who takes telemetry.

    Attributes:
        host: of one that no object stands for; `backendRefs` count before it.
    """

    refused_fields = frozenset({"backendRef"})
    unserved_fields = frozenset({"backendSettings"})

    backend_refs: tuple[BackendRef, ...] = Field(default=(), max_length=16)
    host: Annotated[str, AfterValidator(_check_host)] | None = None
    port: Port = _OTLP_PORT


Headers = Annotated[tuple[HttpHeader, ...], Field(max_length=32)]
"""Headers of what is sent to a collector."""
