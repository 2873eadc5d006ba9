"""What the files came to last, for whoever looks something up in it."""

from __future__ import annotations

from collections.abc import Mapping

from egxds.app.pipeline import Build
from egxds.model.api.core import SECRET
from egxds.model.api.validation import Path as ObjectPath
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Location


class CurrentBuild:
    """The newest build.

    Attributes:
        build: that; None before anything was read.
    """

    def __init__(self) -> None:
        """Start before anything was read."""
        self.build: Build | None = None

    def state(self) -> GatewayState | None:
        """Return the objects in force; None before anything was read."""
        return self.build.state if self.build is not None else None

    def locate(self, key: ObjectKey, path: ObjectPath = ()) -> Location | None:
        """Say where an object, or a part of it, stands now; nothing where it is gone."""
        state = self.state()
        item = state.find(key) if state is not None else None
        return state.locate(item, path) if state is not None and item is not None else None

    def secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Return the values of a Secret in force, by name; None where there is none."""
        state = self.state()
        found = state.of(SECRET).get(SECRET.key(namespace, name)) if state is not None else None
        return found.content.data if found is not None else None
