"""What goes on beside a test, on a thread of its own, until it is left."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Beside(ABC):
    """Something that is done for as long as a `with` block runs."""

    def __init__(self) -> None:
        self._is_left = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_left.set()
        self._thread.join()

    @abstractmethod
    def _run(self) -> None:
        """Do it, and return soon after `_is_left` is set."""
