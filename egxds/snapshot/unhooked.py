"""What files come to as a snapshot, before any hook: for people, and served to nobody. Pure."""

from __future__ import annotations

from egxds import names
from egxds.incremental.revision import Revision
from egxds.resources.translation import GatewayTranslation
from egxds.snapshot.gateway import SnapshotBuilder
from egxds.snapshot.snapshot import Snapshot


def unhooked_snapshot(translation: GatewayTranslation) -> Snapshot:
    """Return what the Envoys of a Gateway would be served if no hook changed anything."""
    tables = translation.route_configurations
    return SnapshotBuilder().build(
        {
            names.LISTENER: translation.listeners,
            names.ROUTE_CONFIGURATION: Revision((name, tables[name].resource()) for name in sorted(tables)),
            names.CLUSTER: translation.clusters,
            names.ENDPOINT: translation.endpoints,
            names.SECRET: translation.secrets,
            names.EXTENSION_CONFIG: translation.extension_configs,
        }
    )
