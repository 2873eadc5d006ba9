"""Whatever is edited, and whatever extensions say or fail to say, an incremental run comes to what a whole one does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from egxds import names
from egxds.errors import FailureReason
from egxds.hooks.calls import CallKey, HookCall, HookFailure, HookReply
from egxds.hooks.policy.last_run import LastRun
from egxds.hooks.policy.outcome import Accepted
from egxds.resources.resource import Resources
from egxds.settings.extensions import ExtensionManager, Hook
from tests.revisions import listed
from tests.unit.hooks.edited_gateways import CONFIGURATIONS, KINDS, Edit, cluster_of, edited_by, of_size
from tests.unit.hooks.extensions import ALL_HOOKS, drive, edited, manager, shown, unchanged, working
from tests.unit.hooks.gateways import published
from tests.unit.hooks.made_edits import TRANSLATIONS, beside, claiming, using


@dataclass
class Scripted:
    """Extensions whose answers differ by request, and fail now and then.

    Attributes:
        seed: decides on the answers; of one in three they collide, and refer to nothing.
        minds: name of an extension → which of `TRANSLATIONS` it makes.
        mood: decides on the failures; 0 has none.
        held: what was said and still holds, for the run that is compared.
    """

    seed: int
    minds: Mapping[str, int]
    mood: int = 0
    held: dict[CallKey, HookReply] = field(default_factory=dict)

    def fresh(self, call: HookCall) -> HookReply | HookFailure:
        """Answer a call that the incremental run makes."""
        answer = self._fails(call) or self._reply(call)
        if isinstance(answer, HookReply):
            self.held[call.key()] = answer
        else:
            self.held.pop(call.key(), None)
        return answer

    def replayed(self, call: HookCall) -> HookReply | HookFailure:
        """Answer as the incremental run was answered."""
        return self.held.get(call.key()) or self.fresh(call)

    def _fails(self, call: HookCall) -> HookFailure | None:
        if self.mood and self._number(call, self.mood) % 5 == 0:
            return HookFailure(FailureReason.STATUS, "INTERNAL: broken", "INTERNAL")
        return None

    def _reply(self, call: HookCall) -> HookReply:
        at = self._number(call, self.seed)
        if call.hook is Hook.TRANSLATION:
            return edited(call, TRANSLATIONS[self.minds[call.manager]])
        if call.hook is Hook.VIRTUAL_HOST and at % 11 < 3 and self.seed % 3 == 0:
            claimed = claiming(f"x{at % 3}.example"), using(cluster_of(at % 4)), claiming(f"h{at % 9}.example")
            return edited(call, claimed[at % 11])
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
steps = st.lists(st.tuples(st.lists(edits, min_size=1, max_size=3), st.sampled_from([0, 0, 0, 1, 2])), max_size=6)
minds_ = st.lists(st.sampled_from([0, 0, 1, 1, *range(len(TRANSLATIONS))]), min_size=3, max_size=3)
hooks = st.lists(st.sampled_from(ALL_HOOKS), min_size=1, unique=True)
shown_ = st.sets(st.sampled_from(["listener", "route", "cluster", "secret"])).map(lambda types: shown(*types))
managers_ = st.lists(
    st.tuples(hooks, st.sampled_from(["deny", "hold", "bypass"]), shown_, st.booleans()), min_size=1, max_size=3
).map(
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


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 50), minds=minds_, managers=managers_, history=steps)
def test_any_history_of_edits_comes_to_what_whole_runs_come_to(
    seed: int, minds: list[int], managers: tuple[ExtensionManager, ...], history: list[tuple[list[Edit], int]]
) -> None:
    """Bytes, sources, failures, and what is remembered, after each edit: extensions edit, leave, fail and collide."""
    script = Scripted(seed, {f"m{at}": mind for at, mind in enumerate(minds)})
    now = of_size(4)
    accepted: Accepted | None = None
    whole: Accepted | None = None
    seen: dict[str, Resources] = {}
    for step, mood in [([], 0), *history]:
        for edit in step:
            now = edited_by(now, edit)
        script.mood = mood
        hooked = drive(now, managers, script.fresh, accepted, epoch=1)
        expected = drive(now, managers, script.replayed, whole)
        assert published(hooked) == published(expected)
        assert names.ROUTE_CONFIGURATION in hooked.resources
        seen = {type_url: _followed(seen.get(type_url), of_type) for type_url, of_type in hooked.resources.items()}
        accepted, whole = hooked.accepted, replace(expected.accepted, last_run=LastRun())
    assert listed(hooked.resources) == listed(expected.resources)
