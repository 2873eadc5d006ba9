"""The zone of an Envoy in its bootstrap, by which `zoneAware` of a BackendTrafficPolicy has requests stay there. Pure.

An Envoy prefers its own zone where it knows that, and who shares its traffic: a cluster of all of them, of which it
only counts how many stand in each zone (Envoy, "Zone aware routing"). Nobody ever connects to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LOCAL_CLUSTER = "local_cluster"
"""As Envoy Gateway names it."""


@dataclass(frozen=True, slots=True)
class EnvoyZones:
    """Where Envoys stand that get parts of the same traffic.

    Attributes:
        own: zone of the one that starts; empty where it has none.
        others: zones of the others, one for each.
    """

    own: str = ""
    others: tuple[str, ...] = ()


def in_zone(usual: Mapping[str, Any], zones: EnvoyZones) -> dict[str, Any]:
    """Return a bootstrap that says in which zone its Envoy stands; the same without one.

    Args:
        usual: the bootstrap.
        zones: the Envoy's, and those of others.
    """
    if not zones.own:
        return {**usual}
    static = usual["static_resources"]
    return {
        **usual,
        # Localities are compared as a whole, and those of endpoints have nothing but a zone.
        "node": {**usual["node"], "locality": {"zone": zones.own}},
        "cluster_manager": {"local_cluster_name": _LOCAL_CLUSTER},
        "static_resources": {**static, "clusters": [*static["clusters"], _local_cluster(zones)]},
    }


def _local_cluster(zones: EnvoyZones) -> dict[str, Any]:
    by_zone: dict[str, list[dict[str, Any]]] = {}
    for number, zone in enumerate((zones.own, *zones.others), start=1):
        # Envoy counts an address once.
        address = {"socket_address": {"address": "127.0.0.1", "port_value": number}}
        by_zone.setdefault(zone, []).append({"endpoint": {"address": address}})
    localities = [{"locality": {"zone": zone}, "lb_endpoints": found} for zone, found in by_zone.items()]
    return {
        "name": _LOCAL_CLUSTER,
        "type": "STATIC",
        "load_assignment": {"cluster_name": _LOCAL_CLUSTER, "endpoints": localities},
    }
