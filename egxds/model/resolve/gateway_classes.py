"""Which GatewayClasses and Gateways are ours. Pure.

Source: Gateway API v1.6, GatewayClass. Where the files hold no GatewayClass at all, every Gateway is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from egxds.model.api.gateway import GATEWAY_CLASS, GatewayClassSpec, GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.dependents import Changed, Dependents
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.parameters import class_parameters, class_target
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ClassVerdict:
    """A GatewayClass of ours.

    Attributes:
        item: the class.
        faults: why it is not accepted; its Gateways are not served then, since nobody knows what it asks for.
    """

    item: ApiObject[GatewayClassSpec]
    faults: tuple[Fault, ...]


class Standing(Enum):
    """Whose a Gateway is.

    OURS: it is served here. FOREIGN: its class is another controller's. CLASSLESS: no document defines its class.
    """

    OURS = "ours"
    FOREIGN = "foreign"
    CLASSLESS = "classless"


def standing(gateway: ApiObject[GatewaySpec], state: GatewayState, controller_name: str) -> Standing:
    """Tell whose a Gateway is.

    Args:
        gateway: the Gateway.
        state: all objects.
        controller_name: what a GatewayClass names to be ours.
    """
    classes = state.of(GATEWAY_CLASS)
    if not classes:
        return Standing.OURS
    found = classes.get(GATEWAY_CLASS.key("", gateway.content.gateway_class_name))
    if found is None:
        return Standing.CLASSLESS
    return Standing.OURS if found.content.controller_name == controller_name else Standing.FOREIGN


class ClassBook:
    """Knows what is decided about every GatewayClass."""

    def __init__(self, index: ObjectIndex, controller_name: str) -> None:
        """Start without classes.

        Args:
            index: finds the objects.
            controller_name: what a class names to be ours.
        """
        self._index = index
        self._controller_name = controller_name
        self._dependents: Dependents[ObjectKey] = Dependents()

    def update(self, changed: Changed) -> Mapping[ObjectKey, ClassVerdict | None]:
        """Decide again about the classes that changed, or whose parameters did; None of one that is not ours."""
        dirty = changed.of([GATEWAY_CLASS.id]) | self._dependents.readers(changed.queries)
        classes = self._index.state.of(GATEWAY_CLASS)
        return {key: self._judge(key, classes.get(key)) for key in dirty}

    def _judge(self, key: ObjectKey, item: ApiObject[GatewayClassSpec] | None) -> ClassVerdict | None:
        if item is None or item.content.controller_name != self._controller_name:
            self._dependents.forget(key)
            return None
        target = class_target(item)
        self._dependents.note(key, (target,) if target is not None else ())
        found = class_parameters(item, self._index)
        return ClassVerdict(item, (found,) if isinstance(found, Fault) else ())
