"""Files to translations, in one synchronous pass that costs what changed. Reads files; runs in a worker thread."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from egxds.app.exclusions import Exclusions, ExclusionTable
from egxds.app.left_out import LeftOut
from egxds.app.memory.bounded import LoadTooLargeError, MemoryBound
from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.reading.content import Scan, Scope, WriterCheck, nobody_writes
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

_TRIES = 8
"""How many files a pass tries to go without, before it is refused as a whole."""


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
        self._memory = MemoryBound()
        self._left_out = LeftOut()
        self._files: Mapping[str, FileDocuments] | None = None
        self._is_behind = False

    def removal_in_s(self) -> float:
        """Return the seconds until the next object is gone that has disappeared, if it stays away; infinity for none.

        A pass is due then, and need not read anything.
        """
        return self._store.next_removal_s - time.monotonic()

    def run(self, scope: Scope) -> Build:
        """Read what changed and translate what it touches.

        Args:
            scope: which files may have changed, and how closely the others are looked at.

        Raises:
            LoadTooLargeError: there is not enough memory for all of the first load, or for many files that changed.
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
        if isinstance(scope, Scan):
            self._memory.look()
        tree = self._memory.run(lambda: self._reader.read(scope))
        # What a pass before has read and not taken in is no change to the reader.
        tree, self._is_behind = replace(tree, touched=None) if self._is_behind else tree, True
        self._left_out.readmit(tree)
        build = self._build_bounded(tree)
        self._is_behind = False
        return build

    def _build_bounded(self, tree: FileTree) -> Build:
        """Build from a tree, or from what of it there is enough memory for."""
        for _ in range(_TRIES):
            smaller = self._left_out.without(tree)
            try:
                build = self._memory.run(partial(self._build, smaller))
            except LoadTooLargeError as err:
                is_first = self._files is None
                if is_first or not self._left_out.leave_out_largest(tree, self._files or {}, str(err)):
                    raise
                tree = replace(tree, touched=None)
            else:
                self._files = smaller.files
                return build
        raise LoadTooLargeError("too many files changed for which there is not enough memory")

    def _build(self, tree: FileTree) -> Build:
        # A copy, as what is refused for its size must not be in force in the next pass.
        store = self._store.copy() if self._memory.exists else self._store
        state = store.update(tree, time.monotonic())
        resolution = self._resolver.resolve(state)
        self._translations = self._translator.update(resolution)
        self._store = store
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
