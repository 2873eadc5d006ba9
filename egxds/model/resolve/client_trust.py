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
from egxds.model.resolve.listener_protocols import ListenerProtocol


def unserved_trust(
    gateway: GatewaySpec, listener: Listener, protocol: ListenerProtocol | None, path: Path
) -> Iterator[Fault]:
    """Say what of a listener that speaks TLS closes it.

    Args:
        gateway: all of it.
        listener: one of its listeners.
        protocol: of the listener. What is asked of the Gateway's clients is for where their TLS ends.
        path: where the listener stands.
    """
    if listener.tls is None or protocol is None:
        return
    found = [(f"tls.options: {option}", (*path, "tls", "options", option)) for option in listener.tls.options]
    if listener.tls.frontend_validation:
        found.append(("tls.frontendValidation", (*path, "tls", "frontendValidation")))
    asked = (*found, *(_asked_of_all(gateway, listener) if protocol.ends_tls else ()))
    for what, where in asked:
        consequence = f"it is not served here and may keep clients out, so everything {protocol.denied}; delete it"
        yield Fault(Reason.UNSUPPORTED_VALUE, f"listener {listener.name}: {what}: {consequence}", where)


def _asked_of_all(gateway: GatewaySpec, listener: Listener) -> Iterator[tuple[str, Path]]:
    """Yield what a Gateway asks of all clients on the port of a listener, with where it stands."""
    frontend = gateway.tls.frontend
    position = next((at for at, each in enumerate(frontend.per_port) if each.port == listener.port), None)
    if position is not None and frontend.per_port[position].tls:
        yield "tls.frontend.perPort of the Gateway", ("spec", "tls", "frontend", "perPort", position)
    elif position is None and frontend.default:
        yield "tls.frontend.default of the Gateway", ("spec", "tls", "frontend", "default")
