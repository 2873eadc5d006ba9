"""Somebody who publishes by the command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.etcd.cluster import EtcdCluster


class Desk:
    """Publishes by the command.

    Attributes:
        files: what is published.
    """

    def __init__(self, directory: Path, cluster: EtcdCluster, endpoints: Sequence[str] = ()) -> None:
        """Have settings and no files.

        Args:
            directory: of its own.
            cluster: where it publishes.
            endpoints: the members that it knows, if not all.
        """
        self._settings = directory / "publish.yaml"
        self.files = directory / "files"
        self.files.mkdir(parents=True)
        source = {"etcd": {"endpoints": list(endpoints or cluster.source().endpoints)}}
        self._settings.write_text(json.dumps({"sources": source}))

    def write(self, files: dict[str, str]) -> None:
        """Have these files, and others that were there."""
        for name, text in files.items():
            path = self.files / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def publish(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Publish them."""
        return self.run("publish", str(self.files), *options)

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command with its settings."""
        line = [sys.executable, "-m", "egxds", command, "-c", str(self._settings), *arguments]
        return subprocess.run(line, capture_output=True, text=True, check=False)
