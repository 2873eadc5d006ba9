"""Envoy's page `/clusters?format=json` → how it finds the endpoints of its clusters. Pure.

Source: Envoy API v3, admin/v3/clusters.proto. What is zero or false is left out of it, and 64-bit numbers are strings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from egxds.cut_text import cut

_SHOWN_CHARACTERS = 300
_MOST_COUNTED = 2**64 - 1
_LAST_PORT = 65_535
_FLAGS = {
    "failed_active_health_check": "it failed its health checks",
    "failed_outlier_check": "it was ejected as an outlier",
    "excluded_via_immediate_hc_fail": "it asked to be left out",
}
"""What an Envoy has found out itself. The health that EDS gave an endpoint is what it was told, and is none of that."""


class NotEnvoyError(Exception):
    """What answered is not the page of Envoy that was asked for."""


@dataclass(frozen=True, slots=True)
class EndpointCounts:
    """How an Envoy finds an endpoint.

    Attributes:
        cluster: name of the cluster.
        address: `host:port` or `unix:/path`.
        hostname: that it was found by; empty where there is none.
        failures: connections that did not come about.
        requests: that got onto a connection; also whole connections, where those are what is forwarded.
        unhealthy: why Envoy avoids it; empty where it does not.
    """

    cluster: str
    address: str
    hostname: str
    failures: int
    requests: int
    unhealthy: str


def read_clusters(page: bytes) -> tuple[EndpointCounts, ...]:
    """Read the page.

    Raises:
        NotEnvoyError: it is none; the message says why, in one line.
    """
    try:
        return tuple(_endpoints(json.loads(page)))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as err:
        raise NotEnvoyError(
            "what answers is not Envoy's page of clusters; is that the address of its admin page?"
        ) from err


def _endpoints(page: Any) -> Iterator[EndpointCounts]:
    if page and "cluster_statuses" not in page:
        raise ValueError("no clusters")
    for cluster in page.get("cluster_statuses", ()):
        for host in cluster.get("host_statuses", ()):
            stats = {each["name"]: _number(each.get("value", 0), _MOST_COUNTED) for each in host.get("stats", ())}
            yield EndpointCounts(
                cut(str(cluster["name"]), _SHOWN_CHARACTERS),
                _address(host["address"]),
                cut(str(host.get("hostname", "")), _SHOWN_CHARACTERS),
                stats.get("cx_connect_fail", 0),
                stats.get("rq_total", 0),
                _unhealthy(host.get("health_status", {})),
            )


def _address(address: Any) -> str:
    if "pipe" in address:
        return cut(f"unix:{address['pipe']['path']}", _SHOWN_CHARACTERS)
    if "socket_address" not in address:
        return "an internal address"
    socket = address["socket_address"]
    host = cut(str(socket["address"]), _SHOWN_CHARACTERS)
    port = _number(socket["port_value"], _LAST_PORT)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _number(value: Any, most: int) -> int:
    found = int(value)
    if not 0 <= found <= most:
        raise ValueError(f"no number from 0 to {most}")
    return found


def _unhealthy(health: Any) -> str:
    return ", ".join(text for flag, text in _FLAGS.items() if health.get(flag) is True)
