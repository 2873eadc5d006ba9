"""What a Gateway was translated to, with what patches put in its place, and what they have looked at. Pure.

What was looked at is noted, so that nothing is patched again while all of it is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egxds import names
from egxds.incremental.revision import Revision
from egxds.resources.resource import Key, Resource
from egxds.resources.route_configuration import RouteConfiguration
from egxds.resources.translation import GatewayTranslation
from egxds.translate.patches.documents import Patched
from egxds.translate.patches.resource_names import Aliases

FIELDS: Mapping[str, str] = {
    names.LISTENER: "listeners",
    names.ROUTE_CONFIGURATION: "route_configurations",
    names.CLUSTER: "clusters",
    names.ENDPOINT: "endpoints",
    names.SECRET: "secrets",
}
"""Type of what can be patched → field of a `GatewayTranslation`."""


def of_type(translation: GatewayTranslation, type_url: str) -> Revision[str, Any]:
    """Return the resources of one type."""
    found: Revision[str, Any] = getattr(translation, FIELDS[type_url])
    return found


class Workspace:
    """Resources of a Gateway while patches work on them.

    Attributes:
        put: what is in the place of what was translated, or beside it.
    """

    def __init__(self, base: GatewayTranslation, aliases: Aliases) -> None:
        """Start with what was translated.

        Args:
            base: that.
            aliases: other names of it.
        """
        self.put: dict[Key, Patched] = {}
        self._base = base
        self._aliases = aliases
        self._seen: dict[Key, object] = {}
        self._seen_all: dict[str, Revision[str, Any]] = {}

    def find(self, type_url: str, name: str) -> Patched | None:
        """Return a resource by any of its names; None where there is none."""
        for each in (name, self._aliases.get((type_url, name))):
            key = (type_url, each or "")
            found: Patched | None = of_type(self._base, type_url).get(key[1])
            self._seen[key] = found
            if key in self.put or found is not None:
                return self.put.get(key, found)
        return None

    def all_of(self, type_url: str) -> list[Patched]:
        """Return all resources of a type, by name."""
        base = self._seen_all[type_url] = of_type(self._base, type_url)
        named = {(type_url, name): found for name, found in base.items()} | {
            key: found for key, found in self.put.items() if key[0] == type_url
        }
        return [named[key] for key in sorted(named)]

    def replace(self, found: Patched) -> None:
        """Put a resource in the place of the one of its name, or beside the others."""
        self.put[key_of(found)] = found

    def holds_for(self, base: GatewayTranslation, aliases: Aliases) -> bool:
        """Tell whether all that was looked at is the same in another translation."""
        return (
            aliases == self._aliases
            and all(of_type(base, type_url) is found for type_url, found in self._seen_all.items())
            and all(of_type(base, type_url).get(name) is found for (type_url, name), found in self._seen.items())
        )


def key_of(found: Patched) -> Key:
    """Return type and name of a resource."""
    return (found.type_url, found.name) if isinstance(found, Resource) else (names.ROUTE_CONFIGURATION, found.name)


def body_of(found: Patched) -> bytes:
    """Return the encoded resource."""
    return found.encode() if isinstance(found, RouteConfiguration) else found.body
