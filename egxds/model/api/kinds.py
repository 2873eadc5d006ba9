"""The kinds of objects that are read: built in, or brought by an extension. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Self

from egxds.model.api.backends import BackendSpec, EndpointSliceBody, ServiceSpec
from egxds.model.api.core import ExtensionBody, NamespaceBody, ReferenceGrantSpec, SecretBody
from egxds.model.api.gateway import GatewayClassSpec, GatewaySpec
from egxds.model.api.http_route import HttpRouteSpec
from egxds.model.api.object import CORE_GROUP, DISCOVERY_GROUP, ENVOY_GATEWAY_GROUP, GATEWAY_GROUP, ApiModel
from egxds.model.api.policies import PolicyBody
from egxds.settings.extensions import ExtensionManager, GroupVersionKind

GroupKind = tuple[str, str]
"""(API group, kind)."""


class Body(Enum):
    """Which part of an object is its content."""

    SPEC = "spec"
    WHOLE = "whole"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class ServedKind:
    """A kind that is read.

    Attributes:
        group: API group, empty for core.
        kind: such as `HTTPRoute`.
        versions: those accepted, the preferred one first.
        content: class of the content.
        body: the part of the object that makes the content; DOCUMENT keeps the object as it is.
        is_namespaced: whether its objects live in namespaces.
    """

    group: str
    kind: str
    versions: tuple[str, ...]
    content: type[ApiModel]
    body: Body = Body.SPEC
    is_namespaced: bool = True

    @property
    def api_versions(self) -> tuple[str, ...]:
        """The accepted values of `apiVersion`."""
        return tuple(f"{self.group}/{version}" if self.group else version for version in self.versions)


_NEAR = 0.88
"""Likeness from which a kind is taken for a misspelt one; TCPRoute and HTTPRoute are below it."""

_GATEWAY_VERSIONS = ("v1", "v1beta1")

_BUILT_IN = (
    ServedKind(GATEWAY_GROUP, "GatewayClass", _GATEWAY_VERSIONS, GatewayClassSpec, is_namespaced=False),
    ServedKind(GATEWAY_GROUP, "Gateway", _GATEWAY_VERSIONS, GatewaySpec),
    ServedKind(GATEWAY_GROUP, "HTTPRoute", _GATEWAY_VERSIONS, HttpRouteSpec),
    ServedKind(GATEWAY_GROUP, "ReferenceGrant", _GATEWAY_VERSIONS, ReferenceGrantSpec),
    ServedKind(CORE_GROUP, "Service", ("v1",), ServiceSpec),
    ServedKind(CORE_GROUP, "Secret", ("v1",), SecretBody, Body.WHOLE),
    ServedKind(CORE_GROUP, "Namespace", ("v1",), NamespaceBody, Body.WHOLE, is_namespaced=False),
    ServedKind(DISCOVERY_GROUP, "EndpointSlice", ("v1",), EndpointSliceBody, Body.WHOLE),
    ServedKind(ENVOY_GATEWAY_GROUP, "Backend", ("v1alpha1",), BackendSpec),
)


@dataclass(frozen=True, slots=True)
class ExtensionKinds:
    """The kinds that belong to extensions, by what their objects are for; one kind may be for several.

    Attributes:
        filters: a filter of a route may name their objects.
        backends: a backendRef may.
        policies: their objects target Gateways and routes.
    """

    filters: frozenset[GroupKind] = frozenset()
    backends: frozenset[GroupKind] = frozenset()
    policies: frozenset[GroupKind] = frozenset()


@dataclass(frozen=True, slots=True)
class KindTable:
    """All kinds that are read.

    Attributes:
        served: group and kind → what is known of it.
        extension_kinds: those that belong to extensions.
    """

    served: Mapping[GroupKind, ServedKind]
    extension_kinds: ExtensionKinds

    @classmethod
    def of(cls, extensions: Iterable[ExtensionManager]) -> Self:
        """Make the table of the built-in kinds and those that extensions bring.

        Args:
            extensions: their `resources`, `backendResources` and `policyResources` name the kinds; a kind that is
                built in stays as it is.
        """
        built_in = {(kind.group, kind.kind): kind for kind in _BUILT_IN}
        listed = list(extensions)
        filters = _versions((entry for extension in listed for entry in extension.resources), built_in)
        backends = _versions((entry for extension in listed for entry in extension.backend_resources), built_in)
        policies = _versions((entry for extension in listed for entry in extension.policy_resources), built_in)
        brought = {
            key: ServedKind(
                *key,
                tuple({**filters.get(key, {}), **backends.get(key, {}), **policies.get(key, {})}),
                PolicyBody if key in policies else ExtensionBody,
                Body.DOCUMENT,
            )
            for key in (*filters, *backends, *policies)
        }
        kinds = ExtensionKinds(frozenset(filters), frozenset(backends), frozenset(policies))
        return cls({**brought, **built_in}, kinds)

    def find(self, group: str, kind: str) -> ServedKind | None:
        """Return what is known of a kind, None where it is not read."""
        return self.served.get((group, kind))

    def suggestion(self, kind: str) -> str:
        """Return the `apiVersion` and kind that someone may have meant, empty where none is near."""
        by_name = {known.kind.lower(): known for known in self.served.values()}
        near = difflib.get_close_matches(kind.lower(), by_name, n=1, cutoff=_NEAR)
        return f"{by_name[near[0]].kind} of {by_name[near[0]].api_versions[0]}" if near else ""


def _versions(
    listed: Iterable[GroupVersionKind], built_in: Mapping[GroupKind, ServedKind]
) -> dict[GroupKind, dict[str, None]]:
    """Return kind → versions, in the order of the list, of the kinds that are not built in."""
    versions: dict[GroupKind, dict[str, None]] = {}
    for entry in listed:
        if (entry.group, entry.kind) not in built_in:
            versions.setdefault((entry.group, entry.kind), {})[entry.version] = None
    return versions
