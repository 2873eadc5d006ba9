"""The EnvoyProxies that GatewayClasses and Gateways name as their parameters. Pure.

Sources: Gateway API v1.6 (GatewayClassSpec.parametersRef, GatewayInfrastructure.parametersRef), Envoy Gateway v1.9.
"""

from __future__ import annotations

from egxds.model.api.envoy_proxy.proxy import ENVOY_PROXY, EnvoyProxySpec
from egxds.model.api.gateway import GatewayClassSpec, GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.api.validation import Path
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.references import kind_text
from egxds.object_key import ObjectKey

Proxy = ApiObject[EnvoyProxySpec]
_OF_CLASS: Path = ("spec", "parametersRef")
_OF_GATEWAY: Path = ("spec", "infrastructure", "parametersRef")


def class_target(item: ApiObject[GatewayClassSpec]) -> ObjectKey | None:
    """Return the key of what a class names, of whatever kind; None where it names nothing."""
    ref = item.content.parameters_ref
    return ObjectKey(ref.group, ref.kind, ref.namespace or "", ref.name) if ref is not None else None


def gateway_target(gateway: ApiObject[GatewaySpec]) -> ObjectKey | None:
    """Return the key of what a Gateway names, in its own namespace; None where it names nothing."""
    ref = gateway.content.infrastructure.parameters_ref
    return ObjectKey(ref.group, ref.kind, gateway.key.namespace, ref.name) if ref is not None else None


def class_parameters(item: ApiObject[GatewayClassSpec], index: ObjectIndex) -> Proxy | Fault | None:
    """Follow the reference of a class, or say why it leads nowhere; None where there is none."""
    target = class_target(item)
    if target is not None and target.group_kind == ENVOY_PROXY.id and not target.namespace:
        message = f"parametersRef names {target.kind} {target.name}, which lives in a namespace: name that, too"
        return Fault(Reason.INVALID_PARAMETERS, message, _OF_CLASS)
    return _follow(target, _OF_CLASS, index)


def gateway_parameters(gateway: ApiObject[GatewaySpec], index: ObjectIndex) -> Proxy | Fault | None:
    """Follow the reference of a Gateway, or say why it leads nowhere; None where there is none."""
    return _follow(gateway_target(gateway), _OF_GATEWAY, index)


def _follow(target: ObjectKey | None, path: Path, index: ObjectIndex) -> Proxy | Fault | None:
    if target is None:
        return None
    named = f"parametersRef names {kind_text(target.group, target.kind)} {target.name}"
    if target.group_kind != ENVOY_PROXY.id:
        message = f"{named}, but the only kind of parameters that is known here is {kind_text(*ENVOY_PROXY.id)}"
        return Fault(Reason.INVALID_PARAMETERS, message, path)
    found = index.state.of(ENVOY_PROXY).get(target)
    if found is None:
        message = f"{named}, which no accepted document defines in namespace {target.namespace}"
        return Fault(Reason.INVALID_PARAMETERS, message, path)
    return found
