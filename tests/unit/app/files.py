"""Watched files, and what they come to, for tests of the app."""

from __future__ import annotations

from pathlib import Path

from egxds.app.file_source import FileTrees
from egxds.app.pipeline import Build, Pipeline
from egxds.files.reading.content import Scan
from egxds.settings.daemon import Settings

GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {name}}}
spec:
  gatewayClassName: egxds
  listeners: [{{name: http, port: {port}, protocol: HTTP}}]
"""


class Files:
    """A directory of Gateways, and the pipeline that reads it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        files = {"paths": [str(directory)], "removalDelay": "0s"}
        settings = Settings.model_validate({"sources": {"files": files}})
        self._pipeline = Pipeline(settings, FileTrees(settings, directory))

    def write_gateway(self, name: str, port: int) -> None:
        """Write a Gateway with one listener."""
        self.write(f"{name}.yaml", GATEWAY.format(name=name, port=port))

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self._directory / name).write_text(text)

    def delete(self, name: str) -> None:
        """Delete a file."""
        (self._directory / name).unlink()

    def build(self) -> Build:
        """Read everything again."""
        return self._pipeline.run(Scan.ALL)
