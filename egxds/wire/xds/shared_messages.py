"""Wire room: discovery messages between bytes and what sessions know; what streams say alike is read and written once.

Both ways something is kept for a moment: responses as they were written, versions as they were reported. What no other
stream needed between two sweeps goes, so that nothing is kept once a change, or an outage, is over.
"""

from __future__ import annotations

import asyncio

from anyio import to_thread

from egxds.grpc.data_frames import FramedMessage
from egxds.sessions.events import Request, Response
from egxds.wire.xds.codec import decode_request
from egxds.wire.xds.reported_versions import ReportedVersions
from egxds.wire.xds.shared_responses import SharedResponses

_SWEEP_S = 0.25
"""How often is let go what no other stream needed; 1,000 streams are sent a response within less."""

_DECODE_ASIDE_BYTES = 2 * 1024 * 1024
"""Requests from this size on are read in a thread: an Envoy with 100,000 resources reconnects with 10 MB."""


class SharedMessages:
    """Reads and writes the messages of all streams."""

    def __init__(self, control_plane: str) -> None:
        """Start with nothing kept.

        Args:
            control_plane: who sends responses; see `codec.encode_content`.
        """
        self._responses = SharedResponses(control_plane)
        self._reported = ReportedVersions()
        self._next_sweep: asyncio.TimerHandle | None = None

    async def decode(self, message: bytes) -> Request:
        """Read a request.

        Raises:
            RemoteProtocolError: see `codec.decode_request`.
        """
        self._plan_sweep()
        if len(message) < _DECODE_ASIDE_BYTES:
            return decode_request(message, self._reported)
        return await to_thread.run_sync(decode_request, message, self._reported)

    def encode(self, response: Response) -> FramedMessage:
        """Write a response; the same object for streams that are sent just the same in a row."""
        self._plan_sweep()
        return self._responses.message(response)

    def _plan_sweep(self) -> None:
        if self._next_sweep is None:
            self._next_sweep = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        self._next_sweep = None
        # Both, whatever is left of the first.
        if self._responses.sweep() | self._reported.sweep():
            self._plan_sweep()
