"""The kinds of objects that are read: built in, or brought by an extension. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from egxds.model.api.backends import BACKEND, ENDPOINT_SLICE, SERVICE
from egxds.model.api.config_map import CONFIG_MAP
from egxds.model.api.core import NAMESPACE, REFERENCE_GRANT, SECRET, ExtensionBody
from egxds.model.api.envoy_proxy.proxy import ENVOY_PROXY
from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS
from egxds.model.api.grpc_route import GRPC_ROUTE
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.http_route_filter import HTTP_ROUTE_FILTER
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.api.object import ApiModel, Body, Kind
from egxds.model.api.policies import PolicyBody
from egxds.model.api.served_policies import SERVED_POLICIES, ServedPolicyKind
from egxds.model.api.tcp_route import TCP_ROUTE
from egxds.model.api.tls_route import TLS_ROUTE
from egxds.model.api.udp_route import UDP_ROUTE
from egxds.model.api.unserved_policies import HARMLESS_POLICIES, UNSERVED_POLICIES, UnservedPolicyKind
from egxds.object_key import GroupKind
from egxds.settings.extensions import ExtensionManager, GroupVersionKind

_NEAR = 0.88
"""Likeness from which a kind is taken for a misspelt one; TCPRoute and HTTPRoute are below it."""

_NEAR_A_POLICY = 0.85
"""The same for what must not be passed over; SecurityPolicies is above it."""


BUILT_IN: tuple[Kind[ApiModel], ...] = (
    GATEWAY_CLASS,
    ENVOY_PROXY,
    GATEWAY,
    LISTENER_SET,
    HTTP_ROUTE,
    GRPC_ROUTE,
    TLS_ROUTE,
    TCP_ROUTE,
    UDP_ROUTE,
    REFERENCE_GRANT,
    SERVICE,
    SECRET,
    CONFIG_MAP,
    NAMESPACE,
    ENDPOINT_SLICE,
    BACKEND,
    HTTP_ROUTE_FILTER,
)
"""A row each; what is not here is reported once and passed over."""


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

    @property
    def unserved_policies(self) -> Mapping[GroupKind, UnservedPolicyKind]:
        """The kinds of policies that decide on access, and that no extension serves."""
        return {row.kind.id: row for row in UNSERVED_POLICIES if row.kind.id not in self.policies}

    @property
    def served_policies(self) -> Mapping[GroupKind, ServedPolicyKind]:
        """The kinds of policies that decide on access or trust, and that are served here."""
        return {row.kind.id: row for row in SERVED_POLICIES if row.kind.id not in self.policies}

    @property
    def kinds_of_policies(self) -> Mapping[GroupKind, Kind[PolicyBody]]:
        """The kinds of policies that decide on access or trust, and that no extension serves."""
        unserved = {key: row.kind for key, row in self.unserved_policies.items()}
        return {**unserved, **{key: row.kind for key, row in self.served_policies.items()}}

    @property
    def deciding_policies(self) -> Mapping[GroupKind, type[ApiModel] | None]:
        """The kinds of policies that count whatever is wrong with them, with the class of what a served one says."""
        served = {key: row.spec for key, row in self.served_policies.items()}
        return {**dict.fromkeys(self.unserved_policies), **served}


@dataclass(frozen=True, slots=True)
class KindTable:
    """All kinds that are read.

    Attributes:
        served: group and kind → what is known of it.
        extension_kinds: those that belong to extensions.
    """

    served: Mapping[GroupKind, Kind[ApiModel]]
    extension_kinds: ExtensionKinds

    @classmethod
    def of(cls, extensions: Iterable[ExtensionManager]) -> Self:
        """Make the table of the built-in kinds and those that extensions bring.

        Args:
            extensions: their `resources`, `backendResources` and `policyResources` name the kinds; a kind that is
                built in stays as it is.
        """
        built_in = {kind.id: kind for kind in BUILT_IN}
        listed = list(extensions)
        filters = _versions((entry for extension in listed for entry in extension.resources), built_in)
        backends = _versions((entry for extension in listed for entry in extension.backend_resources), built_in)
        policies = _versions((entry for extension in listed for entry in extension.policy_resources), built_in)
        brought = {
            key: Kind(
                *key,
                tuple({**filters.get(key, {}), **backends.get(key, {}), **policies.get(key, {})}),
                PolicyBody if key in policies else ExtensionBody,
                Body.DOCUMENT,
            )
            for key in (*filters, *backends, *policies)
        }
        kinds = ExtensionKinds(frozenset(filters), frozenset(backends), frozenset(policies))
        return cls({**brought, **kinds.kinds_of_policies, **built_in}, kinds)

    def find(self, group: str, kind: str) -> Kind[ApiModel] | None:
        """Return what is known of a kind, None where it is not read."""
        return self.served.get((group, kind))

    def find_misnamed_policy(self, group: str, kind: str) -> Kind[ApiModel] | None:
        """Return the kind of policy that must have been meant by a name that nobody knows.

        What decides on access is not passed over for a slip of the pen: it is a kind of the same group with a name that
        is nearly the same, or one of the same name whose group is another.
        """
        rows = list(self.extension_kinds.kinds_of_policies.values())
        names: dict[str, Kind[ApiModel] | None] = {name.lower(): None for name in HARMLESS_POLICIES}
        names |= {known.kind.lower(): known for known in rows if known.group == group or known.kind == kind}
        near = difflib.get_close_matches(kind.lower(), names, n=1, cutoff=_NEAR_A_POLICY)
        return names[near[0]] if near else None

    def nearest(self, kind: str) -> Kind[ApiModel] | None:
        """Return the kind that someone may have meant, None where none is near."""
        by_name = {known.kind.lower(): known for known in self.served.values()}
        near = difflib.get_close_matches(kind.lower(), by_name, n=1, cutoff=_NEAR)
        return by_name[near[0]] if near else None


def _versions(
    listed: Iterable[GroupVersionKind], built_in: Mapping[GroupKind, Kind[ApiModel]]
) -> dict[GroupKind, dict[str, None]]:
    """Return kind → versions, in the order of the list, of the kinds that are not built in."""
    versions: dict[GroupKind, dict[str, None]] = {}
    for entry in listed:
        if (entry.group, entry.kind) not in built_in:
            versions.setdefault((entry.group, entry.kind), {})[entry.version] = None
    return versions
