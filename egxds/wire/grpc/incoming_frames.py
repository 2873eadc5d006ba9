"""Wire room: frames that come in: DATA without a picture for a log that there is none, and header blocks of some size.

h2 hands its logger a picture of every frame, in hexadecimal, and makes it whether anybody looks or not. For a full DATA
frame that costs more than all else that h2 does for it: without, it takes in the request of an Envoy that comes back
with 10,000 versions in 0.5 ms instead of 1.2.

It also joins as many as 64 frames to one header block before it looks at it, a megabyte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2.exceptions import DenialOfServiceError
from h2.frame_buffer import FrameBuffer
from hyperframe.frame import DataFrame, Frame

if TYPE_CHECKING:
    from h2.connection import H2Connection


_HEADER_BLOCK_BYTES = 32 * 1024
"""A list that is allowed is shorter (`egxds.wire.grpc.header_limits`), as every field of it counts 32 bytes more."""


class _UnprintedData(DataFrame):
    def __repr__(self) -> str:
        return f"DataFrame(stream_id={self.stream_id})"


class _Frames(FrameBuffer):
    def __next__(self) -> Frame:
        frame = super().__next__()
        if type(frame) is DataFrame:
            frame.__class__ = _UnprintedData
        return frame

    def _update_header_buffer(self, f: Frame | None) -> Frame | None:
        frame = super()._update_header_buffer(f)
        block = sum(len(part.data) for part in self._headers_buffer)
        if block > _HEADER_BLOCK_BYTES:
            raise DenialOfServiceError(f"a header block of over {_HEADER_BLOCK_BYTES} bytes")
        return frame


def watch_frames(h2: H2Connection) -> None:
    """Have a connection make no picture of the DATA frames that it gets, and join no large header block.

    Args:
        h2: of a server; it has received nothing yet.
    """
    h2.incoming_buffer = _Frames(server=True)
    # h2 looks up by class what to do with a frame.
    table = h2._frame_dispatch_table  # noqa: SLF001 there is no other way to it
    table[_UnprintedData] = table[DataFrame]
