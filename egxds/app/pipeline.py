"""Files to translations, in one synchronous pass that costs what changed. Reads files; runs in a worker thread."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from egxds.app.custom_bootstrap import bootstrap_fault
from egxds.app.exclusions import Exclusions, ExclusionTable
from egxds.app.left_out import LeftOut
from egxds.app.memory.bounded import LoadTooLargeError, MemoryBound
from egxds.app.source import Trees
from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.reading.content import Scan, Scope
from egxds.incremental.revision import Revision
from egxds.inspect.judged import JudgedObjects
from egxds.model.api.gateway import GATEWAY
from egxds.model.api.kinds import KindTable
from egxds.model.api.validation import Path
from egxds.model.resolve.going_back import bar_on
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolver import Owners, Resolver, ResolverOptions
from egxds.model.store.last_good import KeptBar, LastGood, revived
from egxds.model.store.rolled_back import Bar
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.resources.translation import GatewayTranslation
from egxds.settings.daemon import Settings
from egxds.settings.extensions import ExtensionManager
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
        extensions: whose kinds were read; what hooks are to be asked about it.
        exclusions: GatewayClass → (Gateway, name of its Envoy Listener) that the class as a whole goes without,
            because an older Gateway of the class has the same address and port.
        owners: who has which address and port until he needs it no more.
        touched: files that may differ from those of the pass before; None where all may.
        origin: what the source tells by which files these are; empty where there is nothing to tell.
        before: of the first pass, what was in force before this process; None where that is not known.
    """

    state: GatewayState
    resolution: Resolution
    translations: Revision[str, GatewayTranslation]
    extensions: tuple[ExtensionManager, ...]
    exclusions: Exclusions
    owners: Owners
    touched: frozenset[str] | None
    origin: str
    before: GatewayState | None = None

    def locate(self, key: ObjectKey, path: Path) -> Location | None:
        """Return where a part of an object stands; None where it is gone."""
        item = self.state.find(key)
        return self.state.locate(item, path) if item is not None else None

    def judged(self) -> JudgedObjects:
        """Return what of it people look at."""
        resolution, translations = self.resolution, self.translations
        return JudgedObjects(self.state, resolution.gateways, resolution.report, translations=translations)


class Pipeline:
    """files → model → translate, each remembering its work between passes."""

    def __init__(self, settings: Settings, trees: Trees) -> None:
        """Prepare to read.

        Args:
            settings: names the kinds of extensions, and how they are translated.
            trees: where the documents come from.
        """
        self._before: GatewayState | None = None
        self._settings = settings
        self._adopted: Settings | None = None
        self._kinds = KindTable.of(settings.extensions)
        self._trees = trees
        self._store = ObjectStore(self._kinds, trees.removal_delay_s)
        self._options = _options(settings)
        self._owners = Owners()
        self._resolver: Resolver | None = None
        self._translator = Translator(self._options.traffic)
        self._exclusions = ExclusionTable()
        self._translations: Revision[str, GatewayTranslation] = Revision()
        self._memory = MemoryBound()
        self._left_out = LeftOut()
        self._orders: deque[Callable[[ObjectStore], None]] = deque()
        self._files: Mapping[str, FileDocuments] | None = None
        self._is_behind = False
        self._has_room = False

    def removal_in_s(self) -> float:
        """Return the seconds until the next object is gone that has disappeared, if it stays away; infinity for none.

        A pass is due then, and need not read anything.
        """
        return self._store.next_removal_s - time.monotonic()

    def adopt(self, settings: Settings) -> None:
        """Go by other settings from the next pass on, which is to look at everything; may be called during one.

        What was accepted stays in force where the files hold a mistake now, and whoever has an address from the pool
        keeps it where it may.
        """
        self._adopted = settings

    def roll_back(self, bars: Mapping[ObjectKey, Bar]) -> None:
        """Have something else in force than some objects say, from the next pass on; may be called during one."""
        self._orders.append(lambda store: store.roll_back(bars))

    def lift(self, keys: Collection[ObjectKey]) -> None:
        """Have some objects in force as they are written, from the next pass on; may be called during one."""
        self._orders.append(lambda store: store.lift(keys))

    def branch(self, trees: Trees, take: Callable[[Pipeline], None]) -> None:
        """Have another pipeline begin at the next pass where this one is then; may be called during one.

        What is in force here is known there, with what stays in force of it though its text is refused, and with what
        is rolled back. So the other comes from its own documents to what this one would come to by an edit to them.
        Where there is not enough memory for passes of both at once, it is the other's that is refused.

        Args:
            trees: where the other's documents come from.
            take: takes it, in the thread of the pass.
        """
        self._orders.append(lambda store: take(self._branched(trees, store)))

    def _branched(self, trees: Trees, store: ObjectStore) -> Pipeline:
        other = Pipeline(self._settings, trees)
        other._store, other._is_behind = store.copy(), True
        other._memory = self._memory.giving_way()
        other._owners = self._resolver.owners if self._resolver is not None else self._owners
        return other

    def give_up(self) -> None:
        """Have the pass of one that is branched off end, as nobody wants it any more; it makes no other."""
        self._memory.give_up()

    def take_in_again(self) -> None:
        """Try with the next pass what there was not enough memory for; may be called during one."""
        self._has_room = True

    def resume(self, good: LastGood, owners: Owners) -> None:
        """Have in force what was read and accepted before this process, before anything is read.

        Args:
            good: what that was.
            owners: who has which address and port; those of Gateways that are gone by now have none.

        Raises:
            LoadTooLargeError: there is not enough memory for it.
        """
        self._store, self._before = self._memory.run(lambda: self._resumed(good))
        self._trees.resume({**good.held, **good.files}, good.trees()[-1])
        self._files, self._owners = good.files, owners
        self._is_behind = True

    def _resumed(self, good: LastGood) -> tuple[ObjectStore, GatewayState]:
        store, state = self._store.copy(), GatewayState()
        store.roll_back({key: bar for key, kept in good.barred.items() if (bar := self._bar(key, kept)) is not None})
        with _collection_paused():
            for tree in good.trees():
                state = store.update(tree, time.monotonic())
        return store, state

    def _bar(self, key: ObjectKey, kept: KeptBar) -> Bar | None:
        """Return what is barred of an object as it was before a restart; None where that comes to nothing any more."""
        found = revived(kept, key, self._kinds)
        if found is None:
            return None
        barred, former = found
        return bar_on(barred, former, kept.why, frozenset(kept.versions))

    def run(self, scope: Scope) -> Build:
        """Read what changed and translate what it touches.

        Args:
            scope: which files may have changed, and how closely the others are looked at.

        Raises:
            LoadTooLargeError: there is not enough memory for all of the first load, or for many files that changed.
        """
        adopted, self._adopted = self._adopted, None
        if adopted is not None:
            self._go_by(adopted)
        while self._orders:
            self._orders.popleft()(self._store)
        if self._translations:
            return self._run(scope)
        with _collection_paused():
            build = self._run(scope)
            if build.translations:
                # The first thing that the collector would do is to walk all of it at once, 0.7 s for 10,000 routes, in
                # which nobody else gets to do anything.
                gc.freeze()
        return build

    def _go_by(self, settings: Settings) -> None:
        self._settings = settings
        self._trees.go_by(settings)
        self._kinds = KindTable.of(settings.extensions)
        self._store.go_by(self._kinds)
        self._store.have_wait(self._trees.removal_delay_s)
        options = _options(settings)
        if options != self._options:
            self._options = options
            self._resolver = self._resolver.following(options) if self._resolver else None
            self._translator = Translator(options.traffic)

    def _run(self, scope: Scope) -> Build:
        if isinstance(scope, Scan):
            self._memory.look()
        tree = self._memory.run(lambda: self._trees.read(scope))
        has_room, self._has_room = self._has_room, False
        self._is_behind = self._is_behind or (has_room and bool(self._left_out))
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
                build = self._memory.run(partial(self._build, smaller), self._forget_first)
            except LoadTooLargeError as err:
                is_first = self._files is None
                if is_first or not self._left_out.leave_out_largest(tree, self._files or {}, str(err)):
                    raise
                tree = replace(tree, touched=None)
            else:
                self._files = smaller.files
                return build
        raise LoadTooLargeError("too many files changed for which there is not enough memory")

    def _forget_first(self) -> None:
        """Let go of what an ended first load came to; of any other most is in force, and the next pass mends it."""
        if self._files is None:
            self._resolver, self._translator = None, Translator(self._options.traffic)

    def _build(self, tree: FileTree) -> Build:
        # A copy, as what is refused for its size must not be in force in the next pass.
        store = self._store.copy() if self._memory.exists else self._store
        state = store.update(tree, time.monotonic())
        resolver = self._resolver = self._resolver or Resolver(self._options, self._owners.among(state.of(GATEWAY)))
        resolution = resolver.resolve(state)
        self._translations = self._translator.update(resolution)
        self._store = store
        exclusions = self._exclusions.update(resolution)
        translations, extensions, owners = self._translations, self._settings.extensions, resolver.owners
        about_files = (tree.touched, tree.origin, self._before)
        self._before = None
        return Build(state, resolution, translations, extensions, exclusions, owners, *about_files)


def _options(settings: Settings) -> ResolverOptions:
    return replace(ResolverOptions.of(settings), bootstrap_fault=bootstrap_fault)


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
