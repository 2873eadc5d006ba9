"""What a listener asks of its clients' certificates. Pure.

    tls.frontend of the Gateway, that of the port before the default    is done: clients are checked
    tls.options, and tls.frontendValidation of earlier versions         are not: the listener is closed by them

Options mean what an implementation says that they mean, such as that clients are to show a certificate (Istio's
`gateway.istio.io/tls-terminate-mode: MUTUAL`). One that is not known here could be such a one, and to serve without it
would let everybody in. Where nobody is named whom clients could be trusted by, the listener is not served.

What the Gateway asks is asked at the listeners of its ListenerSets, too; what it names is looked for from the Gateway.

Source: Gateway API v1.6, ListenerTLSConfig.options, and GatewayTLSConfig.frontend (GEP-91), which was `tls` of a
listener in earlier versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds import names
from egxds.model.api.gateway import FrontendTlsValidation, GatewaySpec, Listener
from egxds.model.api.object import ApiObject
from egxds.model.api.validation import Path
from egxds.model.resolve.authorities import Reference, find_authorities
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.listener_protocols import ListenerProtocol
from egxds.model.resolve.owned_listeners import OwnedListener
from egxds.model.resolve.upstreams import ClientCheck, ClientTrust
from egxds.object_key import ObjectKey

_FRONTEND: Path = ("spec", "tls", "frontend")


@dataclass(frozen=True, slots=True)
class TrustVerdict:
    """What was decided about the clients of a listener.

    Attributes:
        trust: what their certificates are checked with; None where nothing is asked of them, or nobody is trusted.
        refusal: why nobody is; None where nothing is asked, or somebody is.
        reference_faults: references that lead nowhere.
    """

    trust: ClientTrust | None = None
    refusal: Fault | None = None
    reference_faults: tuple[Fault, ...] = ()


NOTHING_ASKED = TrustVerdict()


def unserved_trust(listener: Listener, protocol: ListenerProtocol | None, path: Path) -> Iterator[Fault]:
    """Say what of a listener that speaks TLS closes it.

    Args:
        listener: one of the listeners of a Gateway.
        protocol: of the listener.
        path: where the listener stands.
    """
    if listener.tls is None or protocol is None:
        return
    found = [(f"tls.options: {option}", (*path, "tls", "options", option)) for option in listener.tls.options]
    if listener.tls.frontend_validation:
        found.append(("tls.frontendValidation", (*path, "tls", "frontendValidation")))
    for what, where in found:
        consequence = f"it is not served here and may keep clients out, so everything {protocol.denied}; delete it"
        yield Fault(Reason.UNSUPPORTED_VALUE, f"listener {listener.name}: {what}: {consequence}", where)


def client_trust(
    gateway: ApiObject[GatewaySpec], owned: OwnedListener, protocol: ListenerProtocol | None, index: ObjectIndex
) -> TrustVerdict:
    """Decide what the clients of a listener are asked for.

    Args:
        gateway: which says it.
        owned: one of its listeners, or of its ListenerSets.
        protocol: of the listener. Clients are asked where their TLS ends.
        index: finds the objects that are named.
    """
    if protocol is None or not protocol.ends_tls:
        return NOTHING_ASKED
    port, validation, path = _asked(gateway.content, owned.listener)
    if validation is None:
        return NOTHING_ASKED
    name = names.client_authorities_name(gateway.key.namespace, gateway.key.name, port)
    refs = _references(gateway.key, validation, path)
    found = find_authorities(gateway.key, name, refs, Reason.INVALID_CA_CERTIFICATE_KIND, index)
    faults = tuple(_at(gateway.key, owned, fault) for fault in found.faults)
    if found.authorities is None:
        refusal = found.refusal
        return TrustVerdict(None, _at(gateway.key, owned, refusal) if refusal is not None else None, faults)
    return TrustVerdict(ClientTrust(found.authorities, ClientCheck(validation.mode)), None, faults)


def trust_references(gateway: ApiObject[GatewaySpec]) -> Iterator[ObjectKey]:
    """Yield everything that a Gateway names for the certificates of its clients."""
    frontend = gateway.content.tls.frontend
    for each in (frontend.default, *(per_port.tls for per_port in frontend.per_port)):
        if each.validation is not None:
            yield from (target for target, _ in _references(gateway.key, each.validation, ()))


def lets_anybody_in(gateway: GatewaySpec) -> bool:
    """Tell whether clients are let in somewhere without a certificate that stands the check."""
    frontend = gateway.tls.frontend
    asked = (each.validation for each in (frontend.default, *(per_port.tls for per_port in frontend.per_port)))
    return any(each is not None and each.mode == ClientCheck.LET_IN.value for each in asked)


def _asked(gateway: GatewaySpec, listener: Listener) -> tuple[int | None, FrontendTlsValidation | None, Path]:
    """Return what clients are asked for on the port of a listener, for which port, and where that stands."""
    frontend = gateway.tls.frontend
    for position, each in enumerate(frontend.per_port):
        if each.port == listener.port:
            return each.port, each.tls.validation, (*_FRONTEND, "perPort", position, "tls", "validation")
    return None, frontend.default.validation, (*_FRONTEND, "default", "validation")


def _references(gateway: ObjectKey, validation: FrontendTlsValidation, path: Path) -> Iterator[Reference]:
    for position, ref in enumerate(validation.ca_certificate_refs):
        target = ObjectKey(ref.group, ref.kind, ref.namespace or gateway.namespace, ref.name)
        yield target, (*path, "caCertificateRefs", position)


def _at(gateway: ObjectKey, owned: OwnedListener, fault: Fault) -> Fault:
    """Say of a listener what is wrong with what its Gateway asks; a ListenerSet has no line of its own for that."""
    message = f"listener {owned.listener.name}: {fault.message}"
    if owned.owner.key == gateway:
        return Fault(fault.reason, message, fault.path)
    return Fault(fault.reason, f"{message} (tls.frontend of {gateway})", owned.path)
