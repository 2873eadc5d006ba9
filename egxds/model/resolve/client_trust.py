"""What a listener asks of its clients' certificates, and is not done here: the listener is closed by it. Pure.

Options mean what an implementation says that they mean, such as that clients are to show a certificate (Istio's
`gateway.istio.io/tls-terminate-mode: MUTUAL`). One that is not known here could be such a one, and to serve without it
would let everybody in.

Source: Gateway API v1.6, ListenerTLSConfig.options, and GatewayTLSConfig.frontend (GEP-91), which was `tls` of a
listener in earlier versions.
"""

from __future__ import annotations

from collections.abc import Iterator

from egxds.model.api.gateway import GatewaySpec, Listener
from egxds.model.api.validation import Path
from egxds.model.resolve.faults import Fault, Reason

_CONSEQUENCE = "it is not served here and may keep clients out, so everything answers 500; delete it"


def unserved_trust(gateway: GatewaySpec, listener: Listener, path: Path) -> Iterator[Fault]:
    """Say what of a listener that terminates TLS closes it.

    Args:
        gateway: all of it.
        listener: one of its listeners.
        path: where that stands.
    """
    if listener.tls is None or listener.protocol_name != "HTTPS":
        return
    for option in listener.tls.options:
        yield _fault(listener, f"tls.options: {option}", (*path, "tls", "options", option))
    if listener.tls.frontend_validation:
        yield _fault(listener, "tls.frontendValidation", (*path, "tls", "frontendValidation"))
    frontend = gateway.tls.frontend
    position = next((at for at, each in enumerate(frontend.per_port) if each.port == listener.port), None)
    if position is not None and frontend.per_port[position].tls:
        yield _fault(listener, "tls.frontend.perPort of the Gateway", ("spec", "tls", "frontend", "perPort", position))
    elif position is None and frontend.default:
        yield _fault(listener, "tls.frontend.default of the Gateway", ("spec", "tls", "frontend", "default"))


def _fault(listener: Listener, what: str, path: Path) -> Fault:
    return Fault(Reason.UNSUPPORTED_VALUE, f"listener {listener.name}: {what}: {_CONSEQUENCE}", path)
