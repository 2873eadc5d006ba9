"""An Envoy that comes with more than there is here, perhaps. Pure.

It may have taken a generation from a replica that had it first. What it has is told by the versions that it reports,
and not of which generation they are. Where all that is known is in force here, whoever reports something else has
something older. Where that is not so, it may have something newer, and what stood before that would take it back:

    it reports nothing, or just what there is -----------------------------> served
    all that is known is in force here -------------------------------------> served
    a newer generation is known and not in force here (it is read, hooks
    are asked, it is refused, or another replica says that it serves it) ----> WAITS for it, 3 s, and is sent nothing
    the store does not answer, so that nobody knows -------------------------> as behind that time
    behind that time, another replica takes Envoys --------------------------> its stream ends, so that it goes there
    it is back, or none other takes it, 15 s after it came first ------------> served: an old configuration is better
                                                                              than none that anybody may change
    all that is known is in force here, but a candidate for this very node
    is not served here yet --------------------------------------------------> WAITS, and so on, as where a newer
                                                                              generation is not in force

Only what a stream reports first of a type is looked at, and only while there is a doubt. What it reports to a server
that has not loaded anything yet is looked at then. A stream that is served is served what there is from then on.

When an Envoy came first is remembered for as long as the doubt lasts: the next one is another. It is not forgotten
between two visits: where all replicas are behind it goes around all of them, with seconds at each and more where one is
dead, and would be new at each for ever. It is the same with a candidate that is waited for: the next one is another.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass

from egxds.cut_text import cut
from egxds.sessions.events import Request
from egxds.snapshot.snapshot import Snapshot

PATIENCE_S = 3.0
GRACE_S = 15.0
LOOK_S = 0.5
"""Between two looks of a stream that waits; what is published for it wakes it, too."""

KEPT_S = 0.1
"""For how long a doubt is taken to last, for all streams together: to ask who knows is most of what a look costs."""

_FORGET_S = 3600.0
"""Without a visit: more than a round of all replicas takes. Who stayed away for longer was served elsewhere."""

_MOST_REMEMBERED = 10_000

_NO_NODES: frozenset[str] = frozenset()


class Doubt(enum.Enum):
    """Whether there may be something newer than what is served here."""

    NONE = enum.auto()
    BEHIND = enum.auto()
    CUT_OFF = enum.auto()


class Verdict(enum.Enum):
    """What becomes of a stream."""

    SERVED = enum.auto()
    WAITS = enum.auto()
    SENT_ON = enum.auto()


@dataclass(frozen=True, slots=True)
class _Visit:
    """When an Envoy was decided about in one doubt, in monotonic seconds."""

    first_s: float
    last_s: float


class _Visits:
    """Of one doubt: by id of a node, the last to come last."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Visit] = {}

    def __bool__(self) -> bool:
        """Tell whether anybody came."""
        return bool(self._nodes)

    def forget(self) -> None:
        """Begin anew: the next doubt is another one."""
        self._nodes.clear()

    def came_first_s(self, node_id: str, waits_since_s: float, now_s: float) -> float:
        """Take note of a visit; return when that Envoy came first."""
        before = self._nodes.pop(node_id, None)
        if before is not None and now_s - before.last_s > _FORGET_S:
            before = None
        first_s = before.first_s if before is not None else waits_since_s
        self._nodes[node_id] = _Visit(first_s, now_s)
        if len(self._nodes) > _MOST_REMEMBERED:
            del self._nodes[next(iter(self._nodes))]
        return first_s


def _no_doubt() -> Doubt:
    """Know of nothing newer, before anybody does."""
    return Doubt.NONE


def _nobody_else() -> bool:
    """Know of no other replica, before anybody does."""
    return False


def _for_nobody() -> frozenset[str]:
    """Know of no candidate."""
    return _NO_NODES


class Newcomers:
    """Decides for all streams of a server."""

    def __init__(self, expected: Callable[[], frozenset[str]] = _for_nobody) -> None:
        """Serve everybody.

        Args:
            expected: returns the ids of the nodes for which there is a candidate that is not served here yet; the same
                object for as long as it is the same candidate.
        """
        self._doubt: Callable[[], Doubt] = _no_doubt
        self._has_others: Callable[[], bool] = _nobody_else
        self._expected = expected
        self._last_expected = _NO_NODES
        self._last = Doubt.NONE
        self._lasts_until_s = -math.inf
        self._visits = _Visits()
        self._visits_for_candidate = _Visits()

    def go_by(self, doubt: Callable[[], Doubt], has_others: Callable[[], bool]) -> None:
        """Say who knows.

        Args:
            doubt: tells whether there may be something newer than what is served here, for all.
            has_others: tells whether another replica takes Envoys.
        """
        self._doubt, self._has_others = doubt, has_others

    def look(self, now_s: float) -> Doubt:
        """Return whether there may be something newer than what is served here; where not, forget who came before.

        Args:
            now_s: monotonic seconds.
        """
        # That there is none is asked each time: somebody is served by that.
        if self._last is Doubt.NONE or now_s >= self._lasts_until_s:
            self._last, self._lasts_until_s = self._doubt(), now_s + KEPT_S
        if self._last is Doubt.NONE:
            self._visits.forget()
        return self._last

    def about(self, node_id: str, now_s: float) -> Doubt:
        """Return whether there may be something newer for one node than what is served here.

        Args:
            node_id: whose stream is to be decided about.
            now_s: monotonic seconds.
        """
        for_all = self.look(now_s)
        return Doubt.BEHIND if for_all is Doubt.NONE and self._is_expected(node_id) else for_all

    def verdict(self, node_id: str, waits_since_s: float, now_s: float) -> Verdict:
        """Decide about a stream whose Envoy reports something else than there is.

        Args:
            node_id: whose it is.
            waits_since_s: when it was first to be decided about.
            now_s: monotonic seconds.
        """
        doubt = self.about(node_id, now_s)
        if doubt is Doubt.NONE:
            return Verdict.SERVED
        if doubt is Doubt.BEHIND and now_s - waits_since_s < PATIENCE_S:
            return Verdict.WAITS
        visits = self._visits_for_candidate if self._last is Doubt.NONE else self._visits
        if self._has_others() and now_s - visits.came_first_s(node_id, waits_since_s, now_s) < GRACE_S:
            return Verdict.SENT_ON
        return Verdict.SERVED

    def _is_expected(self, node_id: str) -> bool:
        expected = self._expected()
        if expected is not self._last_expected:
            self._last_expected = expected
            self._visits_for_candidate.forget()
        return node_id in expected


class Newcomer:
    """One stream."""

    def __init__(self, newcomers: Newcomers) -> None:
        """Serve it.

        Args:
            newcomers: decides.
        """
        self._newcomers = newcomers
        self._node_id = ""
        self._since_s: float | None = None
        self._early: list[tuple[Request, str]] = []

    def reports(self, request: Request, node_id: str, there_is: Snapshot | None, now_s: float) -> None:
        """Take what it says.

        Args:
            request: which.
            node_id: whose stream it is.
            there_is: what there is for it; None where that is not known.
            now_s: monotonic seconds.
        """
        if not request.initial_versions or request.nonce or self._since_s is not None:
            return
        if there_is is None:
            self._early.append((request, node_id))
        elif self._newcomers.about(node_id, now_s) is not Doubt.NONE and _has_other(request, there_is):
            self._node_id, self._since_s = node_id, now_s

    def comes(self, there_is: Snapshot | None, now_s: float) -> None:
        """Take what there is for it, before it is served that: what it has reported may have come before.

        Args:
            there_is: that; None where it is not known.
            now_s: monotonic seconds.
        """
        if there_is is not None:
            early, self._early = self._early, []
            for request, node_id in early:
                self.reports(request, node_id, there_is, now_s)

    def verdict(self, now_s: float) -> Verdict:
        """Decide what becomes of it now."""
        if self._since_s is None:
            return Verdict.SERVED
        found = self._newcomers.verdict(self._node_id, self._since_s, now_s)
        if found is Verdict.SERVED:
            self._since_s = None
        return found

    def wakes_at_s(self, now_s: float) -> float:
        """Return when it is to be decided about again; infinity for never."""
        return math.inf if self._since_s is None else now_s + LOOK_S

    def __str__(self) -> str:
        """Say why it is sent on."""
        return f"another replica may have something newer for node {cut(self._node_id, 100)!r}"


def _has_other(request: Request, there_is: Snapshot) -> bool:
    """Tell whether an Envoy reports something that is not there, or not in that version."""
    resources = there_is.of(request.type_url)
    for name, version in request.initial_versions.items():
        found = resources.get(name)
        if found is None or found.version != version:
            return True
    return False
