"""Files with policies, resolved and translated again and again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2 as _http

from egxds.resources.translation import GatewayTranslation
from egxds.translate.translator import Translator
from tests.unit.model.worlds import World
from tests.unit.translate.reading import by_name, tables

PAYLOADS = (_http,)
"""Modules that must be loaded for the payloads inside to be printed."""


@dataclass
class Translated:
    """A world, and what its Gateway comes to."""

    world: World = field(default_factory=World)
    translator: Translator = field(default_factory=Translator)

    def scan(self, *texts: str, gateway: str = "default/web") -> GatewayTranslation:
        """Look at one file of documents, and translate what it holds."""
        return self.translator.update(self.world.scan(*texts))[gateway]


def clusters(found: GatewayTranslation) -> dict[str, dict[str, Any]]:
    """Return the clusters by name, as JSON."""
    return by_name(found.clusters)


def http_options(cluster: dict[str, Any]) -> dict[str, Any]:
    """Return how HTTP is spoken to the endpoints of a cluster, as far as that is said."""
    found: dict[str, Any] = cluster.get("typed_extension_protocol_options", {}).get(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions", {}
    )
    return found


def named_clusters(found: GatewayTranslation) -> set[str]:
    """Return the clusters that routes send to."""
    hosts = (host for table in tables(found).values() for host in table["virtual_hosts"])
    return {each["route"]["cluster"] for host in hosts for each in host["routes"] if "route" in each}
