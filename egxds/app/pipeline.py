"""Files to translations, in one synchronous pass that costs what changed. Reads files; runs in a worker thread."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from egxds.app.exclusions import Exclusions, ExclusionTable
from egxds.files.reading.content import Scope, WriterCheck, nobody_writes
from egxds.files.reading.reader import TreeReader
from egxds.incremental.revision import Revision
from egxds.inspect.judged import JudgedObjects
from egxds.model.api.kinds import KindTable
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.resources.translation import GatewayTranslation
from egxds.settings.daemon import Settings
from egxds.translate.translator import Translator


@dataclass(frozen=True, slots=True)
class Build:
    """What one pass made of the files.

    Attributes:
        state: the objects in force.
        resolution: their references followed, and their status.
        translations: Gateway → what it came to; the same objects as before where nothing changed.
        exclusions: GatewayClass → (Gateway, name of its Envoy Listener) that the class as a whole goes without,
            because an older Gateway of the class has the same address and port.
    """

    state: GatewayState
    resolution: Resolution
    translations: Revision[str, GatewayTranslation]
    exclusions: Exclusions

    def judged(self) -> JudgedObjects:
        """Return what of it people look at."""
        return JudgedObjects(self.state, self.resolution.gateways, self.resolution.report)


class Pipeline:
    """files → model → translate, each remembering its work between passes."""

    def __init__(self, settings: Settings, base: Path, is_being_written: WriterCheck = nobody_writes) -> None:
        """Prepare to read.

        Args:
            settings: names the paths and the kinds of extensions.
            base: directory that relative paths start from.
            is_being_written: knows which files are not to be read yet.
        """
        kinds = KindTable.of(settings.extensions)
        paths = tuple(base / path for path in settings.sources.files.paths)
        self._reader = TreeReader(paths, base, is_being_written=is_being_written)
        self._store = ObjectStore(kinds, settings.sources.files.removal_delay)
        self._resolver = Resolver(ResolverOptions.of(settings))
        self._translator = Translator(settings.client_traffic)
        self._exclusions = ExclusionTable()
        self._translations: Revision[str, GatewayTranslation] = Revision()

    def removal_in_s(self) -> float:
        """Return the seconds until the next object is gone that has disappeared, if it stays away; infinity for none.

        A pass is due then, and need not read anything.
        """
        return self._store.next_removal_s - time.monotonic()

    def run(self, scope: Scope) -> Build:
        """Read what changed and translate what it touches.

        Args:
            scope: which files may have changed, and how closely the others are looked at.
        """
        if self._translations:
            return self._run(scope)
        with _collection_paused():
            build = self._run(scope)
            if build.translations:
                # The first thing that the collector would do is to walk all of it at once, 0.7 s for 10,000 routes, in
                # which nobody else gets to do anything.
                gc.freeze()
        return build

    def _run(self, scope: Scope) -> Build:
        tree = self._reader.read(scope)
        state = self._store.update(tree, time.monotonic())
        resolution = self._resolver.resolve(state)
        self._translations = self._translator.update(resolution)
        return Build(state, resolution, self._translations, self._exclusions.update(resolution))


@contextmanager
def _collection_paused() -> Iterator[None]:
    """Let the garbage collector rest during the first load, all of which lives on.

    It would walk everything again and again, which took a quarter of the load of 4,000 routes, and find nothing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
