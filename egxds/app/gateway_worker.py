"""One Gateway's task: has its newest translation go through the hooks, and publishes what they leave.

A translation that arrives while the hooks still work on an older one takes its place, unless the older one has waited
long enough: constant change must not keep a Gateway from ever being published.

    IDLE ----- a newer translation, or `recover` -------------> RUNNING, waiting since now
    RUNNING -- the hooks are through --------------------------> published; IDLE
    RUNNING -- newer input, and it has waited less than 5 s ----> cancelled; RUNNING with the newest, waiting as long
    RUNNING -- newer input, and it has waited longer -----------> RUNNING on; published; RUNNING with the newest,
                                                                 waiting since the first that came meanwhile
    IDLE ----- `ask_again`, or the Gateway says something else -> ASKING
    ASKING --- the hooks are through --------------------------> published, where anything differs; IDLE
    ASKING --- newer input, within 30 s ------------------------> cancelled; RUNNING; then ASKING
    any ------ the Gateway has gone ----------------------------> ended; taken away

There is no queue: a worker knows the newest translation, and whether it has to run. What was accepted last is taken
over together with what is published, without a wait in between, so that a cancelled run leaves both as they were.
What waits is the oldest input that has not been published: the patience with the hooks does not begin anew with what
takes its place.

To ask again is to ask everything, of which an edit is a small part, and must not wait for it. So a RUNNING run goes by
what was said under the `epochs` of before, be there newer ones, and asks about what changed; everything is asked under
the newer ones behind it, and what was said to that is remembered when an edit comes in between (`cacheTTL`). What
cannot be asked then stays in force (`hooks.policy.last_run`), and is asked again on the recovery of the extension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import anyio
from anyio import current_time

from egxds.cleared_frames import letting_go
from egxds.hooks.calls import CallKey
from egxds.hooks.policy.outcome import Accepted, HookedGateway, Outcome
from egxds.hooks.policy.taken_back import Nack
from egxds.hooks.run.runs import HookRuns
from egxds.incremental.revision import Revision
from egxds.resources.resource import Key, Resource, Resources
from egxds.resources.translation import GatewayTranslation

PATIENCE_S = 5.0
"""How long a Gateway may wait for its hooks before newer input no longer interrupts them."""

ASKING_PATIENCE_S = 30.0
"""How long everything may wait to be asked again before newer input no longer interrupts that."""

_NO_RESOURCES: Resources = Revision()


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """What came of asking all hooks of a Gateway again.

    Attributes:
        gateway: its name.
        outcome: of that run.
        changed: resources that are published otherwise for it, come or gone.
    """

    gateway: str
    outcome: Outcome
    changed: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Basis:
    """What a worker goes on from.

    Attributes:
        accepted: what the hooks accepted last; None where there is nothing.
        owner: what the Gateway said then; empty where that is not known.
        owners: how often it has said something else.
    """

    accepted: Accepted | None
    owner: bytes = b""
    owners: int = 0


_NOTHING = Basis(None)


class GatewayWorker:
    """One Gateway's task.

    Attributes:
        accepted: what the hooks accepted last; None where there is nothing.
        outcome: of the last run; None before the first.
    """

    def __init__(self, runner: HookRuns, publish: Callable[[HookedGateway], None], basis: Basis | None) -> None:
        basis = basis or _NOTHING
        self._runner = runner
        self._publish = publish
        self._newest: GatewayTranslation | None = None
        self.accepted = basis.accepted
        self._nacks: tuple[tuple[Nack, Resource | None], ...] = ()
        self._epochs: Mapping[str, int] = {}
        self._generation = runner.extensions.generation
        self._owner = basis.owner
        self._owners = basis.owners
        self._is_due = False
        self._is_stale = False
        self._wanted = anyio.Event()
        self._run: anyio.CancelScope | None = None
        self._asking: anyio.CancelScope | None = None
        self._stale_since_s = 0.0
        self._waiting_since_s: float | None = None
        self._newer_since_s: float | None = None
        self._life = anyio.CancelScope()
        self._resources: Mapping[str, Resources] = {}
        self._waiting: list[Callable[[AskedAgain | None], None]] = []
        self.outcome: Outcome | None = None

    @property
    def basis(self) -> Basis:
        """What another one is to begin with that goes on from here, beside this one."""
        others = self._runner.extensions.came_after(self._generation)
        return Basis(self.accepted.without(others) if self.accepted else None, self._owner, self._owners)

    @property
    def is_waiting(self) -> bool:
        """Whether there is input that the hooks are not through with."""
        return self._waiting_since_s is not None

    @property
    def is_asking(self) -> bool:
        """Whether everything is to be asked again, or is being."""
        return self._is_stale or self._asking is not None

    @property
    def is_late(self) -> bool:
        """Whether something stays in force because it could not be asked again."""
        return self.accepted is not None and bool(self.accepted.last_run.late)

    @property
    def said(self) -> Iterator[CallKey]:
        """The calls of which the replies are in use."""
        for answers in self.accepted.last_run.said.values() if self.accepted is not None else ():
            for call, _ in answers:
                yield call

    def submit(self, translation: GatewayTranslation) -> None:
        """Make this the translation to publish; start over where an older one is still with the hooks."""
        # A revision may name a Gateway that came out as the very object of before.
        if translation is self._newest:
            return
        self._newest = translation
        self.again()

    def refused(self, nacks: tuple[Nack, ...]) -> None:
        """Take what Envoys refuse of what is published, and run the hooks with that in mind."""
        self._nacks += tuple((nack, self._published(nack)) for nack in nacks)
        self.again()

    def is_about(self, nack: Nack) -> bool:
        """Tell whether the hooks have still to be run with a refusal in mind, or a reply of theirs is blamed for it."""
        last = self.accepted.last_run if self.accepted is not None else None
        refused = last.refused.values() if last is not None else ()
        return bool(self._nacks) or any(not one.is_acquitted and one.refused == nack.refused for one in refused)

    def again(self) -> None:
        """Run the hooks once more, soon."""
        now_s = current_time()
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s
        if self._run is not None:
            self._newer_since_s = self._newer_since_s or now_s
            if now_s - self._waiting_since_s < PATIENCE_S:
                self._run.cancel()
        if self._asking is not None and now_s - self._stale_since_s < ASKING_PATIENCE_S:
            self._asking.cancel()
        self._is_due = True
        self._wanted.set()

    def ask_again(self, tell: Callable[[AskedAgain | None], None] | None = None) -> None:
        """Ask what was said under other epochs than those of now, behind what is due.

        Args:
            tell: is called when that is done, or with None when it will not be.
        """
        if tell is not None:
            self._waiting.append(tell)
        if not self._is_stale and self._asking is None:
            self._stale_since_s = current_time()
        self._is_stale = True
        self._wanted.set()

    def stop(self) -> None:
        """End the task; nothing more is published."""
        self._life.cancel()
        self._tell(None)

    @letting_go
    async def work(self) -> None:
        """Publish until stopped."""
        with self._life:
            while True:
                await self._runner.until_fit()
                if self._is_due:
                    await self._publish_newest()
                elif self._is_stale:
                    await self._ask_everything()
                else:
                    self._wanted = anyio.Event()
                    await self._wanted.wait()

    async def _publish_newest(self) -> None:
        # Before the run, so that what comes while it goes on makes for another one.
        self._is_due = False
        translation = self._newest
        if translation is None:
            return
        self._look_at_extensions()
        self._epochs = self._epochs or self._epochs_now()
        with anyio.CancelScope() as self._run:
            nacks = self._nacks
            # What was published since in another form is another matter, and would be refused by itself.
            current = tuple(nack for nack, refused in nacks if self._published(nack) == refused)
            hooked = await self._runner.run(translation, self.accepted, self._epochs, current)
            self._nacks = self._nacks[len(nacks) :]
            self._take(hooked)
            self._waiting_since_s = self._newer_since_s
            self._look_at_owner(translation)
            # A run that held came to nothing behind that; now there is a way there.
            if hooked.outcome is not Outcome.HELD and hooked.accepted.has_untried:
                self.ask_again()
        self._run = self._newer_since_s = None

    def _published(self, nack: Nack) -> Resource | None:
        return self._resources.get(nack.type_url, _NO_RESOURCES).get(nack.name)

    async def _ask_everything(self) -> None:
        self._is_stale = False
        self._look_at_extensions()
        translation, epochs = self._newest, self._epochs_now()
        if translation is None or epochs == self._epochs:
            self._tell(None)
            return
        before = self._resources
        with anyio.CancelScope() as self._asking:
            hooked = await self._runner.run(translation, self.accepted, epochs)
            self._take(hooked)
            if self._waiting:
                self._tell(AskedAgain(hooked.gateway, hooked.outcome, tuple(_differing(before, hooked.resources))))
        if self._asking.cancelled_caught:
            self._is_stale = True
        self._asking = None

    def _take(self, hooked: HookedGateway) -> None:
        self.accepted = hooked.accepted
        # Older ones where something could not be asked again: an edit goes by what was said then.
        self._epochs = hooked.accepted.last_run.holding
        self.outcome = hooked.outcome
        self._resources = hooked.resources
        self._publish(hooked)

    def _look_at_extensions(self) -> None:
        """Begin anew where there are others: those that are the same still hold to what they said."""
        if self._generation != self._runner.extensions.generation:
            others = self._runner.extensions.came_after(self._generation)
            self._generation, self._epochs = self._runner.extensions.generation, {}
            # What another said that had the name is no answer of this one, not even where this one cannot be asked.
            self.accepted = self.accepted.without(others) if self.accepted is not None else None

    def _look_at_owner(self, translation: GatewayTranslation) -> None:
        """Have everything asked again where the Gateway says something else: all of it belongs to that."""
        before, self._owner = self._owner, translation.context.owner
        if before and before != self._owner:
            self._owners += 1
            self.ask_again()

    def _epochs_now(self) -> Mapping[str, int]:
        # Neither number ever falls, so that their sum is another one when either of them is.
        return {name: epoch + self._owners for name, epoch in self._runner.epochs.items()}

    def _tell(self, came_of_it: AskedAgain | None) -> None:
        waiting, self._waiting = self._waiting, []
        for tell in waiting:
            tell(came_of_it)


def _differing(before: Mapping[str, Resources], now: Mapping[str, Resources]) -> list[Key]:
    """Return the resources that have other bytes than before, come or gone."""
    return sorted(
        (type_url, name)
        for type_url in before.keys() | now.keys()
        for name in now.get(type_url, _NO_RESOURCES).changed_since(before.get(type_url))
        if _body(before, type_url, name) != _body(now, type_url, name)
    )


def _body(resources: Mapping[str, Resources], type_url: str, name: str) -> bytes | None:
    found = resources.get(type_url, _NO_RESOURCES).get(name)
    return found.body if found is not None else None
