"""Wire room: responses as messages, encoded once for all the streams that are sent the same. Pure.

When something changes, a thousand streams are to be sent the same in a row; what differs is the nonce, which counts the
responses of a stream, and streams of one age have even that in common. So the last few responses are kept as they were
written.

What is kept has a place, by what it is about, and a newer response about the same takes that place: nothing is kept
that has been replaced. Whether it is the same is found by comparing all that it says; resources that are shared are the
same objects, so that this is a walk along them in C. What nobody asks for between two sweeps goes: a change is over
after a moment, and bytes that are kept for nobody would be a second copy of what there is.
"""

from __future__ import annotations

from egxds.grpc.data_frames import FramedMessage
from egxds.sessions.events import Response
from egxds.wire.xds.codec import encode_content, encode_nonce

_KEPT_BYTES = 8 * 1024 * 1024
_PLACE_BYTES = 4096
"""What a response costs beside its bytes, generously."""

_Place = tuple[str, str, int, int, int]


class _Written:
    """A response as it was written last."""

    def __init__(self, response: Response, control_plane: str) -> None:
        self._response = response
        self._nonce = response.nonce
        self._content = b"".join(encode_content(response, control_plane))
        self.message = FramedMessage(self._content, encode_nonce(response.nonce))
        self.is_used = True

    @property
    def size_bytes(self) -> int:
        return len(self._content) + _PLACE_BYTES

    def says_same(self, other: Response) -> bool:
        """Say whether another response differs in nothing but its nonce."""
        mine = self._response
        return (
            mine.type_url == other.type_url
            and mine.removed == other.removed
            and mine.heartbeats == other.heartbeats
            and mine.resources == other.resources
        )

    def with_nonce(self, nonce: str) -> FramedMessage:
        """Return it for the stream that is at this nonce; the same object where the last one was, too.

        Nonces differ, and what is large is not copied for that.
        """
        if nonce != self._nonce:
            self.message = FramedMessage(self._content, encode_nonce(nonce))
            self._nonce = nonce
        return self.message


class SharedResponses:
    """Encodes responses for many streams."""

    def __init__(self, control_plane: str) -> None:
        """Start with nothing kept.

        Args:
            control_plane: who sends; see `encode_content`.
        """
        self._control_plane = control_plane
        self._kept: dict[_Place, _Written] = {}
        self._kept_bytes = 0

    def message(self, response: Response) -> FramedMessage:
        """Return a response as it is written; the same object for streams that are sent just the same in a row."""
        place = _place(response)
        written = self._kept.get(place)
        if written is None or not written.says_same(response):
            written = _Written(response, self._control_plane)
            self._keep(place, written)
        written.is_used = True
        return written.with_nonce(response.nonce)

    def sweep(self) -> bool:
        """Drop what was not asked for since the last sweep.

        Returns:
            Whether anything is left.
        """
        for place, written in tuple(self._kept.items()):
            if not written.is_used:
                self._drop(place)
            written.is_used = False
        return bool(self._kept)

    def _keep(self, place: _Place, written: _Written) -> None:
        self._drop(place)
        if written.size_bytes > _KEPT_BYTES:
            return
        self._kept[place] = written
        self._kept_bytes += written.size_bytes
        while self._kept_bytes > _KEPT_BYTES:
            # The oldest: a dict keeps the order in which its keys came.
            self._drop(next(iter(self._kept)))

    def _drop(self, place: _Place) -> None:
        dropped = self._kept.pop(place, None)
        if dropped is not None:
            self._kept_bytes -= dropped.size_bytes


def _place(response: Response) -> _Place:
    first = next((resource.name for resource in response.resources), "")
    return response.type_url, first, len(response.resources), len(response.removed), len(response.heartbeats)
