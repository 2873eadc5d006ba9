"""The objects in force at one moment. Pure.

Published and never changed: the state before stays what it was for whoever still works on it, in another thread too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from egxds.model.api.backends import BackendSpec, EndpointSliceBody, ServiceSpec
from egxds.model.api.core import ExtensionBody, NamespaceBody, ReferenceGrantSpec, SecretBody
from egxds.model.api.gateway import GatewayClassSpec, GatewaySpec
from egxds.model.api.http_route import HttpRouteSpec
from egxds.model.api.object import ApiModel, ApiObject, ObjectKey
from egxds.model.api.policies import PolicyBody
from egxds.model.api.validation import Path
from egxds.model.store.documents import RefusedObject
from egxds.model.store.line_map import LineMap, offset_of
from egxds.problems import Location, Problem

_T = TypeVar("_T", bound=ApiModel)
Objects = Mapping[ObjectKey, ApiObject[_T]]
"""Objects of one kind, sorted by namespace and name."""


@dataclass(frozen=True, slots=True)
class GatewayState:
    """The objects in force, by kind.

    A mapping is the same object as in the state before where none of its objects changed, and so is every
    object that did not change.

    Attributes:
        extensions: objects of kinds that belong to extensions, those of policies aside.
        policies: policies of extensions.
        refused: what is not used as it stands in the files; an object accepted before stays in force.
        problems: everything found while reading, what is said of the refused included; sorted by place.
        line_maps: where the parts of each object stand.
    """

    gateway_classes: Objects[GatewayClassSpec] = field(default_factory=dict)
    gateways: Objects[GatewaySpec] = field(default_factory=dict)
    http_routes: Objects[HttpRouteSpec] = field(default_factory=dict)
    services: Objects[ServiceSpec] = field(default_factory=dict)
    endpoint_slices: Objects[EndpointSliceBody] = field(default_factory=dict)
    backends: Objects[BackendSpec] = field(default_factory=dict)
    secrets: Objects[SecretBody] = field(default_factory=dict)
    reference_grants: Objects[ReferenceGrantSpec] = field(default_factory=dict)
    namespaces: Objects[NamespaceBody] = field(default_factory=dict)
    extensions: Objects[ExtensionBody] = field(default_factory=dict)
    policies: Objects[PolicyBody] = field(default_factory=dict)
    refused: tuple[RefusedObject, ...] = ()
    problems: tuple[Problem, ...] = ()
    line_maps: Mapping[ObjectKey, LineMap] = field(default_factory=dict, repr=False)

    def objects(self) -> Iterator[ApiObject[ApiModel]]:
        """Iterate over all objects in force, kind by kind."""
        return chain(
            self.gateway_classes.values(),
            self.gateways.values(),
            self.http_routes.values(),
            self.services.values(),
            self.endpoint_slices.values(),
            self.backends.values(),
            self.secrets.values(),
            self.reference_grants.values(),
            self.namespaces.values(),
            self.extensions.values(),
            self.policies.values(),
        )

    def count(self) -> int:
        """Count the objects in force."""
        return sum(1 for _ in self.objects())

    def locate(self, item: ApiObject[ApiModel], path: Path = ()) -> Location:
        """Return the place of a part of an object, or of the nearest part around it whose place is known."""
        offset = offset_of(self.line_maps.get(item.key, {}), path)
        return Location(item.location.file, item.location.line + offset)
