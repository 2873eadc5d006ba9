"""What an API server does for the suite, with files.

Objects are created, patched and deleted, and their generation grows with their spec. Every kind that egxds may read is
a file of its own in the watched directory; Deployments become pods instead.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.conformance.data import Manifest
from tests.envoy.workspace import Workspace

GATEWAY_API = "gateway.networking.k8s.io/v1"
NOT_WRITTEN = {"Deployment"}
"""Kinds that are only told to the pods."""

_LONGEST = 150


class Key(NamedTuple):
    """An object's name.

    Attributes:
        namespace: empty for kinds without.
    """

    kind: str
    namespace: str
    name: str

    @classmethod
    def parse(cls, kind: str, path: str) -> Key:
        """Read `namespace/name`, `/name` or `name`."""
        namespace, _, name = path.rpartition("/")
        return cls(kind, namespace, name)

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Key:
        """Return the name of a manifest."""
        metadata = manifest["metadata"]
        return cls(manifest["kind"], metadata.get("namespace", ""), metadata["name"])

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}".replace(" /", " ")


@dataclass(frozen=True)
class Snapshot:
    """All objects at one time."""

    objects: Mapping[Key, Manifest]


class ApiServer:
    """Keeps the objects of a run."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._objects: dict[Key, Manifest] = {}
        self._now = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=1)

    @property
    def objects(self) -> Mapping[Key, Manifest]:
        """All objects as they are."""
        return self._objects

    def pass_time(self, seconds: float) -> None:
        """Have a time pass for `creationTimestamp`, without waiting for it."""
        self._now += dt.timedelta(seconds=seconds)

    def get(self, key: Key) -> Manifest:
        """Return an object.

        Raises:
            KeyError: there is none.
        """
        return self._objects[key]

    def generation(self, key: Key) -> int:
        """Return how often an object's spec was another, counted from 1."""
        return int(self._objects[key]["metadata"]["generation"])

    def apply(self, manifests: Iterable[Manifest]) -> None:
        """Create objects, or replace those of the same name."""
        for manifest in manifests:
            self._put(copy.deepcopy(manifest))

    def patch(self, key: Key, merge_patch: Mapping[str, Any]) -> None:
        """Change an object by a merge patch (RFC 7386)."""
        self._put(_merged(self._objects[key], merge_patch))

    def delete(self, key: Key) -> None:
        """Remove an object."""
        del self._objects[key]
        if key.kind not in NOT_WRITTEN:
            self._workspace.delete(_file(key))

    def snapshot(self) -> Snapshot:
        """Remember all objects."""
        return Snapshot(dict(self._objects))

    def restore(self, snapshot: Snapshot) -> set[Key]:
        """Bring back all objects of a time, and remove those that were not there.

        Returns:
            Which were removed.
        """
        added = self._objects.keys() - snapshot.objects.keys()
        for key in added:
            self.delete(key)
        for key, manifest in snapshot.objects.items():
            if self._objects.get(key) is not manifest:
                self._objects[key] = manifest
                self._write(key, manifest)
        return added

    def _put(self, manifest: Manifest) -> None:
        manifest.setdefault("apiVersion", "v1" if manifest["kind"] == "ConfigMap" else GATEWAY_API)
        key = Key.of(manifest)
        before = self._objects.get(key)
        metadata = manifest["metadata"] = dict(manifest["metadata"])
        if before is None:
            metadata |= {"generation": 1, "creationTimestamp": self._now.strftime("%Y-%m-%dT%H:%M:%SZ")}
        else:
            grows = before.get("spec") != manifest.get("spec")
            metadata["generation"] = before["metadata"]["generation"] + grows
            metadata["creationTimestamp"] = before["metadata"]["creationTimestamp"]
        self._objects[key] = manifest
        self._write(key, manifest)

    def _write(self, key: Key, manifest: Manifest) -> None:
        if key.kind not in NOT_WRITTEN:
            self._workspace.write(_file(key), json.dumps(manifest, indent=1))


def _file(key: Key) -> str:
    """Return the name of an object's file; the longest names of objects leave no room for the rest, so they are cut."""
    name = key.name if len(key.name) <= _LONGEST else f"{key.name[:_LONGEST]}.{zlib.crc32(key.name.encode()):08x}"
    return f"{key.kind}.{key.namespace}.{name}.yaml"


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged
