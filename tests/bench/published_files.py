"""Files of a site that are published to an etcd of its own, and what that takes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from egxds.etcd.client import EtcdClient
from egxds.etcd.operations import Operation, Put, Transacted, Unchanged
from egxds.published.content import content_of
from egxds.published.ending_candidate import promote
from egxds.published.layout import Layout as StoreLayout
from egxds.published.limits import limits_of
from egxds.published.publishing import Publisher
from egxds.published.putting_candidate import Canary, put_candidate
from egxds.published.reading import Generations
from egxds.published.record import Origin
from tests.bench.files import WatchedFiles
from tests.etcd.cluster import EtcdCluster


class _CountingClient(EtcdClient):
    """Counts what is asked and written."""

    trips = 0
    written_bytes = 0

    async def transact(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> Transacted:
        """See `EtcdStore`."""
        self.trips += 1
        self.written_bytes += sum(len(each.key) + len(each.value) for each in operations if isinstance(each, Put))
        return await super().transact(conditions, operations)


class PublishedFiles:
    """Entering it starts an etcd of one member.

    Attributes:
        took_s: how long each publish took, until etcd had answered.
        trips: transactions of each.
        written: bytes of each.
    """

    def __init__(self, root: Path) -> None:
        """Prepare.

        Args:
            root: an empty directory.
        """
        self.took_s: list[float] = []
        self.trips: list[int] = []
        self.written: list[int] = []
        self._cluster = EtcdCluster(root)
        self._files: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._cluster.close)
            self._cluster.start()
            source = self._cluster.source()
            portal: BlockingPortal = stack.enter_context(start_blocking_portal())
            self._client = portal.call(_CountingClient, source)
            stack.callback(portal.call, self._client.aclose)
            self._call: Callable[..., Any] = portal.call
            self._generations = Generations(self._client, StoreLayout(source.prefix), limits_of(source))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def settings(self) -> dict[str, Any]:
        """What the settings of a daemon say of it."""
        return {"sources": {"etcd": {"endpoints": [f"127.0.0.1:{self._cluster.members[0].port}"]}}}

    def publish_all(self, files: WatchedFiles) -> None:
        """Publish what a directory holds."""
        self._files = {path.name: path.read_bytes() for path in files.directory.iterdir()}
        self._publish()

    def publish_documents(self, documents: Mapping[str, str]) -> int:
        """Publish documents, one in each file; return how many bytes were written."""
        self._files = {f"{name}.yaml": text.encode() for name, text in documents.items()}
        self._publish()
        return self._client.written_bytes

    @property
    def kept_mib(self) -> float:
        """How large the database of etcd is."""
        status = self._cluster.ctl("endpoint", "status", "-w", "json")
        return float(json.loads(status)[0]["Status"]["dbSize"]) / 2**20

    def publish(self, name: str, text: str) -> float:
        """Publish a document, new or not, beside the others; return when that began, of `time.perf_counter`."""
        self._files[f"{name}.yaml"] = text.encode()
        trips, written = self._client.trips, self._client.written_bytes
        began = self._publish()
        self.took_s.append(perf_counter() - began)
        self.trips.append(self._client.trips - trips)
        self.written.append(self._client.written_bytes - written)
        return began

    def put_candidate(self, name: str, text: str, node: str) -> float:
        """Have a document beside the others for one node first; return when that began, of `time.perf_counter`."""
        self._files[f"{name}.yaml"] = text.encode()
        content, origin = content_of(self._files), Origin("bench", datetime.now(UTC))
        began = perf_counter()
        self._call(put_candidate, self._generations, content, origin, Canary((node,), 0))
        return began

    def promote(self) -> float:
        """Have that for all; return when that began, likewise."""
        found = self._call(self._generations.look).found
        began = perf_counter()
        self._call(promote, self._generations, found.candidate, found.put_at)
        return began

    def _publish(self) -> float:
        content = content_of(self._files)
        origin = Origin("bench", datetime.now(UTC))
        began = perf_counter()
        self._call(Publisher(self._generations).publish, content, origin)
        return began
