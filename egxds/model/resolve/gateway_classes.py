"""Which GatewayClasses and Gateways are ours. Pure.

Source: Gateway API v1.6, GatewayClass. Where the files hold no GatewayClass at all, every Gateway is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS, GatewayClassSpec, GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.api.validation import Path
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.references import kind_text
from egxds.model.store.state import GatewayState


@dataclass(frozen=True, slots=True)
class ClassVerdict:
    """A GatewayClass of ours.

    Attributes:
        item: the class.
        faults: why it is not accepted; its Gateways are served all the same, without what it asks for.
    """

    item: ApiObject[GatewayClassSpec]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Ownership:
    """What of the input is ours.

    Attributes:
        classes: sorted by name.
        gateways: sorted by namespace and name.
        classless: Gateways that name a class which no document defines.
    """

    classes: tuple[ClassVerdict, ...]
    gateways: tuple[ApiObject[GatewaySpec], ...]
    classless: tuple[ApiObject[GatewaySpec], ...]


def find_ours(state: GatewayState, controller_name: str) -> Ownership:
    """Find the classes and Gateways that this controller serves.

    Args:
        state: all objects.
        controller_name: what a GatewayClass names to be ours.
    """
    classes = sorted(state.of(GATEWAY_CLASS).values(), key=attrgetter("key"))
    ours = [item for item in classes if item.content.controller_name == controller_name]
    known = {item.key.name for item in classes}
    served = {item.key.name for item in ours}
    gateways = sorted(state.of(GATEWAY).values(), key=attrgetter("key"))
    return Ownership(
        classes=tuple(ClassVerdict(item, _parameter_faults(item)) for item in ours),
        gateways=tuple(item for item in gateways if not known or item.content.gateway_class_name in served),
        classless=tuple(item for item in gateways if known and item.content.gateway_class_name not in known),
    )


def _parameter_faults(item: ApiObject[GatewayClassSpec]) -> tuple[Fault, ...]:
    ref = item.content.parameters_ref
    return (unknown_parameters(ref.group, ref.kind, ref.name, ("spec", "parametersRef")),) if ref is not None else ()


def unknown_parameters(group: str, kind: str, name: str, path: Path) -> Fault:
    """Say that a parametersRef leads nowhere: no kind of parameters is known here."""
    message = f"parametersRef names {kind_text(group, kind)} {name}, but no kind of parameters is known here; delete it"
    return Fault(Reason.INVALID_PARAMETERS, message, path)
