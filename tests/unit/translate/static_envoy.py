"""A translation as the static configuration of an Envoy: what xDS would deliver stands inline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egxds.resources.translation import GatewayTranslation
from tests.unit.translate.reading import by_name, tables


def bootstrap(translation: GatewayTranslation, ports: Mapping[int, int] | None = None) -> dict[str, Any]:
    """Return the bootstrap of an Envoy that serves a translation without a control plane.

    Args:
        translation: what to serve.
        ports: port of a listener → the port to bind in its place.
    """
    listeners = list(by_name(translation.listeners).values())
    for listener in listeners:
        _inline_children(listener, tables(translation), by_name(translation.extension_configs))
        for address in [listener["address"], *(each["address"] for each in listener.get("additional_addresses", []))]:
            socket = address["socket_address"]
            socket["port_value"] = (ports or {}).get(socket["port_value"], socket["port_value"])
    return {
        "node": {"id": "static", "cluster": translation.gateway},
        "static_resources": {
            "listeners": listeners,
            "clusters": _clusters(translation),
            "secrets": list(by_name(translation.secrets).values()),
        },
    }


def _inline_children(
    listener: dict[str, Any], route_configurations: dict[str, dict[str, Any]], filters: dict[str, dict[str, Any]]
) -> None:
    for chain in [*listener.get("filter_chains", []), listener.get("default_filter_chain", {})]:
        for network_filter in chain.get("filters", []):
            manager = network_filter["typed_config"]
            table = route_configurations[manager.pop("rds")["route_config_name"]]
            manager["route_config"] = {**table, "validate_clusters": False}
            for http_filter in manager["http_filters"]:
                if http_filter.pop("config_discovery", None) is not None:
                    http_filter["typed_config"] = filters[http_filter["name"]]["typed_config"]
        context = chain.get("transport_socket", {}).get("typed_config", {}).get("common_tls_context", {})
        for secret in context.get("tls_certificate_sds_secret_configs", []):
            del secret["sds_config"]


def _clusters(translation: GatewayTranslation) -> list[dict[str, Any]]:
    clusters = list(by_name(translation.clusters).values())
    assignments = by_name(translation.endpoints)
    for cluster in clusters:
        if cluster.pop("eds_cluster_config", None) is not None:
            cluster["type"] = "STATIC"
            cluster["load_assignment"] = assignments[cluster["name"]]
    return clusters
