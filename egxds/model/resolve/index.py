"""The objects in force, found by what refers to them. Pure; of each state it takes over what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import ClassVar, Generic, NamedTuple, TypeVar

from egxds.certificates.authorities import read_authorities
from egxds.certificates.key_pair import KeyPair, read_key_pair
from egxds.incremental.identity import keep_same
from egxds.model.api.backends import ENDPOINT_SLICE, SERVICE, EndpointSliceBody
from egxds.model.api.config_map import CONFIG_MAP
from egxds.model.api.core import (
    REFERENCE_GRANT,
    SECRET,
    ExtensionBody,
    ReferenceGrantSpec,
    SecretBody,
)
from egxds.model.api.gateway import GATEWAY_CLASS
from egxds.model.api.listener_set import LISTENER_SET, ListenerSetSpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.dependents import AnyOf, Changed, GrantsIn, Query, SetsOf, SlicesOf
from egxds.model.resolve.parents import gateway_of
from egxds.model.store.state import GatewayState
from egxds.object_key import GroupKind, ObjectKey

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
"""Label by which an EndpointSlice belongs to a Service."""

_GroupT = TypeVar("_GroupT", bound=Hashable)
_MemberT = TypeVar("_MemberT")
_Take = Callable[["ObjectIndex", AbstractSet[ObjectKey], GatewayState], Iterable[Query]]


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
        self._sets: _Groups[ObjectKey, ApiObject[ListenerSetSpec]] = _Groups()
        self._certificates: dict[ObjectKey, _Certificate] = {}
        self._authorities: dict[ObjectKey, bytes | tuple[str, ...]] = {}

    def update(self, state: GatewayState, keys: Iterable[ObjectKey]) -> Changed:
        """Take over the objects in force now.

        Args:
            state: all of them.
            keys: those that are others than in the state before.

        Returns:
            What changed, as objects and as questions.
        """
        before, self.state = self.state, state
        objects: defaultdict[GroupKind, set[ObjectKey]] = defaultdict(set)
        for key in keys:
            objects[key.group_kind].add(key)
        queries = {query for kind, changed in objects.items() for query in self._take(kind, changed, before)}
        if bool(before.of(GATEWAY_CLASS)) != bool(state.of(GATEWAY_CLASS)):
            queries.add(AnyOf(GATEWAY_CLASS.id))
        return Changed(queries, dict(objects))

    def extension(self, key: ObjectKey) -> ApiObject[ExtensionBody] | None:
        """Return an object of a kind that belongs to an extension."""
        return self.state.extensions.get(key) or self.state.policies.get(key)

    def slices(self, service: ObjectKey) -> tuple[EndpointSliceBody, ...]:
        """Return the EndpointSlices of a Service, sorted by name."""
        return self._slices.get(service)

    def grants(self, namespace: str) -> tuple[ReferenceGrantSpec, ...]:
        """Return the ReferenceGrants of a namespace, sorted by name."""
        return self._grants.get(namespace)

    def listener_sets(self, gateway: ObjectKey) -> tuple[ApiObject[ListenerSetSpec], ...]:
        """Return the ListenerSets that name a Gateway as their parent, sorted by key."""
        return self._sets.get(gateway)

    def certificate_faults(self, secret: ApiObject[SecretBody]) -> tuple[str, ...]:
        """Say why a Secret of the state cannot serve TLS; empty where it can."""
        return self._certificate(secret).faults

    def dns_names(self, secret: ApiObject[SecretBody]) -> tuple[str, ...]:
        """Return the DNS names in the certificate of a Secret of the state; none where it cannot serve TLS."""
        return self._certificate(secret).dns_names

    def authorities(self, key: ObjectKey) -> bytes | tuple[str, ...] | None:
        """Return the certificates of authorities in a ConfigMap or a Secret, in PEM, or why they cannot be used.

        Args:
            key: of either; None comes back where there is no such object.
        """
        if key not in self._authorities:
            config_map, secret = self.state.of(CONFIG_MAP).get(key), self.state.of(SECRET).get(key)
            if config_map is not None:
                self._authorities[key] = read_authorities(config_map.content.values)
            elif secret is not None:
                self._authorities[key] = read_authorities(secret.content.data)
        return self._authorities.get(key)

    def _certificate(self, secret: ApiObject[SecretBody]) -> _Certificate:
        if secret.key not in self._certificates:
            found = read_key_pair(secret.content.data)
            names = found.dns_names() if isinstance(found, KeyPair) else ()
            self._certificates[secret.key] = _Certificate(() if isinstance(found, KeyPair) else found, names)
        return self._certificates[secret.key]

    def _take(self, kind: GroupKind, keys: AbstractSet[ObjectKey], before: GatewayState) -> Iterable[Query]:
        """Take over the objects of a kind that changed, and return the questions that they answer."""
        take = self._TAKES.get(kind)
        return take(self, keys, before) if take is not None else keys

    def _take_certificates(self, keys: AbstractSet[ObjectKey], _before: GatewayState) -> Iterable[Query]:
        for key in keys:
            self._certificates.pop(key, None)
            self._authorities.pop(key, None)
        return keys

    def _take_slices(self, slices: AbstractSet[ObjectKey], before: GatewayState) -> Iterator[Query]:
        was, is_ = before.of(ENDPOINT_SLICE), self.state.of(ENDPOINT_SLICE)
        for key in slices:
            now = is_.get(key)
            content = now.content if now is not None else None
            yield from map(SlicesOf, self._slices.move(key, _service_of(was.get(key)), _service_of(now), content))

    def _take_grants(self, grants: AbstractSet[ObjectKey], before: GatewayState) -> Iterator[Query]:
        was, is_ = before.of(REFERENCE_GRANT), self.state.of(REFERENCE_GRANT)
        for key in grants:
            content = is_[key].content if key in is_ else None
            there_before, there_now = (key.namespace if key in group else None for group in (was, is_))
            yield from map(GrantsIn, self._grants.move(key, there_before, there_now, content))

    def _take_sets(self, sets: AbstractSet[ObjectKey], before: GatewayState) -> Iterator[Query]:
        yield from sets
        was, is_ = before.of(LISTENER_SET), self.state.of(LISTENER_SET)
        for key in sets:
            there_before, there_now = (gateway_of(group[key]) if key in group else None for group in (was, is_))
            yield from map(SetsOf, self._sets.move(key, there_before, there_now, is_.get(key)))

    # Kinds of which the objects answer other questions than what they say, or are read more than once.
    _TAKES: ClassVar[Mapping[GroupKind, _Take]] = {
        ENDPOINT_SLICE.id: _take_slices,
        REFERENCE_GRANT.id: _take_grants,
        LISTENER_SET.id: _take_sets,
        SECRET.id: _take_certificates,
        CONFIG_MAP.id: _take_certificates,
    }


class _Certificate(NamedTuple):
    """What is known of the certificate in a Secret: why it cannot serve TLS, or for which names it is."""

    faults: tuple[str, ...]
    dns_names: tuple[str, ...]


class _Groups(Generic[_GroupT, _MemberT]):
    """Objects by what they belong to; those of one group sorted by key."""

    def __init__(self) -> None:
        self._members: defaultdict[_GroupT, dict[ObjectKey, _MemberT]] = defaultdict(dict)
        self._sorted: dict[_GroupT, tuple[_MemberT, ...]] = {}

    def get(self, group: _GroupT) -> tuple[_MemberT, ...]:
        return self._sorted.get(group, ())

    def move(
        self, key: ObjectKey, before: _GroupT | None, now: _GroupT | None, member: _MemberT | None
    ) -> Iterator[_GroupT]:
        """Take an object over into its group, and yield the groups that are others than before."""
        if before is not None:
            self._members[before].pop(key, None)
        if now is not None and member is not None:
            self._members[now][key] = member
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


def _service_of(found: ApiObject[EndpointSliceBody] | None) -> ObjectKey | None:
    """Return the Service that a slice belongs to; it need not exist."""
    if found is None:
        return None
    return SERVICE.key(found.key.namespace, found.meta.labels.get(SERVICE_NAME_LABEL, ""))
