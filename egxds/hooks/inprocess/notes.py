"""What is said of an object that is taken all the same. Writes to the log."""

from __future__ import annotations

from egxds.telemetry import log


class Notes:
    """Says each once, for as long as it is so: code is loaded again and again."""

    def __init__(self, manager: str, where: str) -> None:
        """Start with nothing said.

        Args:
            manager: name of the extension manager.
            where: the setting that names the object.
        """
        self._manager = manager
        self._where = where
        self._said: tuple[str, ...] = ()

    def say(self, notes: tuple[str, ...]) -> None:
        """Say what is new.

        Args:
            notes: all that there is to say now, a sentence for each.
        """
        for note in notes:
            if note not in self._said:
                log.warning("hook.not_asked", manager=self._manager, note=f"{self._where}: {note}")
        self._said = notes
