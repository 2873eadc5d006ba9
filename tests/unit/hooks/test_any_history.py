"""Whatever is edited, and whatever extensions say or fail to say, an incremental run comes to what a whole one does.

Where all is asked again in between, and some of it is not answered, that is what a whole run comes to in which the
answers of before are given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from egxds import names
from egxds.errors import FailureReason
from egxds.hooks.calls import CallKey, HookCall, HookFailure, HookReply
from egxds.hooks.policy.last_run import LastRun
from egxds.hooks.policy.outcome import Accepted
from egxds.hooks.policy.saved_state import Row, SavedState, changed_keys, keys_of, row_of
from egxds.resources.resource import Resources
from egxds.settings.extensions import ExtensionManager, Hook
from tests.unit.hooks.edited_gateways import CONFIGURATIONS, KINDS, Edit, cluster_of, edited_by, of_size
from tests.unit.hooks.extensions import ALL_HOOKS, drive, edited, manager, shown, unchanged, working
from tests.unit.hooks.gateways import HTTP, published
from tests.unit.hooks.made_edits import TRANSLATIONS, beside, claiming, giving_up, using

History = list[tuple[list[Edit], int, bool]]
"""Edits, each with the mood in which the extensions are then, and whether all is asked again."""

NO_ROW = Row(None, None)
BROAD = 2
"""Moods up to this one fail on any hook, by what is asked; those above fail on some virtual hosts and their routes."""

BROKEN = HookFailure(FailureReason.STATUS, "INTERNAL: broken", "INTERNAL")
SILENT = HookFailure(FailureReason.DEADLINE, "no answer within 2 s")


@dataclass
class Scripted:
    """Extensions whose answers differ by request, and fail now and then.

    Attributes:
        seed: decides on the answers; of one in three they collide, and refer to nothing.
        minds: name of an extension → which of `TRANSLATIONS` it makes.
        mood: decides on the failures; 0 has none.
        held: what was said and still holds, for the run that is compared.
        taken: calls whose answers the last run has gone by: they stand in where there is none.
    """

    seed: int
    minds: Mapping[str, int]
    mood: int = 0
    held: dict[CallKey, HookReply] = field(default_factory=dict)
    taken: Collection[CallKey] = ()

    def fresh(self, call: HookCall) -> HookReply | HookFailure:
        """Answer a call that the incremental run makes."""
        answer = self._fails(call) or self._reply(call)
        if isinstance(answer, HookReply):
            self.held[call.key()] = answer
        elif call.key() not in self.taken:
            self.held.pop(call.key(), None)
        return answer

    def replayed(self, call: HookCall) -> HookReply | HookFailure:
        """Answer as the incremental run was answered."""
        return self.held.get(call.key()) or self.fresh(call)

    def _fails(self, call: HookCall) -> HookFailure | None:
        if self.mood > BROAD:
            is_named = sum(call.subject.encode()) % 4 == self.mood - BROAD - 1
            return SILENT if is_named and call.hook in (Hook.ROUTE, Hook.VIRTUAL_HOST) else None
        return BROKEN if self.mood and self._number(call, self.mood) % 5 == 0 else None

    def _reply(self, call: HookCall) -> HookReply:
        at = self._number(call, self.seed)
        if call.hook is Hook.TRANSLATION:
            return edited(call, TRANSLATIONS[self.minds[call.manager]])
        if call.hook is Hook.VIRTUAL_HOST and at % 11 < 3 and self.seed % 3 == 0:
            claimed = claiming(f"x{at % 3}.example"), using(cluster_of(at % 4)), claiming(f"h{at % 9}.example")
            return edited(call, claimed[at % 11])
        if call.hook is Hook.VIRTUAL_HOST and at % 11 > 8 and self.seed % 2:
            return edited(call, giving_up if at % 11 == 9 else claiming(f"v1.h{at % 5}.example"))
        if call.hook is Hook.HTTP_LISTENER and at % 3 == 0:
            return edited(call, beside)
        return unchanged(call) if at % 2 else working(call)

    def _number(self, call: HookCall, salt: int) -> int:
        # What is asked counts too: an extension may answer another input differently.
        return sum(f"{call.manager}{call.subject}{len(call.request)}{salt}".encode()) + salt


edits = st.builds(
    Edit,
    what=st.sampled_from(KINDS),
    configuration=st.sampled_from(CONFIGURATIONS),
    number=st.integers(0, 4),
    variant=st.integers(0, 3),
)
is_asked_again = st.sampled_from([False, False, True])
steps = st.lists(
    st.tuples(st.lists(edits, min_size=1, max_size=3), st.sampled_from([0, 0, 0, 1, 2, 3, 4]), is_asked_again),
    max_size=6,
)
minds_ = st.lists(st.sampled_from([0, 0, 1, 1, *range(len(TRANSLATIONS))]), min_size=3, max_size=3)
hooks = st.lists(st.sampled_from(ALL_HOOKS), min_size=1, unique=True)
narrow_steps = st.lists(
    st.tuples(st.lists(edits, max_size=2), st.sampled_from([0, 3, 3, 4, 4, 5, 6]), is_asked_again), max_size=6
)
hooks_on_hosts = st.sampled_from(
    [
        ("VirtualHost",),
        ("VirtualHost", "Route"),
        ("VirtualHost", "Route", "HTTPListener"),
        ("VirtualHost", "HTTPListener", "Translation"),
        ("Translation",),
        ("Route", "Endpoints", "Translation"),
    ]
)
shown_ = st.sets(st.sampled_from(["listener", "route", "cluster", "secret"])).map(lambda types: shown(*types))


def _managers(hooks: st.SearchStrategy[Sequence[str]]) -> st.SearchStrategy[tuple[ExtensionManager, ...]]:
    """Make the settings of one to three extensions, in the order in which they are asked."""
    policies = st.sampled_from(["deny", "hold", "bypass"])
    settings_of_each = st.lists(st.tuples(hooks, policies, shown_, st.booleans()), min_size=1, max_size=3)
    return settings_of_each.map(
        lambda found: tuple(
            manager(f"m{at}", policy, tuple(post), translation=types, allowEmpty=may_be_empty)
            for at, (post, policy, types, may_be_empty) in enumerate(found)
        )
    )


def _followed(before: Resources | None, now: Resources) -> Resources:
    """Follow a mapping as a session does, by what it says has changed."""
    kept = {} if before is None else dict(before)
    for name in now.changed_since(before):
        kept.pop(name, None)
        kept |= {name: now[name]} if name in now else {}
    assert kept == dict(now)
    return now


def _remembered(before: SavedState | None, now: SavedState) -> SavedState:
    """Remember a state as its file does, by the rows that changed."""
    if before is not None:
        rows = {key: row_of(before, key) for key in keys_of(before)}
        rows |= {key: row_of(now, key) for key in changed_keys(before, now)}
        assert {key: row for key, row in rows.items() if row != NO_ROW} == {
            key: row_of(now, key) for key in keys_of(now)
        }
        assert rows == {key: row_of(before, key) for key in rows} or not now.is_still(before)
    return now


def _follow(script: Scripted, managers: tuple[ExtensionManager, ...], history: History) -> None:
    """Compare each run with one over everything: bytes, sources, failures, and what is remembered."""
    now = of_size(4)
    accepted: Accepted | None = None
    whole: Accepted | None = None
    seen: dict[str, Resources] = {}
    saved: SavedState | None = None
    for step, mood, is_new in history:
        now = reduce(edited_by, step, now)
        last = accepted.last_run if accepted is not None else LastRun()
        script.mood, script.taken = mood, [key for said in last.said.values() for key, _ in said]
        # An edit is gone through by what holds, as the publisher does it.
        epoch = max(last.epochs.values(), default=0) + 1 if is_new else min(last.holding.values(), default=1)
        hooked = drive(now, managers, script.fresh, accepted, epoch=epoch)
        expected = drive(now, managers, script.replayed, whole)
        assert published(hooked) == published(expected)
        assert names.ROUTE_CONFIGURATION in hooked.resources
        seen = {type_url: _followed(seen.get(type_url), of_type) for type_url, of_type in hooked.resources.items()}
        saved = _remembered(saved, SavedState(hooked.gateway, hooked.accepted))
        accepted, whole = hooked.accepted, replace(expected.accepted, last_run=LastRun())


@settings(max_examples=150)
@given(st.integers(0, 50), minds_, _managers(hooks), steps)
def test_any_history_of_edits_comes_to_what_whole_runs_come_to(
    seed: int, minds: list[int], managers: tuple[ExtensionManager, ...], history: History
) -> None:
    """Extensions edit, leave, fail and collide."""
    _follow(Scripted(seed, {f"m{at}": mind for at, mind in enumerate(minds)}), managers, [([], 0, False), *history])


@settings(max_examples=100)
@given(st.integers(0, 50), minds_, _managers(hooks_on_hosts), narrow_steps)
def test_any_history_while_hooks_fail_on_some_virtual_hosts_comes_to_what_whole_runs_come_to(
    seed: int, minds: list[int], managers: tuple[ExtensionManager, ...], history: History
) -> None:
    """They stay denied or bypassed, or recover, or others fail, while something else is edited."""
    extended = [Edit("host", HTTP, number, 2 + number % 2) for number in range(4)]
    script = Scripted(seed, {f"m{at}": mind for at, mind in enumerate(minds)})
    _follow(script, managers, [(extended, 3 + seed % 4, False), *history])
