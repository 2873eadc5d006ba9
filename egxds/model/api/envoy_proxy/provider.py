"""provider of an EnvoyProxy, as a user writes it: who starts its Envoys. Pure.

Source: Envoy Gateway v1.9, EnvoyProxyProvider. Here nobody is asked to start any: whoever does says how.
"""

from __future__ import annotations

from typing import Literal

from egxds.model.api.object import ApiModel, api_type


@api_type
class EnvoyProxyProvider(ApiModel):
    """Who starts Envoys; what is said to Kubernetes is not read."""

    type: Literal["Kubernetes", "Host"]
    kubernetes: dict[str, object] | None = None
    host: dict[str, object] | None = None
