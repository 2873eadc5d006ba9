"""Files to translations, in one synchronous pass that costs what changed. Reads files; runs in a worker thread."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from egxds.files.reading.content import Scope
from egxds.files.reading.reader import TreeReader
from egxds.inspect.objects import JudgedObjects
from egxds.model.api.kinds import KindTable
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.status.problems import certificate_warnings
from egxds.model.store.problems import store_problems
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.problems import Problem
from egxds.resources.resource import GatewayTranslation
from egxds.settings.daemon import Settings
from egxds.translate.ports import ports_of
from egxds.translate.translator import Translator


@dataclass(frozen=True, slots=True)
class Build:
    """What one pass made of the files.

    Attributes:
        state: the objects in force.
        resolution: their references followed, and their status.
        translations: one for each Gateway, sorted by name; the same objects as before where nothing changed.
        exclusions: GatewayClass → (Gateway, name of its Envoy Listener) that the class as a whole goes without,
            because an older Gateway of the class has the same address and port.
    """

    state: GatewayState
    resolution: Resolution
    translations: tuple[GatewayTranslation, ...]
    exclusions: Mapping[str, frozenset[tuple[str, str]]]

    def judge(self) -> JudgedObjects:
        """Return what of it people look at; that costs as much as there is, and no Envoy waits for it."""
        expiry = certificate_warnings(self.resolution, self.state, datetime.now(UTC))
        problems = {*store_problems(self.state), *self.resolution.problems, *expiry}
        return JudgedObjects(self.state, self.resolution.statuses, tuple(sorted(problems, key=_place)))


class Pipeline:
    """files → model → translate, each remembering its work between passes."""

    def __init__(self, settings: Settings, base: Path) -> None:
        """Prepare to read.

        Args:
            settings: names the paths and the kinds of extensions.
            base: directory that relative paths start from.
        """
        kinds = KindTable.of(settings.extensions)
        self._reader = TreeReader(tuple(base / path for path in settings.sources.files.paths), base)
        self._store = ObjectStore(kinds, settings.sources.files.removal_delay)
        self._resolver = Resolver(ResolverOptions.of(settings))
        self._translator = Translator()
        self._known: frozenset[str] = frozenset()

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
        with nullcontext() if self._known else _collection_paused():
            return self._run(scope)

    def _run(self, scope: Scope) -> Build:
        tree = self._reader.read(scope)
        state = self._store.update(tree, time.monotonic())
        resolution = self._resolver.resolve(state)
        translations = tuple(self._translator.translate(gateway) for gateway in resolution.gateways)
        self._forget_gone(translations)
        return Build(state, resolution, translations, _exclusions(resolution))

    def _forget_gone(self, translations: tuple[GatewayTranslation, ...]) -> None:
        current = frozenset(translation.gateway for translation in translations)
        for gateway in self._known - current:
            self._translator.forget(gateway)
        self._known = current


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


def _exclusions(resolution: Resolution) -> dict[str, frozenset[tuple[str, str]]]:
    listeners = {
        (gateway.name, port.plan.port): (gateway.name, port.plan.name)
        for gateway in resolution.gateways
        for port in ports_of(gateway)
    }
    classes = {gateway.class_name for gateway in resolution.gateways}
    lost = {name: resolution.class_conflicts.get(name, frozenset()) for name in classes}
    return {name: frozenset(listeners[conflict] for conflict in conflicts) for name, conflicts in lost.items()}


def _place(problem: Problem) -> tuple[str, int, str, str]:
    return problem.location.file, problem.location.line, problem.subject, problem.message
