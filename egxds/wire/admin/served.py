"""Wire room: what the pages say that Envoys are served: the head, a candidate beside it, or what one node is served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.exceptions import HTTPException

from egxds.sessions.open_streams import Clients
from egxds.snapshot.snapshot import Snapshot
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores

Snapshots = dict[str, Snapshot]
"""Gateway → what its Envoys are served."""


class ServedSnapshots:
    """Finds snapshots, as they are when it is asked."""

    def __init__(self, stores: Stores, clients: Clients) -> None:
        """Prepare to be asked.

        Args:
            stores: what is served, and to whom.
            clients: who is connected.
        """
        self._stores = stores
        self._clients = clients

    def wanted(self, query: Mapping[str, str]) -> Snapshots:
        """Return what a query asks for: what a node is served, or else the head, all of it or one Gateway.

        Raises:
            HTTPException: there is no such Gateway, or no such Envoy is connected, or both are asked for.
        """
        if "node" not in query:
            return self.of_head(query.get("gateway"))
        if "gateway" in query:
            raise HTTPException(400, "say gateway= or node=")
        return self.of_node(query["node"])

    def of_head(self, gateway: str | None = None) -> Snapshots:
        """Return what all are served that are no canaries.

        Args:
            gateway: the one that is asked for; None for all.

        Raises:
            HTTPException: there is no such Gateway.
        """
        known = self._stores.head.gateways()
        if gateway is not None and gateway not in known:
            raise HTTPException(400, f"no Gateway {gateway!r}; there are: {', '.join(known) or 'none'}")
        return _snapshots_in(self._stores.head, known if gateway is None else (gateway,))

    def of_candidate(self) -> Snapshots:
        """Return what canaries are served; nothing where there is no candidate."""
        candidate = self._stores.candidate
        return _snapshots_in(candidate[0], candidate[0].gateways()) if candidate is not None else {}

    def of_node(self, node_id: str) -> Snapshots:
        """Return what the streams of a node are served; of several Gateways together, by `node.cluster`.

        Args:
            node_id: of the Envoy.

        Raises:
            HTTPException: it is not connected.
        """
        nodes = (client.session.node for client in self._clients.all())
        clusters = {node.cluster for node in nodes if node is not None and node.id == node_id}
        if not clusters:
            raise HTTPException(404, f"no Envoy {node_id!r} is connected")
        store = self._stores.of(node_id)
        views = ((cluster, store.view(cluster)) for cluster in sorted(clusters))
        return {
            view.gateways[0] if len(view.gateways) == 1 else cluster: view.snapshot
            for cluster, view in views
            if view is not None
        }


def _snapshots_in(store: SnapshotStore, gateways: Iterable[str]) -> Snapshots:
    views = {name: store.view(name) for name in gateways}
    return {name: view.snapshot for name, view in views.items() if view is not None}
