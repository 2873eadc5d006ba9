"""Inspect room: what is known beside the snapshots, for the admin API and the health check. Pure.

The app says what became of the objects and the hooks, the wire says what Envoys refused. Nobody on the left
reads it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from egxds.inspect.backend_reach import EnvoyView
from egxds.inspect.client_certificates import ClientCertificates
from egxds.inspect.envoys import EnvoyBook
from egxds.inspect.events.event_log import EventLog
from egxds.inspect.events.kept_bodies import KeptBodies
from egxds.inspect.objects import ObjectFilter, ObjectsPage, Window
from egxds.inspect.refusals import RefusalBook
from egxds.inspect.views import FleetView, SourceView
from egxds.model.api.validation import Path
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem

MAX_NACKS = 256
"""Refusals to remember; an older one makes room."""

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NackedResource:
    """One resource of a refused response."""

    name: str
    version: str
    sources: tuple[ObjectKey, ...] = ()


@dataclass(frozen=True, slots=True)
class NackRecord:
    """A response that an Envoy refused.

    Attributes:
        node_id: which Envoy.
        type_url: type of the response.
        nonce: of the response; where it was refused again, of the last one.
        resources: what is to blame, or all that it held where that is not known; the first of many.
        omitted: how many more it held.
        message: what the Envoy said, cut to a bearable length.
        time_s: when, in seconds since 1970; where it was refused again, the last time.
        is_blame_known: each of the resources is refused, and not only one of them.
        times: how often the same was refused.
        is_news: some version in it was not refused before by this Envoy, or was taken in between.
        is_over: the Envoy does not refuse any of it any more.
    """

    node_id: str
    type_url: str
    nonce: str
    resources: tuple[NackedResource, ...]
    omitted: int
    message: str
    time_s: float
    is_blame_known: bool = True
    times: int = 1
    is_news: bool = True
    is_over: bool = False

    @property
    def blamed(self) -> frozenset[tuple[str, str]]:
        """Names and versions of what is known to be refused; nothing where one of several is."""
        named = ((one.name, one.version) for one in self.resources)
        return frozenset(named) if self.is_blame_known else frozenset()


_Key = tuple[str, str, tuple[NackedResource, ...], int, str]


async def _no_extensions(_name: str | None) -> Json | None:
    """Ask nobody, before there is anything."""
    return None


async def _no_objects(_wanted: ObjectFilter, _window: Window) -> ObjectsPage:
    """Know of no object, before there is anything."""
    return ObjectsPage()


async def _no_envoys() -> tuple[EnvoyView, ...]:
    """Ask no Envoy, before it is known of any."""
    return ()


async def _no_problems(_wanted: str, _most: int) -> tuple[tuple[Problem, ...], int]:
    """Know of no problem, before there is anything."""
    return (), 0


def _nothing_to_try() -> int:
    """Try nothing, before there is anything."""
    return 0


def _nobody() -> None:
    """Tell nobody, before anybody asks."""


def _nowhere(_key: ObjectKey, _path: Path = ()) -> None:
    """Know of no place, before there is anything."""


class StatusStore:
    """Holds the newest of everything; each writer replaces what it wrote before.

    Attributes:
        is_loaded: every Gateway of the first load has been published.
        is_bound: the xDS port is open.
        refusals: what connected Envoys refuse.
        envoys: which are connected, lost, or behind.
        client_certificates: when those end that they have shown.
        events: what happened last.
        bodies: what Envoys were served before and after the last changes.
        source: where objects come from.
        fleet: other replicas.
        stir: is called when a stream opens, ends or takes something; it is to return at once.
    """

    def __init__(self) -> None:
        self.events = EventLog("", _nowhere)
        self.bodies = KeptBodies()
        self.stir: Callable[[], None] = _nobody
        self.is_loaded = False
        self.is_bound = False
        self._load_refusal = ""
        self._objects: Callable[[ObjectFilter, Window], Awaitable[ObjectsPage]] = _no_objects
        self._problems: Callable[[str, int], Awaitable[tuple[tuple[Problem, ...], int]]] = _no_problems
        self._hooks: Callable[[], tuple[Json, ...]] = tuple
        self._ask_again: Callable[[str | None], Awaitable[Json | None]] = _no_extensions
        self._envoy_views: Callable[[], Awaitable[tuple[EnvoyView, ...]]] = _no_envoys
        self._locate: Callable[[ObjectKey, Path], Location | None] = _nowhere
        self._notes: Callable[[], tuple[str, ...]] = tuple
        self._settings: Callable[[], tuple[Problem, ...]] = tuple
        self._try_rolled_back: Callable[[], int] = _nothing_to_try
        self.source = SourceView()
        self.fleet = FleetView()
        self._nacks: dict[_Key, NackRecord] = {}
        self._subscribers: dict[Callable[[], None], None] = {}
        self.refusals = RefusalBook()
        self.envoys = EnvoyBook()
        self.client_certificates = ClientCertificates()

    def set_objects(self, page: Callable[[ObjectFilter, Window], Awaitable[ObjectsPage]]) -> None:
        """Say where the objects come from: they are shown when somebody asks.

        Args:
            page: renders those that are wanted, as things are now.
        """
        self._objects = page

    async def objects(self, wanted: ObjectFilter, window: Window) -> ObjectsPage:
        """Return objects as they are now.

        Args:
            wanted: which of them.
            window: which part of those.
        """
        return await self._objects(wanted, window)

    def set_problems(self, found: Callable[[str, int], Awaitable[tuple[tuple[Problem, ...], int]]]) -> None:
        """Say where the problems of the input come from.

        Args:
            found: takes what is searched for and how many are wanted; returns them, and how many there are.
        """
        self._problems = found

    async def problems(self, wanted: str, most: int) -> tuple[tuple[Problem, ...], int]:
        """Return problems of the input as they are now, errors first, and how many there are.

        Args:
            wanted: stands in what is said of them; empty for all.
            most: how many are returned.
        """
        return await self._problems(wanted, most)

    def set_hooks(self, states: Callable[[], tuple[Json, ...]]) -> None:
        """Say where the hook states come from: they change with every call, so they are asked for when shown.

        Args:
            states: returns each as the admin API shows it.
        """
        self._hooks = states

    def set_asking(self, ask_again: Callable[[str | None], Awaitable[Json | None]]) -> None:
        """Say who has hooks asked again when somebody wants it.

        Args:
            ask_again: takes the name of an extension, or None for all, and returns what came of it as the admin API
                shows it; None where there is no such extension.
        """
        self._ask_again = ask_again

    async def ask_again(self, name: str | None) -> Json | None:
        """Have hooks asked again.

        Args:
            name: of the extension; None for all.

        Returns:
            What came of it; None where there is no such extension.
        """
        return await self._ask_again(name)

    def set_trying(self, try_again: Callable[[], int]) -> None:
        """Say who has objects tried as they are written that are rolled back.

        Args:
            try_again: does so, and returns how many there are.
        """
        self._try_rolled_back = try_again

    def try_rolled_back(self) -> int:
        """Have what is rolled back tried as it is written; return how many objects that is."""
        return self._try_rolled_back()

    def set_settings(self, problems: Callable[[], tuple[Problem, ...]]) -> None:
        """Say who knows whether the settings file is in force.

        Args:
            problems: returns how it is not, now.
        """
        self._settings = problems

    def settings_problems(self) -> tuple[Problem, ...]:
        """Return how the settings file, as it was last read, is not in force; nothing where it is."""
        return self._settings()

    def set_notes(self, notes: Callable[[], tuple[str, ...]]) -> None:
        """Say who knows what is served that the files do not say, or why there may be nothing to serve.

        Args:
            notes: returns what there is to say now, each in a line.
        """
        self._notes = notes

    def notes(self) -> tuple[str, ...]:
        """Return what is served that the files do not say, or why there is nothing to serve."""
        return self._notes()

    def set_envoy_views(self, views: Callable[[], Awaitable[tuple[EnvoyView, ...]]]) -> None:
        """Say who asks Envoys how they find their backends.

        Args:
            views: returns what each says now; of none where no Envoy is asked.
        """
        self._envoy_views = views

    async def envoy_views(self) -> tuple[EnvoyView, ...]:
        """Return how Envoys find their backends now."""
        return await self._envoy_views()

    def set_locator(self, locate: Callable[[ObjectKey, Path], Location | None]) -> None:
        """Say where objects stand: resources know their objects, and lines are looked up when somebody looks.

        Args:
            locate: returns the place of a part of an object as things are now, that of the whole for an empty path;
                None where it is gone.
        """
        self._locate = locate

    def locate(self, keys: Iterable[ObjectKey]) -> tuple[Location, ...]:
        """Return where objects stand now, sorted; those that are gone are left out."""
        return tuple(sorted(place for key in keys if (place := self._locate(key, ())) is not None))

    def locate_part(self, key: ObjectKey, path: Path) -> Location | None:
        """Return where a part of an object stands now; None where the object is gone."""
        return self._locate(key, path)

    def hooks(self) -> tuple[Json, ...]:
        """Return how the hooks are doing now."""
        return self._hooks()

    def mark_loaded(self) -> None:
        """Every Gateway of the first load has been published."""
        self.is_loaded = True
        self._tell()

    def refuse_load(self, reason: str) -> None:
        """The first load was refused, and why; once there has been one, what is served stays."""
        self._load_refusal = f": {reason}"
        self._tell()

    def mark_bound(self) -> None:
        """The xDS port is open."""
        self.is_bound = True
        self._tell()

    def not_ready(self) -> tuple[str, ...]:
        """Return the reasons for which an Envoy is not served yet; none where it is."""
        reasons = []
        if not self.is_loaded:
            reasons.append(f"the configuration has not been loaded yet{self._load_refusal}")
        if not self.is_bound:
            reasons.append("the xDS port is not open yet")
        return tuple(reasons)

    def record_nack(self, record: NackRecord) -> NackRecord:
        """Remember a refusal.

        Args:
            record: the refusal, counted once.

        Returns:
            What is remembered: `times` is over 1 where the same Envoy has refused the same content before.
        """
        key = (record.node_id, record.type_url, record.resources, record.omitted, record.message)
        is_news = self._is_news(record)
        known = self._nacks.pop(key, None)
        if known is not None:
            record = dataclasses.replace(record, times=known.times + 1, is_news=known.is_over)
        elif not is_news:
            record = dataclasses.replace(record, is_news=False)
        self._nacks[key] = record
        if len(self._nacks) > MAX_NACKS:
            del self._nacks[next(iter(self._nacks))]
        return record

    def _is_news(self, record: NackRecord) -> bool:
        """Say whether a version is refused that was not, whatever the Envoy says to it this time."""
        known = (
            one for one in self._nacks.values() if (one.node_id, one.type_url) == (record.node_id, record.type_url)
        )
        refused = frozenset[tuple[str, str]]().union(*(one.blamed for one in known if not one.is_over))
        return not record.blamed or not record.blamed <= refused

    def end_nacks(self, node_id: str, type_url: str, name: str) -> None:
        """Note that an Envoy does not refuse a resource any more: should it do so again, that is news."""
        for key, record in self._nacks.items():
            is_same = (record.node_id, record.type_url) == (node_id, type_url)
            if is_same and any(one.name == name for one in record.resources):
                self._nacks[key] = dataclasses.replace(record, is_over=True)

    def nacks(self) -> tuple[NackRecord, ...]:
        """Return the refusals, newest first."""
        return tuple(reversed(self._nacks.values()))

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Have something called whenever the reasons of `not_ready` change; it is to return at once."""
        self._subscribers[callback] = None

    def unsubscribe(self, callback: Callable[[], None]) -> None:
        """Call it no more; nothing happens where it is not subscribed."""
        self._subscribers.pop(callback, None)

    def _tell(self) -> None:
        for callback in tuple(self._subscribers):
            callback()
