"""Wire room: how Envoys find the backends of what is served, asked of them for somebody. Reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anyio import to_thread

from egxds.inspect.backend_reach import reach
from egxds.inspect.explain.origins import Origin
from egxds.inspect.status import StatusStore
from egxds.problems import Location
from egxds.snapshot.snapshot import Snapshot


async def backends_found(
    status: StatusStore, snapshots: Mapping[str, Snapshot], clusters: frozenset[str] | None = None
) -> dict[str, Any]:
    """Return how Envoys find the endpoints of clusters, as `egxds.inspect.backend_reach` has it.

    Args:
        status: knows the Envoys, and where objects stand.
        snapshots: of all Gateways.
        clusters: those that are meant; None for all.
    """

    def locate(origin: Origin) -> Location | None:
        return status.locate_part(origin.key, origin.path)

    return await to_thread.run_sync(reach, await status.envoy_views(), snapshots, locate, clusters)
