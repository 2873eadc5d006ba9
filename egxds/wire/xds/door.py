"""Wire room: the rules of admission at the streams: a call that they do not allow ends, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from egxds.sessions.events import Node
from egxds.wire.xds.admission import Admission, names_of
from egxds.wire.xds.refused_clients import Reason, RefusedClients
from egxds.wire.xds.strangers import peer_of

if TYPE_CHECKING:
    from grpclib.server import Stream


class NotAllowedError(GRPCError):
    """The rules refuse a client; that it was is counted and said already."""


class Door:
    """Looks at each stream once."""

    def __init__(self, admission: Admission, refused: RefusedClients) -> None:
        """Take the rules.

        Args:
            admission: whom they allow.
            refused: is told whom they do not.
        """
        self._admission = admission
        self._refused = refused

    def check(self, call: Stream[bytes, bytes]) -> None:
        """Look at a client that has not said anything yet.

        Raises:
            NotAllowedError: it will not be served, whatever it says.
        """
        names = _names(call)
        self._end(call, names, self._admission.refuses(names))

    def check_node(self, call: Stream[bytes, bytes], node: Node) -> None:
        """Look at a client that says who it is, and what it wants.

        Raises:
            NotAllowedError: it may not be that, or have that.
        """
        names = _names(call)
        self._end(call, names, self._admission.refuses_node(names, node), node)

    def check_status(self, call: Stream[bytes, bytes]) -> None:
        """Look at a client that asks what others have taken.

        Raises:
            NotAllowedError: it may not see that.
        """
        names = _names(call)
        self._end(call, names, self._admission.refuses_status(names))

    def _end(
        self, call: Stream[bytes, bytes], names: tuple[str, ...], reason: Reason | None, node: Node | None = None
    ) -> None:
        if reason is not None:
            peer = peer_of(call).rpartition(":")[0]
            raise NotAllowedError(Status.PERMISSION_DENIED, self._refused.refused(reason, peer, names, node))


def _names(call: Stream[bytes, bytes]) -> tuple[str, ...]:
    return names_of(call.peer.cert())
