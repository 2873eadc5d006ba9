"""The objects in force, found by what refers to them. Pure; of each state it takes over what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar, cast

from egxds.incremental.identity import keep_same
from egxds.model.api.backends import BACKEND, ENDPOINT_SLICE, SERVICE, EndpointSliceBody
from egxds.model.api.certificates import key_pair_faults
from egxds.model.api.core import (
    REFERENCE_GRANT,
    TLS_SECRET_TYPE,
    ExtensionBody,
    ReferenceGrantSpec,
    SecretBody,
)
from egxds.model.api.gateway import GATEWAY_CLASS
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.resolve.dependents import AnyOf, GrantsIn, Query, SlicesOf
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
"""Label by which an EndpointSlice belongs to a Service."""

_CONTENT_ONLY = frozenset({SERVICE.id, BACKEND.id})
"""Kinds of which nobody reads the metadata."""

_GroupT = TypeVar("_GroupT", bound=Hashable)
_ContentT = TypeVar("_ContentT", bound=ApiModel)
_Found = ApiObject[ApiModel] | None


class ObjectIndex:
    """Finds objects by reference.

    What it returns is the same object as before where nothing of it changed, so that callers can compare by identity.

    Attributes:
        state: the objects in force.
    """

    def __init__(self) -> None:
        """Start with nothing in force."""
        self.state = GatewayState()
        self._slices: _Groups[ObjectKey, EndpointSliceBody] = _Groups()
        self._grants: _Groups[str, ReferenceGrantSpec] = _Groups()
        self._certificates: dict[ObjectKey, tuple[str, ...]] = {}

    def update(self, state: GatewayState, keys: Iterable[ObjectKey]) -> frozenset[Query]:
        """Take over the objects in force now.

        Args:
            state: all of them.
            keys: those that may be others than in the state before.

        Returns:
            All questions that have another answer than before.
        """
        before, self.state = self.state, state
        changed = {query for key in keys for query in self._take(key, before.find(key), state.find(key))}
        if bool(before.of(GATEWAY_CLASS)) != bool(state.of(GATEWAY_CLASS)):
            changed.add(AnyOf(GATEWAY_CLASS.id))
        return frozenset(changed)

    def extension(self, key: ObjectKey) -> ApiObject[ExtensionBody] | None:
        """Return an object of a kind that belongs to an extension."""
        return self.state.extensions.get(key) or self.state.policies.get(key)

    def slices(self, service: ObjectKey) -> tuple[EndpointSliceBody, ...]:
        """Return the EndpointSlices of a Service, sorted by name."""
        return self._slices.get(service)

    def grants(self, namespace: str) -> tuple[ReferenceGrantSpec, ...]:
        """Return the ReferenceGrants of a namespace, sorted by name."""
        return self._grants.get(namespace)

    def certificate_faults(self, secret: ApiObject[SecretBody]) -> tuple[str, ...]:
        """Say why a Secret of the state cannot serve TLS; empty where it can."""
        if secret.content.type == TLS_SECRET_TYPE:
            return ()  # it would not have been accepted
        if secret.key not in self._certificates:
            self._certificates[secret.key] = tuple(key_pair_faults(secret.content.data))
        return self._certificates[secret.key]

    def _take(self, key: ObjectKey, before: _Found, now: _Found) -> Iterator[Query]:
        """Take over one object, and yield the questions that it answers."""
        if key.group_kind == ENDPOINT_SLICE.id:
            services = _service_of(before), _service_of(now)
            content = cast("EndpointSliceBody", now.content) if now is not None else None
            yield from map(SlicesOf, self._slices.move(key, *services, content))
        elif key.group_kind == REFERENCE_GRANT.id:
            namespaces = _namespace_of(before), _namespace_of(now)
            grant = cast("ReferenceGrantSpec", now.content) if now is not None else None
            yield from map(GrantsIn, self._grants.move(key, *namespaces, grant))
        elif not _says_the_same(key, before, now):
            self._certificates.pop(key, None)
            yield key


class _Groups(Generic[_GroupT, _ContentT]):
    """Objects by what they belong to; those of one group sorted by key."""

    def __init__(self) -> None:
        self._members: defaultdict[_GroupT, dict[ObjectKey, _ContentT]] = defaultdict(dict)
        self._sorted: dict[_GroupT, tuple[_ContentT, ...]] = {}

    def get(self, group: _GroupT) -> tuple[_ContentT, ...]:
        return self._sorted.get(group, ())

    def move(
        self, key: ObjectKey, before: _GroupT | None, now: _GroupT | None, content: _ContentT | None
    ) -> Iterator[_GroupT]:
        """Take an object over into its group, and yield the groups that are others than before."""
        if before is not None:
            self._members[before].pop(key, None)
        if now is not None and content is not None:
            self._members[now][key] = content
        for group in {before, now}:
            if group is not None and self._is_new(group):
                yield group

    def _is_new(self, group: _GroupT) -> bool:
        before, members = self.get(group), self._members[group]
        now = keep_same(before, tuple(members[key] for key in sorted(members)))
        if now:
            self._sorted[group] = now
        else:
            del self._members[group]
            self._sorted.pop(group, None)
        return now is not before


def _says_the_same(key: ObjectKey, before: _Found, now: _Found) -> bool:
    if before is None or now is None:
        return before is now
    return before is now or (key.group_kind in _CONTENT_ONLY and before.content is now.content)


def _service_of(found: _Found) -> ObjectKey | None:
    """Return the Service that a slice belongs to; it need not exist."""
    if found is None:
        return None
    return SERVICE.key(found.key.namespace, found.meta.labels.get(SERVICE_NAME_LABEL, ""))


def _namespace_of(found: _Found) -> str | None:
    return found.key.namespace if found is not None else None
