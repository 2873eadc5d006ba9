"""What a Gateway asks of the machinery it runs on, read from its file for the bootstrap of its Envoy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from egxds.files.reading.content import Scan
from egxds.files.reading.reader import TreeReader
from egxds.model.api.gateway import GATEWAY
from egxds.model.api.kinds import ExtensionKinds, KindTable
from egxds.model.store.store import ObjectStore
from egxds.settings.daemon import Settings

NodeMetadata = Mapping[str, Mapping[str, str]]
"""`labels` and `annotations`, those of them that there are."""

_GATEWAYS_ONLY = KindTable({GATEWAY.id: GATEWAY}, ExtensionKinds())


def node_metadata(settings: Settings, base: Path, selector: str) -> NodeMetadata:
    """Return what the Envoy of a Gateway carries: `spec.infrastructure` of it.

    Args:
        settings: names the paths.
        base: directory that relative paths start from.
        selector: `NAMESPACE/GATEWAY`; of a GatewayClass, and of a Gateway that no file has, nothing is carried.
    """
    namespace, is_gateway, name = selector.partition("/")
    if not is_gateway:
        return {}
    tree = TreeReader(tuple(base / path for path in settings.sources.files.paths), base).read(Scan.ALL)
    gateway = ObjectStore(_GATEWAYS_ONLY).update(tree).of(GATEWAY).get(GATEWAY.key(namespace, name))
    if gateway is None:
        return {}
    asked = gateway.content.infrastructure
    said = {"labels": asked.labels, "annotations": asked.annotations}
    return {field: entries for field, entries in said.items() if entries}
