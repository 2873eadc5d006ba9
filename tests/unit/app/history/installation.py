"""Files whose generations are kept, and a daemon's rooms up to the translations, that can be started again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio

from egxds.app.file_source import FileTrees
from egxds.app.history.history_file import FILE_NAME, HistoryFile, at_once
from egxds.app.history.local_generations import HISTORY_LIMITS, LAYOUT
from egxds.app.history.local_history import LocalHistory
from egxds.app.history.local_names import local_name
from egxds.app.last_good import LastGoodInput
from egxds.app.pipeline import Build, Pipeline
from egxds.app.source import Json, RollBack
from egxds.app.state_directory import StateDirectory
from egxds.files.reading.content import Scan, Scope
from egxds.published.content import text_of
from egxds.published.reading import Generations
from egxds.published.record import Record
from egxds.settings.daemon import Settings
from egxds.telemetry import Metrics

Texts = dict[str, str]


class Installation:
    """A directory with files, and what is kept of them.

    Attributes:
        root: where the settings file would be.
        routes: what is read.
        state: `stateDir`.
        history: what keeps generations.
        metrics: what is counted.
    """

    def __init__(self, root: Path, removal_delay: str = "0s", **history: object) -> None:
        """Make the directory, and start."""
        self.root, self.routes, self.state = root, root / "routes", root / "state"
        self.routes.mkdir()
        said: dict[str, Any] = {
            "sources": {"files": {"paths": ["routes"], "removalDelay": removal_delay}},
            "stateDir": "state",
        }
        self.settings = Settings.model_validate({**said, "history": history})
        self.start()

    def start(self) -> None:
        """Start, without having stopped: what was to be kept is on disk."""
        # Whoever is gone has let go of the lock of the directory.
        for name in ("history", "pipeline", "_last_good"):
            self.__dict__.pop(name, None)
        directory = StateDirectory(self.state)
        self.metrics = Metrics()
        trees = FileTrees(self.settings, self.root)
        self.history = LocalHistory(trees, directory, self.settings.history, self.metrics)
        self._last_good = LastGoodInput(directory, self.metrics)
        self.pipeline = Pipeline(self.settings, self.history.trees)
        kept = anyio.run(self._last_good.load)
        if kept is not None:
            self.pipeline.resume(kept.good, kept.owners)

    def look(self, scope: Scope = Scan.ALL) -> Build:
        """Read the files, and have what they come to in force."""
        build = self.pipeline.run(scope)
        self._last_good.take(build, is_settled=True)
        self.history.accepted(build.origin)
        self.build = build
        return build

    def keep(self) -> None:
        """Write what is to be kept."""
        anyio.run(self._last_good.flush)
        anyio.run(self.history.flush)

    def serve(self) -> Build:
        """Look, and keep."""
        build = self.look()
        self.keep()
        return build

    def roll_back(self, number: int = 0, back: int = 0, message: str = "") -> Json:
        """Go back; what is read again is in force."""
        wanted = RollBack(number, back, "kim@desk", message)
        return anyio.run(self.history.roll_back, wanted, lambda: bool(self.look()))

    def write(self, name: str, text: str) -> None:
        """Write a file below `routes`."""
        path = self.routes / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def in_force(self) -> Texts:
        """Return the files that are in force, as the model has them."""
        return {name: text_of(held).decode() for name, held in self.build.state.files.items()}

    def records(self) -> tuple[Record, ...]:
        """Return the generations that are kept, the newest first, as somebody else finds them."""
        generations = self._found()
        return tuple(each.record for each in at_once(generations.kept(at_once(generations.numbers()))))

    def texts(self, number: int) -> Texts:
        """Return what a generation that is kept holds."""
        generations = self._found()
        (kept,) = at_once(generations.kept((number,)))
        texts = at_once(generations.texts(kept.record, {}))
        return {local_name(path): text.decode() for path, text in texts.items()}

    def _found(self) -> Generations:
        return Generations(HistoryFile(self.state / FILE_NAME), LAYOUT, HISTORY_LIMITS)
