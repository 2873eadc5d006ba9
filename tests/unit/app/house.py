"""The whole house in one thread, from files to what one Envoy is sent, with lines of Python counted room by room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import anyio

from egxds import names
from egxds.app.file_source import FileTrees
from egxds.app.pipeline import Build, Pipeline
from egxds.app.what_changed import NOTHING, what_changed
from egxds.files.reading.content import Scan, Scope
from egxds.hooks.run.runner import HookRunner
from egxds.incremental.revision import Revision
from egxds.inspect.events.changes import ChangeGatherer, Note, Published, Read
from egxds.inspect.events.kept_bodies import KeptBodies
from egxds.inspect.object_counts import ObjectCounts
from egxds.inspect.objects import HookedGateways, ObjectView
from egxds.model.store.state import GatewayState
from egxds.resources.translation import GatewayTranslation
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Node, Request, Response
from egxds.settings.daemon import Settings
from egxds.snapshot.snapshot import Snapshot
from egxds.snapshot.store import SnapshotStore
from egxds.telemetry import Metrics
from tests.lines_of_rooms import lines_with_empty_caches

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_GATEWAY = "default/web"
_PAUSE_S = 60.0
_WILDCARDS = (names.CLUSTER, names.LISTENER)


class House:
    """Rooms in a row, and an Envoy at the end that takes everything.

    Attributes:
        changed: what the last edit is said to have changed.
    """

    def __init__(self, directory: Path) -> None:
        """Read a directory for the first time, and serve it."""
        settings = Settings.model_validate({"sources": {"files": {"paths": [str(directory)], "removalDelay": "0s"}}})
        self._pipeline = Pipeline(settings, FileTrees(settings, directory))
        self._runner = HookRunner(settings.extensions, Metrics())
        self._store = SnapshotStore()
        self._view = ObjectView()
        self._counts = ObjectCounts()
        self._hooked: HookedGateways = Revision()
        self._published: list[Note] = []
        self._build: Build | None = None
        self._envoy = _Envoy()
        self.changed = NOTHING
        self._take(Scan.ALL)
        self._store.mark_loaded()
        self._serve()

    def edit(self, paths: Iterable[Path]) -> tuple[Counter[str], dict[str, int]]:
        """Have an edit of some files walk through.

        Args:
            paths: the files that were written.

        Returns:
            Lines that ran, by room; and how many resources the Envoy was sent or told to drop, by type.
        """
        with lines_with_empty_caches() as counted:
            self._take(frozenset(map(str, paths)))
            sent = self._serve()
        return counted, sent

    def _take(self, scope: Scope) -> None:
        last, self._build = self._build, self._pipeline.run(scope)
        # Once more, as for a removal that is due: what people are told may skip what came in between.
        self._build = self._pipeline.run(frozenset())
        translations = self._build.translations
        for name in translations.changed_since(last.translations if last else None):
            self._publish(translations[name])
        self._view.note(self._build.judged(), self._hooked, _NOW)
        self._counts.update(self._build.state)
        self.changed = what_changed(last.state if last else GatewayState(), self._build.state)
        state, translations_before = (last.state, last.translations) if last else (None, Revision())
        read = Read(state, self._build.state, translations_before, translations, 0.0, 0.0)
        published, self._published = self._published, []
        # With room for its bodies: what makes room for them is one older change for each newer one, at any size.
        ChangeGatherer(KeptBodies()).gather([read, *published])

    def _publish(self, translation: GatewayTranslation) -> None:
        before, served_before = self._hooked.get(translation.gateway), self._store.snapshot(translation.gateway)
        hooked = anyio.run(self._runner.run, translation, before.accepted if before else None)
        self._hooked = self._hooked.edited({translation.gateway: hooked})
        self._store.publish(hooked.gateway, hooked.class_name, hooked.resources)
        served, generation = self._store.snapshot(hooked.gateway), self._store.generation
        self._published.append(Published(hooked.gateway, before, hooked, served_before, served, generation, 0.0))

    def _serve(self) -> dict[str, int]:
        view = self._store.view(_GATEWAY)
        assert view is not None
        return self._envoy.take(view.snapshot)


class _Envoy:
    """Asks for what Envoy asks for, and takes everything at once."""

    def __init__(self) -> None:
        self._session = DeltaSession()
        self._now_s = 0.0
        self._asked: dict[str, set[str]] = {}
        for type_url in _WILDCARDS:
            self._session.receive(Request(type_url, Node("one", _GATEWAY)), 0.0)

    def take(self, snapshot: Snapshot) -> dict[str, int]:
        """Take all that there is to say; return how many names it was about, by type."""
        sent: Counter[str] = Counter()
        # Long enough for nothing to wait any more.
        self._now_s += _PAUSE_S
        self._session.offer(snapshot)
        while (response := self._session.next_response(self._now_s)) is not None:
            sent[names.SHORT_NAMES[response.type_url]] += len(response.resources) + len(response.removed)
            self._session.receive(Request(response.type_url, nonce=response.nonce), self._now_s)
            self._ask_for_children(response)
        assert self._session.has_taken_all()
        return dict(sent)

    def _ask_for_children(self, response: Response) -> None:
        wanted: dict[str, set[str]] = {}
        for type_url, name in (child for resource in response.resources for child in resource.children):
            if name not in self._asked.setdefault(type_url, set()):
                wanted.setdefault(type_url, set()).add(name)
        gone = set(response.removed) & self._asked.get(names.ENDPOINT, set())
        if response.type_url == names.CLUSTER and gone:
            self._asked[names.ENDPOINT] -= gone
            self._session.receive(Request(names.ENDPOINT, unsubscribe=tuple(sorted(gone))), self._now_s)
        for type_url, found in wanted.items():
            self._asked[type_url] |= found
            self._session.receive(Request(type_url, subscribe=tuple(sorted(found))), self._now_s)
