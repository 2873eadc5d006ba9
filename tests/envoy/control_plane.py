"""The xDS server without the daemon: in the process of the test, serving what the test publishes."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from egxds.app.bootstrap import bootstrap
from egxds.inspect.status import StatusStore
from egxds.resources.resource import Resource
from egxds.settings.daemon import Settings, XdsSettings
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from egxds.wire.grpc.server import XdsServer
from tests.ports import free_port
from tests.revisions import by_type
from tests.wire.world import described

_GATEWAY = "default/web"
_DRAIN_LIMIT_S = 5.0


def plain_bootstrap(port: int, node_id: str = "envoy-1") -> dict[str, object]:
    """Return the bootstrap of an Envoy whose xDS server is at this port of the loopback address."""
    sources = {"files": {"paths": ["."]}}
    settings = Settings.model_validate({"sources": sources, "xds": {"address": f"127.0.0.1:{port}"}})
    return bootstrap(settings, _GATEWAY, node_id, 0)


class ControlPlane:
    """A server on its own thread, for the Envoys of one Gateway.

    Attributes:
        port: where it listens.
    """

    def __init__(self, port: int | None = None) -> None:
        """Describe it; `with` starts it and, at the end, drains it.

        Args:
            port: one where another server was before; None for a free one.
        """
        self.port = port or free_port()
        self._store = SnapshotStore()
        self._status = StatusStore()
        settings = XdsSettings(address=f"127.0.0.1:{self.port}")
        self._stores = Stores(self._store)
        self._server = XdsServer(settings, self._stores, self._status, Metrics())
        self._thread: AbstractContextManager[BlockingPortal] = start_blocking_portal()
        self._running = ExitStack()
        self._portal: BlockingPortal

    def publish(self, *resources: Resource) -> None:
        """Make these all that the Envoys are to hold."""
        self._portal.call(self._store.publish, _GATEWAY, "egxds", by_type(resources))
        self._portal.call(self._store.mark_loaded)

    def serve_first(self, node_id: str, *resources: Resource) -> None:
        """Serve one Envoy a candidate, of which these are all resources."""
        candidate = self._portal.call(self._store.beside)
        candidate.publish(_GATEWAY, "egxds", by_type(resources))
        candidate.mark_loaded()
        self._portal.call(self._stores.serve, candidate, [node_id])

    def withdraw(self) -> None:
        """Serve all Envoys from the head again."""
        self._portal.call(self._stores.withdraw)

    def clients(self) -> list[dict[str, Any]]:
        """Return who is connected, as the admin API shows it."""
        return self._portal.call(described, self._server.clients)

    def asked(self) -> list[str]:
        """Return the types that the only Envoy has asked for on its stream, in that order."""
        (client,) = self.clients()
        return [status["type"] for status in client["types"]]

    def is_settled(self) -> bool:
        """Say whether there is an Envoy, and every one has taken all that it was sent."""
        types = [status for client in self.clients() for status in client["types"]]
        return bool(types) and all(status["sent"] == status["acked"] for status in types)

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._portal = starting.enter_context(self._thread)
            self._portal.call(self._server.start)
            starting.callback(self._portal.call, self._server.drain, _DRAIN_LIMIT_S)
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()
