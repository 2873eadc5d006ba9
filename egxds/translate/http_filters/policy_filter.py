"""What an HTTP filter is by which a feature of policies is done. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from envoy.config.core.v3.config_source_pb2 import ExtensionConfigSource
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from google.protobuf.message import Message

from egxds.names import TYPE_PREFIX
from egxds.object_key import GroupKind
from egxds.resources.encoding import pack
from egxds.translate.config_source import ads_source


def own_name(name: str, kind: GroupKind) -> str:
    """Name a filter so that none of an extension is called the same.

    What a route says of a filter goes for all of its name: an extension that adds one of Envoy's usual name, and has a
    route enable it, would enable the one that is there for policies, too.

    Args:
        name: Envoy's for such a filter.
        kind: kind of the policies that it is for.
    """
    return f"{name}/{kind[1].lower()}"


def _takes_all(_found: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class PolicyFilter:
    """A filter that every connection manager has, and that does nothing where no policy asks for it.

    Attributes:
        name: in the connection manager, and of its configuration for a route; `name_at` where it is fetched.
        kind: kind of the policies.
        feature: field of the feature, as the file spells it.
        idle: its configuration in the connection manager, which is in force nowhere.
        write: returns its configuration for a route; takes what the feature comes to.
        is_fetched: whether its configuration in the connection manager is a resource of its own (ECDS), which has the
            filter's name; until it is there, it is `idle`.
        is_for_routes: whether it stands at single routes alone, also where the policy is that of a listener.
        takes: tells of what the feature comes to whether this filter does it; others of the feature do the rest.
    """

    name: str
    kind: GroupKind
    feature: str
    idle: Message
    write: Callable[[Any], Message]
    is_fetched: bool = False
    is_for_routes: bool = False
    takes: Callable[[Any], bool] = _takes_all

    def name_at(self, gateway: str) -> str:
        """Return its name in the connection managers of a Gateway, `<namespace>/<name>`.

        An Envoy that serves several Gateways fetches for each what is fetched.
        """
        return f"{self.name}/{gateway}" if self.is_fetched else self.name

    def in_connection_manager(self, gateway: str) -> HttpFilter:
        """Return the filter as the connection managers of a Gateway have it: disabled."""
        found = HttpFilter(name=self.name_at(gateway), disabled=True)
        if self.is_fetched:
            found.config_discovery.CopyFrom(self._source())
        else:
            found.typed_config.CopyFrom(pack(self.idle))
        return found

    def _source(self) -> ExtensionConfigSource:
        return ExtensionConfigSource(
            config_source=ads_source(),
            default_config=pack(self.idle),
            type_urls=[TYPE_PREFIX + self.idle.DESCRIPTOR.full_name],
        )
