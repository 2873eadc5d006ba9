"""Wire room: clients that are not let in, or not to what they ask for: counted by reason, and said once in a while.

One that is refused comes back at once and for ever, so a line says how often it came since the line before. What it
says of itself is a stranger's: it is cut.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Sequence

from egxds.cut_text import cut
from egxds.sessions.events import Node
from egxds.telemetry import Metrics, log
from egxds.telemetry.metrics import begin
from egxds.wire.repeated_lines import RepeatedLines

_AGAIN_S = 600.0
_SHOWN_CHARACTERS = 128
_SHOWN_NAMES = 3
_NOBODY = Node("", "", "")


class Reason(enum.Enum):
    """Why a client is refused; the values are the `reason` label of a metric."""

    NO_CERTIFICATE = "no_certificate"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    UNTRUSTED = "untrusted"
    HANDSHAKE = "handshake"
    SAN = "san"
    NODE = "node"
    GATEWAY = "gateway"
    CLIENT_STATUS = "client_status"
    USER = "user"


_TEXTS = {
    Reason.NO_CERTIFICATE: "it shows no certificate, which xds.tls.clientCAFile asks for",
    Reason.EXPIRED: "its certificate has expired",
    Reason.NOT_YET_VALID: "its certificate is not valid yet",
    Reason.UNTRUSTED: "its certificate is of no authority in xds.tls.clientCAFile",
    Reason.HANDSHAKE: "its TLS handshake failed",
    Reason.SAN: "no rule of xds.allow is for a certificate with the names {names}",
    Reason.NODE: "xds.allow has no rule by which a certificate with the names {names} may be node {node}",
    Reason.GATEWAY: "xds.allow has no rule by which a certificate with the names {names} may be served {cluster} "
    "as node {node}",
    Reason.CLIENT_STATUS: "xds.allow has no rule with clientStatus for a certificate with the names {names}",
    Reason.USER: "its user is none of allowUsers",
}


class RefusedClients:
    """Knows who was refused."""

    def __init__(self, metrics: Metrics) -> None:
        """Know of nobody.

        Args:
            metrics: where they are counted.
        """
        begin(metrics.xds_refused_total, ((reason.value,) for reason in Reason))
        self._metrics = metrics
        self._lines = RepeatedLines(_AGAIN_S)

    def refused(
        self, reason: Reason, peer: str, names: Sequence[str] = (), node: Node | None = None, detail: str = ""
    ) -> str:
        """Count a refusal, and say so where it is the first of the client for a while.

        Args:
            reason: why.
            peer: address of the client, without its port.
            names: in its certificate.
            node: what it says to be; None where it has not said anything.
            detail: what else is known, in words of ours or of OpenSSL.

        Returns:
            What the client may be told.
        """
        self._metrics.xds_refused_total.labels(reason=reason.value).inc()
        said_to_be = node or _NOBODY
        shown = _shown(names)
        id_, cluster = (cut(text, _SHOWN_CHARACTERS) for text in (said_to_be.id, said_to_be.cluster))
        text = _TEXTS[reason].format(names=shown or "(none)", node=repr(id_), cluster=repr(cluster))
        unwritten = self._lines.unwritten((reason.value, peer, shown, id_, cluster), time.monotonic())
        if unwritten is not None:
            said = {"peer": peer, "san": shown, "node": id_, "cluster": cluster, "detail": detail}
            fields = {key: value for key, value in said.items() if value}
            log.warning("wire.client_refused", reason=reason.value, error=text, repeated=unwritten, **fields)
        return text


def _shown(names: Sequence[str]) -> str:
    listed = [cut(name, _SHOWN_CHARACTERS) for name in names[:_SHOWN_NAMES]]
    more = [f"and {len(names) - _SHOWN_NAMES} more"] if len(names) > _SHOWN_NAMES else []
    return ", ".join([*listed, *more])
