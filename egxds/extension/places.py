"""Says of an exception, or of a thread, what an author of hooks wants to know: what it was and where in his own files.

An innermost frame is often in a library, and says nothing; the author's own line that led there does. So frames are
looked at from the inside, and the first that is in a file of the extension counts.

Whatever an exception does when it is looked at (its `__str__` may raise) is caught here.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CoroutineType, FrameType
from typing import Any

from egxds.cut_text import cut

MAX_CHARACTERS = 2_000
_MAX_CAUSES = 4
_MAX_MEMBERS = 5
_MAX_DEPTH = 4

_EGXDS = str(Path(__file__).parent.parent)
_ASYNCIO = str(Path(traceback.__file__).parent / "asyncio")
_LIBRARIES = ("/site-packages/", "/dist-packages/", str(Path(traceback.__file__).parent))

Place = tuple[str, int, str]
"""(file, line, function)."""


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """Which files are the extension's.

    Attributes:
        directories: in which they are.
    """

    directories: tuple[str, ...] = ()

    def describe(self, err: BaseException) -> str:
        """Say what was raised and where, with its causes and the members of a group."""
        return cut(self._described(err, _MAX_DEPTH), MAX_CHARACTERS)

    def blocked_at(self, thread: int) -> str:
        """Say where a thread is; nothing where it is not in anybody's code but ours.

        Args:
            thread: its `ident`.
        """
        frame = sys._current_frames().get(thread)  # noqa: SLF001 there is no other way to see another thread
        places = list(_frame_places(frame)) if frame is not None else []  # one that has ended is nowhere
        return _text(self._own(places)) if places else ""

    def waits_at(self, coroutine: object) -> str:
        """Say where a coroutine awaits; nothing where that is not to be seen."""
        places = [_place(frame, frame.f_lineno) for frame in _awaiting(coroutine)]
        places = [place for place in places if not _is_ours(place)]
        return _text(self._own(places[::-1])) if places else ""

    def _described(self, err: BaseException, depth: int) -> str:
        said = words(err)
        text = f"{type(err).__name__}{f': {said}' if said else ''}{self._place_of(err)}"
        if depth:
            text += "".join(f", in a group with {member}" for member in self._members(err, depth))
            text += "".join(f", {how} {cause}" for how, cause in self._causes(err, depth))
        return text

    def _members(self, err: BaseException, depth: int) -> Iterator[str]:
        if isinstance(err, BaseExceptionGroup):
            for member in err.exceptions[:_MAX_MEMBERS]:
                yield self._described(member, depth - 1)

    def _causes(self, err: BaseException, depth: int) -> Iterator[tuple[str, str]]:
        if err.__cause__ is not None:
            yield "caused by", self._described(err.__cause__, depth - 1)
        elif err.__context__ is not None and not err.__suppress_context__:
            yield "raised while handling", self._described(err.__context__, depth - 1)

    def _place_of(self, err: BaseException) -> str:
        found = traceback.walk_tb(err.__traceback__)
        places = [place for frame, line in found if not _is_ours(place := _place(frame, line))]
        if isinstance(err, SyntaxError) and err.filename:
            # A file that does not parse has no frame.
            return f" ({err.filename}:{err.lineno})"
        return f" ({_text(self._own(places[::-1]))})" if places else ""

    def _own(self, places: list[Place]) -> Place:
        """Choose the place that says most, of some from the inside out."""
        own = (place for place in places if self._is_own(place))
        foreign = (place for place in places if not any(part in place[0] for part in _LIBRARIES))
        return next(own, next(foreign, places[0]))

    def _is_own(self, place: Place) -> bool:
        return place[0].startswith(self.directories) if self.directories else False


def words(err: BaseException) -> str:
    """Return what an exception says of itself, or that it does not."""
    try:
        return str(err)
    except BaseException as fault:  # noqa: BLE001 it is code of the user's
        return f"<its __str__ raised {type(fault).__name__}>"


def _awaiting(coroutine: object) -> Iterator[FrameType]:
    """Return the frames of a coroutine that waits, from the outside in."""
    for _ in range(100):
        if not isinstance(coroutine, CoroutineType):
            return
        inner: Any = coroutine
        if inner.cr_frame is not None:
            yield inner.cr_frame
        coroutine = inner.cr_await


def _frame_places(frame: FrameType) -> Iterator[Place]:
    found = (_place(each, line) for each, line in traceback.walk_stack(frame))
    return islice((place for place in found if not _is_ours(place)), 200)


def _place(frame: FrameType, line: int) -> Place:
    return frame.f_code.co_filename, line, frame.f_code.co_name


def _is_ours(place: Place) -> bool:
    return place[0].startswith((_EGXDS, _ASYNCIO)) or place[0].endswith("/threading.py")


def _text(place: Place) -> str:
    file, line, function = place
    return f"{file}:{line} in {function}"
