"""Which GatewayClasses and Gateways are ours. Pure.

Source: Gateway API v1.6, GatewayClass. Where the files hold no GatewayClass at all, every Gateway is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from egxds.model.api.gateway import GATEWAY_CLASS, GatewayClassSpec, GatewaySpec
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


def judge_class(item: ApiObject[GatewayClassSpec], controller_name: str) -> ClassVerdict | None:
    """Decide about a GatewayClass; None where it is another controller's."""
    return ClassVerdict(item, _parameter_faults(item)) if item.content.controller_name == controller_name else None


def _parameter_faults(item: ApiObject[GatewayClassSpec]) -> tuple[Fault, ...]:
    ref = item.content.parameters_ref
    return (unknown_parameters(ref.group, ref.kind, ref.name, ("spec", "parametersRef")),) if ref is not None else ()


def unknown_parameters(group: str, kind: str, name: str, path: Path) -> Fault:
    """Say that a parametersRef leads nowhere: no kind of parameters is known here."""
    message = f"parametersRef names {kind_text(group, kind)} {name}, but no kind of parameters is known here; delete it"
    return Fault(Reason.INVALID_PARAMETERS, message, path)
