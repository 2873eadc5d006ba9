"""What one run through the hooks leaves for the next: what was said, and to what all of it came. Pure.

A reply holds until its input changes. So the replies that a run went by are kept with what they are about, and the
next run asks only where that is others, or gets another request. That is so whatever came of the run; a reply that was
refused is not kept, since the extension may have changed its mind, and must be heard.

What was said holds under the epoch of its extension under which it was said, and under none that is newer: then it is
asked again. Where nobody answers that, what was said stays in force all the same: the input is the same, and that an
extension cannot be asked is no reason to close what it had decided on. Such a reply is late:

    said under 4 -- asked again under 5, and answered -----------------> said under 5
    said under 4 -- asked again under 5, and the call fails -----------> LATE: in force, said under 4
    said under 4 -- not come to, for the run was cut short by `hold` --> LATE: in force, said under 4
    LATE --------- asked again under 5 or a newer one, and answered ---> said under that one
    LATE --------- its input changes ----------------------------------> gone: asked as anything that is new

Edits are gone through by the epochs under which everything holds (`holding`), so that they wait for nothing of that.

Where all hooks accepted, or failed on single virtual hosts, the run is the basis on which the next one works out what
changed, and nothing else (`egxds.hooks.plan.incremental`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from egxds.hooks.calls import CallKey, HookFailure, Unit
from egxds.hooks.replies.check import CallResult, Edit
from egxds.incremental.revision import Revision
from egxds.resources.references import Reference, References
from egxds.resources.resource import Key, Resources
from egxds.resources.translation import GatewayTranslation

Said = tuple[tuple[CallKey, CallResult], ...]
"""What the extensions said about one unit, in the order of the calls: edits, and what they refuse on purpose."""

Claim = tuple[str, str, str]
"""(extension, RouteConfiguration, domain in lower case): after its VirtualHost hook somebody has that domain there."""


@dataclass(frozen=True, slots=True)
class Translated:
    """What one Translation hook did to a Gateway.

    Attributes:
        key: of its call.
        edit: what was said.
        included: type URLs that were shown to it, and that it has replaced.
        before: what there was before it.
        after: what it left; of the types that it was not shown, the very objects of before.
        removed: resources that it took away.
    """

    key: CallKey
    edit: Edit
    included: tuple[str, ...]
    before: GatewayTranslation
    after: GatewayTranslation
    removed: References


@dataclass(frozen=True, slots=True)
class Failing:
    """What hooks failed on in a run that is gone on from all the same: virtual hosts, each by itself.

    Attributes:
        units: these virtual hosts; they are gone through again in every run.
        with_denied_routes: those of them that have a denied route.
        guarded: RouteConfigurations in which something is denied.
    """

    units: frozenset[Unit] = frozenset()
    with_denied_routes: frozenset[Unit] = frozenset()
    guarded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Basis:
    """A run to go on from, and what of it is global, as indices.

    Attributes:
        translation: what it started from.
        edited: what the hooks made of it that are called about one thing each.
        translated: what the Translation hooks then made of it all, in declared order.
        published: what was published of that.
        failing: what hooks failed on.
        claims: claim → name of the virtual host that has the domain.
        references: what edits of one thing refer to → how many of them; all of it exists.
        removed: what Translation hooks took away and is not there any more; nothing refers to it.
    """

    translation: GatewayTranslation
    edited: GatewayTranslation
    translated: tuple[Translated, ...]
    published: Mapping[str, Resources] = field(repr=False)
    failing: Failing
    claims: Revision[Claim, str] = field(default_factory=Revision, repr=False)
    references: Revision[Reference, int] = field(default_factory=Revision, repr=False)
    removed: References = frozenset()

    @property
    def left(self) -> GatewayTranslation:
        """What all hooks left: what was published, its RouteConfigurations not yet joined."""
        return self.translated[-1].after if self.translated else self.edited


@dataclass(frozen=True, slots=True)
class RefusedAnswer:
    """A reply that an Envoy does not take, or seemed not to.

    Attributes:
        edit: what was said; anything else is another answer.
        failure: what became of the call for it.
        refused: type URL and name of the resource, and what the Envoy said of it.
        is_acquitted: whether the Envoy says so without the reply, too, so that it is not to blame.
    """

    edit: Edit
    failure: HookFailure
    refused: tuple[str, str, str]
    is_acquitted: bool = False


@dataclass(frozen=True, slots=True)
class FormerState:
    """What all hooks had accepted before what they accepted last, for the case that an Envoy refuses that.

    Attributes:
        resources: the whole state, as in `outcome.Accepted`.
        parts: its parts, as there.
        said: unit → what had been said about it.
    """

    resources: Mapping[str, Resources] | None = None
    parts: Mapping[Key, Any] = field(default_factory=dict, repr=False)
    said: Mapping[Unit, Said] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LastRun:
    """What the last run for a Gateway knew.

    Attributes:
        epochs: name of an extension → its connection and health at that time, as a number: what was said under
            another one does not hold any more.
        said: unit → what was said about it, and was taken.
        basis: None where a hook failed, but for failures that are each about one virtual host (`Failing`).
        refused: replies that an Envoy does not take; they count as failed calls.
        former: the state before the last one that all hooks accepted.
        late: of what was said, what should have been asked again → under which older epoch it was said.
    """

    epochs: Mapping[str, int] = field(default_factory=dict)
    said: Revision[Unit, Said] = field(default_factory=Revision, repr=False)
    basis: Basis | None = None
    refused: Mapping[CallKey, RefusedAnswer] = field(default_factory=dict)
    former: FormerState | None = None
    late: Mapping[CallKey, int] = field(default_factory=dict)

    @property
    def holding(self) -> Mapping[str, int]:
        """The newest epochs under which everything holds that was said."""
        if not self.late:
            return self.epochs
        found = dict(self.epochs)
        for (manager, *_), epoch in self.late.items():
            found[manager] = min(epoch, found.get(manager, epoch))
        return found

    def holds_under(self, epochs: Mapping[str, int]) -> bool:
        """Tell whether everything that was said holds, of all extensions that there are and of no others."""
        holding = self.holding
        return holding.keys() == epochs.keys() and all(holding[name] >= epoch for name, epoch in epochs.items())

    def said_under(self, epochs: Mapping[str, int]) -> tuple[dict[CallKey, CallResult], dict[CallKey, CallResult]]:
        """Return what was said, by call: what holds, and what has to be asked again.

        Args:
            epochs: of now.
        """
        holding: dict[CallKey, CallResult] = {}
        lapsed: dict[CallKey, CallResult] = {}
        for key, result in chain.from_iterable(self.said.values()):
            (holding if self._epoch(key) >= epochs.get(key[0], 0) else lapsed)[key] = result
        return holding, lapsed

    def followed_by(
        self, said: Mapping[Unit, Said], epochs: Mapping[str, int], fresh: Collection[CallKey], *, is_cut_short: bool
    ) -> LastRun:
        """Return what is known after another run over everything; it is no basis yet.

        Args:
            said: unit → what was said in it, and was taken.
            epochs: of its start.
            fresh: what of that was asked in it, and answered; the rest was said before.
            is_cut_short: whether not all was asked: then what it would have asked is what was said before.
        """
        if is_cut_short:
            said = {**said, **{unit: _beside(before, said.get(unit, ())) for unit, before in self.said.items()}}
        # An edit is gone through by older epochs than those under which some of it was said since.
        newest = {name: max(epoch, self.epochs.get(name, epoch)) for name, epoch in epochs.items()}
        before = {key: self._epoch(key) for pairs in said.values() for key, _ in pairs if key not in fresh}
        late = {key: epoch for key, epoch in before.items() if epoch < newest.get(key[0], epoch)}
        return LastRun(newest, Revision(said), late=late)

    def gone_on_from(
        self, said: tuple[Mapping[Unit, Said], Mapping[Unit, Said]], fresh: Collection[CallKey], basis: Basis
    ) -> LastRun:
        """Return what is known after a run over what changed, which the next one goes on from.

        Args:
            said: what had been said about what changed, and what is said now.
            fresh: what of that was asked in this run, and answered.
            basis: what it came to.
        """
        before, now = said
        late = self.late
        if late:
            gone = {key for pairs in before.values() for key, _ in pairs}
            kept = {key for pairs in now.values() for key, _ in pairs} - set(fresh)
            late = {key: epoch for key, epoch in late.items() if key in kept or key not in gone}
        return LastRun(self.epochs, self.said.edited(now, before), basis, late=late)

    def without(self, managers: Collection[str]) -> LastRun:
        """Return it without what some extensions have said, and no basis."""
        said = {unit: tuple(pair for pair in pairs if pair[0][0] not in managers) for unit, pairs in self.said.items()}
        late = {key: epoch for key, epoch in self.late.items() if key[0] not in managers}
        return replace(self, said=Revision(said), basis=None, late=late)

    def _epoch(self, key: CallKey) -> int:
        return self.late.get(key, self.epochs.get(key[0], -1))


def _beside(before: Said, now: Said) -> Said:
    """Return what is said now, and what was said before by others, or for other hooks."""
    asked = {key[:2] for key, _ in now}
    return (*now, *(pair for pair in before if pair[0][:2] not in asked))
