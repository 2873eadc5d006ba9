"""httpUpgrade of a BackendTrafficPolicy, as a user writes it: other protocols that requests may turn to. Pure.

Source: Envoy Gateway v1.9, ProtocolUpgradeConfig.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator

from egxds.model.api.client_traffic.scalars import like
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.validation import FieldError, refuse

CONNECT = "CONNECT"
"""The method of requests for a tunnel, which are taken for upgrades."""


@api_type
class ConnectUpgrade(ApiModel):
    """How requests for a tunnel are led on.

    Attributes:
        terminate: whether a backend gets what comes through the tunnel; else it gets the request for it.
    """

    terminate: StrictBool = False


def upgrade_errors(upgrade: HttpUpgrade) -> Iterator[FieldError]:
    """Check that tunnels are spoken of only where they are meant."""
    if upgrade.connect is not None and upgrade.type != CONNECT:
        yield FieldError(("connect",), f"is for type {CONNECT}; delete it")


@api_type
class HttpUpgrade(ApiModel):
    """One protocol."""

    type: Annotated[
        str,
        Field(min_length=1, max_length=255),
        like(r"[A-Za-z0-9!#$%&'*+\-.^_`|~/]+", "is no protocol: write it like websocket or spdy/3.1"),
    ]
    connect: ConnectUpgrade | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(upgrade_errors(self))
        return self
