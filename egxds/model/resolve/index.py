"""The objects in force, found by what refers to them. Pure; keeps between resolutions what did not change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import TypeVar

from egxds.incremental.identity import are_same, keep_same
from egxds.model.api.backends import BACKEND, ENDPOINT_SLICE, SERVICE, EndpointSliceBody
from egxds.model.api.certificates import key_pair_faults
from egxds.model.api.core import (
    NAMESPACE,
    REFERENCE_GRANT,
    SECRET,
    TLS_SECRET_TYPE,
    ExtensionBody,
    ReferenceGrantSpec,
    SecretBody,
)
from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.state import GatewayState, Objects
from egxds.object_key import ObjectKey

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
"""Label by which an EndpointSlice belongs to a Service."""

Place = tuple[str, str]
"""(namespace, name); for grants the name is empty."""

_T = TypeVar("_T", bound=ApiModel)
_Groups = Mapping[Place, tuple[_T, ...]]


class ObjectIndex:
    """Finds objects by reference.

    What it returns is the same object as before where nothing of it changed, so that callers can remember
    their work by identity.

    Attributes:
        state: the objects in force.
        reference_epoch: goes up when anything changes that the references of a route could depend on.
        parent_epoch: goes up when anything changes that the attachment of a route could depend on.
    """

    def __init__(self) -> None:
        self.state = GatewayState()
        self.reference_epoch = 0
        self.parent_epoch = 0
        self._slices: _Groups[EndpointSliceBody] = {}
        self._grants: _Groups[ReferenceGrantSpec] = {}
        self._certificates: dict[ObjectKey, tuple[ApiObject[SecretBody], tuple[str, ...]]] = {}

    def update(self, state: GatewayState) -> None:
        """Take over the objects in force now."""
        before, self.state = self.state, state
        if before.of(ENDPOINT_SLICE) is not state.of(ENDPOINT_SLICE):
            self._slices = _group(state.of(ENDPOINT_SLICE).values(), _service_of, self._slices)
        if before.of(REFERENCE_GRANT) is not state.of(REFERENCE_GRANT):
            self._grants = _group(state.of(REFERENCE_GRANT).values(), _namespace_of, self._grants)
        self.reference_epoch += not are_same(_backing(before), _backing(state))
        self.parent_epoch += not are_same(_parents(before), _parents(state))
        self._certificates = {
            key: verdict for key, verdict in self._certificates.items() if state.of(SECRET).get(key) is verdict[0]
        }

    def extension(self, key: ObjectKey) -> ApiObject[ExtensionBody] | None:
        """Return an object of a kind that belongs to an extension."""
        return self.state.extensions.get(key) or self.state.policies.get(key)

    def slices(self, service: ObjectKey) -> tuple[EndpointSliceBody, ...]:
        """Return the EndpointSlices of a Service, sorted by name."""
        return self._slices.get((service.namespace, service.name), ())

    def grants(self, namespace: str) -> tuple[ReferenceGrantSpec, ...]:
        """Return the ReferenceGrants of a namespace, sorted by name."""
        return self._grants.get((namespace, ""), ())

    def certificate_faults(self, secret: ApiObject[SecretBody]) -> tuple[str, ...]:
        """Say why a Secret cannot serve TLS; empty where it can."""
        if secret.content.type == TLS_SECRET_TYPE:
            return ()  # it would not have been accepted
        known = self._certificates.get(secret.key)
        if known is None:
            known = self._certificates[secret.key] = (secret, tuple(key_pair_faults(secret.content.data)))
        return known[1]


def _backing(state: GatewayState) -> tuple[Objects[ApiModel], ...]:
    backends = (state.of(SERVICE), state.of(ENDPOINT_SLICE), state.of(BACKEND), state.of(REFERENCE_GRANT))
    return (*backends, state.extensions, state.policies)


def _parents(state: GatewayState) -> tuple[Objects[ApiModel], ...]:
    return state.of(GATEWAY_CLASS), state.of(GATEWAY), state.of(NAMESPACE)


def _service_of(slice_: ApiObject[EndpointSliceBody]) -> Place:
    return slice_.key.namespace, slice_.meta.labels.get(SERVICE_NAME_LABEL, "")


def _namespace_of(grant: ApiObject[ReferenceGrantSpec]) -> Place:
    return grant.key.namespace, ""


def _group(
    items: Iterable[ApiObject[_T]], place_of: Callable[[ApiObject[_T]], Place], before: _Groups[_T]
) -> _Groups[_T]:
    found: dict[Place, list[_T]] = defaultdict(list)
    for item in sorted(items, key=attrgetter("key")):
        found[place_of(item)].append(item.content)
    return {place: keep_same(before.get(place, ()), tuple(group)) for place, group in found.items()}
