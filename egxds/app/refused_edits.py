"""Has objects go back to what an Envoy took of them last, where it refuses what an edit made. Behind Envoy's way.

    refused ---- it speaks of its machine, or the version is not what is published any more ----> nothing: tried again
    refused ---- hooks have not said yet whether a reply of theirs is to blame; or it is -------> theirs, for now
    refused ---- another Envoy has taken the version -------------------------------------------> nothing: tried again
    refused ---- another Envoy has not answered yet --------------------------------------------> looked at again, soon
    refused ---- no edit is behind it: a new Envoy, other hooks, a start without a `stateDir` --> nothing: tried again
    refused ---- edits are behind it that nobody has taken -------------------------------------> ROLLED BACK together

    ROLLED BACK - an edit of the object, or it is gone -----------------------------------------> as the store has it
    ROLLED BACK - `egxds resync`, SIGHUP, an Envoy of a version that was not there -------------> tried, once
    ROLLED BACK with others - that was taken ---------------------------------------------------> one half is tried,
                                                                                                  then the other
    tried ------- refused again ----------------------------------------------------------------> ROLLED BACK
    ROLLED BACK - the same is refused without it: others that were edited go back, too ----------> tried, by itself
    ROLLED BACK - the same is refused without it, and without all others -----------------------> acquitted: in force

So what is refused is tried once for everybody who has a reason, and not again and again: who was there when it was
refused has said what there is to say. Of edits that came together those that are not to blame are in force a moment
later, for as many tries as it takes to find the others by halves.

All of this is about what Envoys say to what is in force: one that is served a candidate neither blames anything for
that, nor acquits it, nor is waited for.

What an object goes back to is of `egxds.model.resolve.going_back`; which edits are behind what, of `untaken_edits`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import anyio

from egxds.app.refused_replies import Place, nack_of, places_of
from egxds.app.untaken_edits import Edits, UntakenEdits, in_force, is_awaited
from egxds.hooks.policy.taken_back import Nack
from egxds.inspect.machine_faults import is_of_machine
from egxds.inspect.refusals import RefusedResource, RefusedResources, of_head
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.resolve.going_back import bar_on, suspects
from egxds.model.store.guards import guards_less, is_policy, may_guard
from egxds.model.store.problems import is_held
from egxds.model.store.rolled_back import Bar, WrittenObject
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.resources.resource import Key
from egxds.sessions.open_streams import Client, Clients
from egxds.sessions.status import Uptake
from egxds.snapshot.store import SnapshotStore
from egxds.telemetry import log

WAIT_S = 2.0
"""How long the answer of another Envoy to the same version is waited for, and that of hooks."""

_AGAIN_S = 0.1
"""Between two looks while something is waited for."""

_LOOK_S = 1.0
"""Between two looks at which Envoys are connected, while anything is rolled back."""

_FORGET_S = 5.0
"""Between two looks at what has been taken, while edits are remembered."""

_TRY_S = 10.0
"""How long a half that is tried may take, before the next one is; and how often Envoys of other versions count."""

_MOST_ACQUITTED = 1000
"""Objects that are remembered since they went back in vain."""

_SHOWN = 10
"""Objects that a line of the log names."""

_SHOW_S = 2.0
"""How long it takes at most until what is rolled back shows in the objects in force; unless it was edited meanwhile."""

_Group = Mapping[ObjectKey, Bar]


class _Verdict(Enum):
    WAIT = "somebody has not answered yet"
    NOTHING = "it is tried again, as it is"
    GO_BACK = "edits are to blame"


class Barring(Protocol):
    """An input of which something else may be in force than some of its objects say."""

    def roll_back(self, bars: Mapping[ObjectKey, Bar]) -> None:
        """Have something else in force than some objects say, from the next pass on."""

    def lift(self, keys: Collection[ObjectKey]) -> None:
        """Have some objects in force as they are written, from the next pass on."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Whom it asks and tells.

    Attributes:
        store: what is published.
        clients: the open streams.
        state: the objects in force; None before the first look at the files.
        is_with_hooks: tells whether hooks still have to say about a refusal in a Gateway, or have and are to blame.
        inputs: have something else in force than some objects say.
        look_again: has a pass made, soon.
    """

    store: SnapshotStore
    clients: Callable[[], Clients]
    state: Callable[[], GatewayState | None]
    is_with_hooks: Callable[[str, Nack], bool]
    inputs: Sequence[Barring]
    look_again: Callable[[], None]


class RefusedEdits:
    """Judges what Envoys refuse.

    Attributes:
        edits: what was edited, and whether anybody has taken it.
    """

    def __init__(self, wiring: Wiring) -> None:
        """Know of no refusal; `work` starts it."""
        self.edits = UntakenEdits()
        self._wiring = wiring
        self._refusals: RefusedResources = ()
        self._since: dict[Place, float] = {}
        self._judged: set[Place] = set()
        self._proven: dict[ObjectKey, Bar] = {}
        self._acquitted: dict[ObjectKey, ApiObject[ApiModel]] = {}
        self._untried: deque[_Group] = deque()
        self._rolled_back_at_s = -math.inf
        self._tried: _Group = {}
        self._tried_until_s = -math.inf
        self._forget_at_s = -math.inf
        self._stirred = anyio.Event()

    def refused(self, refusals: RefusedResources) -> None:
        """Take what Envoys refuse at this moment; it is judged soon."""
        self._refusals = of_head(refusals)
        self.stir()

    def stir(self) -> None:
        """Have a look taken, soon."""
        self._stirred.set()

    def try_again(self) -> int:
        """Have everything tried that is rolled back: somebody knows of a reason; return how much that is."""
        state = self._wiring.state()
        keys = tuple(state.rolled_back) if state is not None else ()
        self._untried.clear()
        self._lift(keys)
        return len(keys)

    async def work(self) -> None:
        """Judge what is refused; until cancelled."""
        due_in_s = _FORGET_S
        while True:
            with anyio.move_on_after(due_in_s):
                await self._stirred.wait()
            self._stirred = anyio.Event()
            try:
                due_in_s = self._look(anyio.current_time())
            except Exception:  # noqa: BLE001 what is refused stays so, and everything else is served
                log.exception("app.rollback_failed")
                due_in_s = math.inf
            await anyio.sleep(_AGAIN_S / 2)

    def _look(self, now_s: float) -> float:
        """Judge what there is to judge; return the seconds until time alone may make for more."""
        is_waiting = self._judge(now_s)
        self._look_at_versions(now_s)
        if not is_waiting:
            self._try_next(now_s)
        if self.edits and now_s >= self._forget_at_s:
            self.edits.forget_taken(self._clients())
            self._forget_at_s = now_s + _FORGET_S
        if is_waiting or self._untried:
            return _AGAIN_S
        state = self._wiring.state()
        if state is not None and state.rolled_back:
            return _LOOK_S
        return _FORGET_S

    def _judge(self, now_s: float) -> bool:
        """Judge each refusal once; tell whether some could not be yet."""
        about_content = (one for one in self._refusals if not is_of_machine(one.message))
        now = {place: one for one in about_content for place in places_of(one, self._wiring.store)}
        self._since = {place: self._since.get(place, now_s) for place in now}
        self._judged &= now.keys()
        found: dict[ObjectKey, Bar] = {}
        for place in sorted(now.keys() - self._judged):
            verdict = self._verdict(place, now[place], is_late=now_s - self._since[place] > WAIT_S)
            if verdict is not _Verdict.WAIT:
                self._judged.add(place)
            if verdict is _Verdict.GO_BACK:
                found |= self._bars(now[place])
        if found:
            self._roll_back(found, now_s)
        return len(self._judged) < len(now)

    def _verdict(self, place: Place, one: RefusedResource, *, is_late: bool) -> _Verdict:
        gateway, type_url, name, version = place
        key = (type_url, name)
        if self._wiring.is_with_hooks(gateway, nack_of(one)):
            return _Verdict.WAIT
        if self._is_taken(key, version):
            return _Verdict.NOTHING
        served = [client for client in self._clients() if gateway in client.gateways]
        if not is_late and is_awaited(key, version, served):
            return _Verdict.WAIT
        return _Verdict.GO_BACK

    def _is_taken(self, place: Key, version: str) -> bool:
        return any(client.session.uptake(*place, version) is Uptake.TAKEN for client in self._clients())

    def _bars(self, one: RefusedResource) -> Mapping[ObjectKey, Bar]:
        """Return what is barred for a refusal; nothing where no edit is to blame, or can be gone back on."""
        state, edits = self._wiring.state(), self.edits.behind((one.type_url, one.name), self._clients())
        if state is None or not edits:
            return {}
        versions = self._versions()
        # One that was edited since is in force in a form that nobody has refused yet.
        behind = edits.keys() & frozenset(one.sources)
        edited = {key for key in behind if not self.edits.is_unpublished(key, one.gateways)}
        formers = _guarded(edits, state)
        bars = {key: self._bar(key, formers[key], state, str(one), versions) for key in sorted(edited)}
        possible = {key: bar for key, bar in bars.items() if bar is not None}
        found = {key: possible[key] for key in suspects(one.type_url, possible)}
        gone_back_before = {key: state.rolled_back[key].bar for key in edited if key in state.rolled_back}
        self._take_back({key: bar for key, bar in gone_back_before.items() if self._proven.get(key) is not bar}, found)
        return found

    def _bar(
        self, key: ObjectKey, former: WrittenObject | None, state: GatewayState, why: str, versions: frozenset[str]
    ) -> Bar | None:
        """Return what is barred of an object; None where it stays as it is."""
        now = in_force(key, state)
        if key in state.rolled_back or now is None or is_held(state, key):
            return None
        is_same = former is not None and former.item.says == now.item.says
        acquitted = self._acquitted.get(key)
        if is_same or (acquitted is not None and acquitted.says == now.item.says):
            return None
        return bar_on(now, former, why, versions)

    def _take_back(self, in_vain: Mapping[ObjectKey, Bar], others: Mapping[ObjectKey, Bar]) -> None:
        """Have objects in force again that went back in vain: others are to blame, or nobody who is known."""
        if not in_vain:
            return
        if others:
            self._untried.append(in_vain)
            return
        for key, bar in in_vain.items():
            self._acquitted.pop(key, None)
            self._acquitted[key] = bar.barred.item
        for key in list(self._acquitted)[:-_MOST_ACQUITTED]:
            del self._acquitted[key]
        self._lift(in_vain.keys())

    def _roll_back(self, bars: Mapping[ObjectKey, Bar], now_s: float) -> None:
        keys = sorted(bars)
        if len(keys) == 1 and self._tried.keys() == bars.keys():
            # Refused by itself: it is not tried again for what else is refused.
            self._proven = {key: bar for key, bar in self._proven.items() if self._is_rolled_back(key, bar)} | {**bars}
        log.warning("app.rolled_back", **_told(keys), error=bars[keys[0]].why)
        if len(keys) > 1:
            middle = (len(keys) + 1) // 2
            halves = ({key: bars[key] for key in half} for half in (keys[middle:], keys[:middle]))
            self._untried.extendleft(halves)
        self._rolled_back_at_s = now_s
        for each in self._wiring.inputs:
            each.roll_back(bars)
        self._wiring.look_again()

    def _try_next(self, now_s: float) -> None:
        """Try the next half of what was rolled back together, once all that came before is decided."""
        state = self._wiring.state()
        if not self._untried or state is None or (now_s < self._tried_until_s and self._is_undecided(state)):
            return
        group = self._untried[0]
        shown = {key: bar for key, bar in group.items() if _is_barred(key, bar, state)}
        is_to_show = len(shown) < len(group) and now_s < self._rolled_back_at_s + _SHOW_S
        if is_to_show or self.edits.is_open(group.keys(), self._clients()):
            return
        self._untried.popleft()
        self._tried, self._tried_until_s = shown, now_s + _TRY_S
        self._lift(shown.keys())

    def _is_undecided(self, state: GatewayState) -> bool:
        """Tell whether it is still to come what an Envoy says to what is tried."""
        is_to_come = any(_is_barred(key, bar, state) for key, bar in self._tried.items())
        return is_to_come or self.edits.is_open(self._tried.keys(), self._clients())

    def _look_at_versions(self, now_s: float) -> None:
        """Try what is rolled back where an Envoy is connected of a version that has not refused it; now and then."""
        state = self._wiring.state()
        if state is None or not state.rolled_back or now_s < self._tried_until_s:
            return
        versions = self._versions()
        keys = [key for key, each in state.rolled_back.items() if not versions <= each.bar.versions]
        if keys:
            self._untried.clear()
            self._tried, self._tried_until_s = {}, now_s + _TRY_S
            self._lift(keys)

    def _lift(self, keys: Collection[ObjectKey]) -> None:
        if keys:
            # The same versions are published again, and may be refused again.
            self._judged.clear()
            self._since.clear()
            log.info("app.rolled_back_tried", **_told(sorted(keys)))
            for each in self._wiring.inputs:
                each.lift(keys)
            self._wiring.look_again()

    def _is_rolled_back(self, key: ObjectKey, bar: Bar) -> bool:
        state = self._wiring.state()
        return state is not None and _is_barred(key, bar, state)

    def _clients(self) -> tuple[Client, ...]:
        """Return the streams that are served what is published here: of a candidate is judged elsewhere."""
        return tuple(client for client in self._wiring.clients().all() if not client.is_canary)

    def _versions(self) -> frozenset[str]:
        nodes = (client.session.node for client in self._clients())
        return frozenset(node.version for node in nodes if node is not None and node.version)


def _guarded(edits: Edits, state: GatewayState) -> Edits:
    """Return what was in force before some edits; nothing of what policies guarded that guard less now."""
    lost = [each.item for key, each in edits.items() if each is not None and guards_less(each.item, state.find(key))]

    def is_open(former: WrittenObject | None) -> bool:
        item = former.item if former is not None else None
        return item is not None and not is_policy(item) and any(may_guard(each, item.key) for each in lost)

    return {key: None if is_open(former) else former for key, former in edits.items()} if lost else edits


def _is_barred(key: ObjectKey, bar: Bar, state: GatewayState) -> bool:
    found = state.rolled_back.get(key)
    return found is not None and found.bar is bar


def _told(keys: Sequence[ObjectKey]) -> dict[str, object]:
    """Return some objects as fields of a log line."""
    return {"objects": [str(key) for key in keys[:_SHOWN]], "more": max(0, len(keys) - _SHOWN)}
