"""Which HTTP filters look at a request: what the connection manager says, and its routes say otherwise. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from envoy.config.route.v3.route_components_pb2 import FilterConfig

_FILTER_CONFIG = "/envoy.config.route.v3.FilterConfig"


def is_enabled(http_filter: Any, taken_by: Sequence[tuple[Any, Any, Any]]) -> bool:
    """Tell whether a filter looks at a request; of one that several routes may take, whether it may.

    Args:
        http_filter: the HttpFilter message.
        taken_by: of each of these routes the messages that may say so, the most specific first.
    """
    if not taken_by:
        return not http_filter.disabled
    return any(_says(http_filter, levels) for levels in taken_by)


def _says(http_filter: Any, levels: Iterable[Any]) -> bool:
    """Tell what the first says that says anything, which is what counts for Envoy."""
    for level in levels:
        if http_filter.name in level.typed_per_filter_config:
            config = level.typed_per_filter_config[http_filter.name]
            is_general = config.type_url.endswith(_FILTER_CONFIG)
            return not (is_general and FilterConfig.FromString(config.value).disabled)
    return not http_filter.disabled
