"""A store that tests publish to, and daemons that follow it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from egxds.etcd.client import EtcdClient
from egxds.files.reading.reader import LIMITS
from egxds.published.content import content_of
from egxds.published.layout import Layout
from egxds.published.publishing import Publisher
from egxds.published.reading import Generations
from egxds.published.record import Origin
from tests.envoy.daemon import Daemon
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.etcd.cluster import EtcdCluster

_METRIC = re.compile(r'(?m)^egxds_(\w+)\{source="etcd"\} (\S+)$')
_LIMIT_S = 60.0


def publish(cluster: EtcdCluster, files: Mapping[str, str], message: str = "", **more: Any) -> int:
    """Publish files, and return the number of the generation; `more` are settings of the source."""

    async def put() -> int:
        client = EtcdClient(cluster.source(**more))
        try:
            publisher = Publisher(Generations(client, Layout("/egxds/"), LIMITS))
            content = content_of({path: text.encode() for path, text in files.items()})
            origin = Origin("alice@desk", datetime.now(UTC), message=message)
            return (await publisher.publish(content, origin)).record.generation
        finally:
            await client.aclose()

    return anyio.run(put)


class Replica(Daemon):
    """`egxds serve` that follows a cluster, and keeps what it served last."""

    def __init__(
        self,
        directory: Path,
        cluster: EtcdCluster,
        more: Mapping[str, Any],
        extensions: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Describe it; `start` starts it.

        Args:
            directory: of its own.
            cluster: what it follows.
            more: keys that are added to those of `sources.etcd`.
            extensions: its extension managers.
        """
        tls = {"tls": cluster.tls.settings()} if cluster.tls else {}
        endpoints = list(cluster.source().endpoints)
        sources = {"etcd": {"endpoints": endpoints, "requestTimeout": "2s", **tls, **more}}
        settings = {"sources": sources, "stateDir": str(directory / "state"), "extensionManagers": list(extensions)}
        super().__init__(Workspace(directory), settings)

    def wait_ready(self) -> None:
        """Wait until it says that it serves; etcd may have to start beside it."""
        wait_for(self._is_ready, "the replica to be ready", _LIMIT_S)

    def metric(self, name: str) -> float:
        """Return the value of a metric of the source."""
        found = dict(_METRIC.findall(self.admin("/metrics").text))
        return float(found[name])

    def wait_generation(self, number: int) -> None:
        """Wait until a generation is in force."""
        wait_for(lambda: self.metric("source_generation") == number, f"generation {number}", _LIMIT_S)

    def wait_connected(self, *, is_so: bool) -> None:
        """Wait until the store answers it, or does not."""
        wait_for(lambda: self.metric("source_connected") == is_so, f"to be connected: {is_so}", _LIMIT_S)

    def wait_kept(self, number: int) -> None:
        """Wait until what a start goes on from is of a generation."""
        path = self.settings_path.parent / "state" / "input.last-good"
        word = f'generation\\\\\\":{number},'.encode()
        wait_for(lambda: path.exists() and word in path.read_bytes(), f"generation {number} to be kept", _LIMIT_S)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Ask it by a command."""
        command = [sys.executable, "-m", "egxds", *arguments, "-c", str(self.settings_path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def resources(self) -> dict[str, Any]:
        """Return all that is served: version and body."""
        items = self.api("config_dump")["items"]
        return {f"{each['type']} {each['name']}": (each["version"], each["body"]) for each in items}

    def sent(self) -> dict[str, int]:
        """Return how many responses of each type its Envoys were sent."""
        clients = self.api("clients")["items"]
        return {each["type"]: each["sent"] for client in clients for each in client["types"]}
