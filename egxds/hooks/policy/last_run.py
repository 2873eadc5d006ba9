"""What one run through the hooks leaves for the next: what was said, and to what all of it came. Pure.

A reply holds until its input changes. So the replies that a run went by are kept with what they are about, and the
next run asks only where that is others, or gets another request. That is so whatever came of the run; a reply that was
refused is not kept, since the extension may have changed its mind, and must be heard.

Where all hooks accepted, the run is the basis on which the next one works out what changed, and nothing else
(`egxds.hooks.plan.incremental`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds.hooks.calls import CallKey, Unit
from egxds.hooks.replies.check import Edit
from egxds.incremental.revision import Revision
from egxds.resources.references import Reference, References
from egxds.resources.translation import GatewayTranslation

Said = tuple[tuple[CallKey, Edit], ...]
"""What the extensions said about one unit, in the order of the calls."""

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
class Basis:
    """A run that all hooks accepted, and what of it is global, as indices.

    Attributes:
        translation: what it started from.
        edited: what the hooks made of it that are called about one thing each.
        translated: what the Translation hooks then made of it all, in declared order.
        claims: claim → name of the virtual host that has the domain.
        references: what edits of one thing refer to → how many of them; all of it exists.
        removed: what Translation hooks took away and is not there any more; nothing refers to it.
    """

    translation: GatewayTranslation
    edited: GatewayTranslation
    translated: tuple[Translated, ...] = ()
    claims: Revision[Claim, str] = field(default_factory=Revision, repr=False)
    references: Revision[Reference, int] = field(default_factory=Revision, repr=False)
    removed: References = frozenset()

    @property
    def left(self) -> GatewayTranslation:
        """What all hooks left: what was published, its RouteConfigurations not yet joined."""
        return self.translated[-1].after if self.translated else self.edited


@dataclass(frozen=True, slots=True)
class LastRun:
    """What the last run for a Gateway knew.

    Attributes:
        epochs: name of an extension → its connection and health at that time, as a number: what was said under
            another one does not hold any more.
        said: unit → what was said about it, and was taken.
        basis: None where not all hooks accepted.
    """

    epochs: Mapping[str, int] = field(default_factory=dict)
    said: Revision[Unit, Said] = field(default_factory=Revision, repr=False)
    basis: Basis | None = None

    def said_under(self, epochs: Mapping[str, int]) -> dict[CallKey, Edit]:
        """Return everything that still holds, by call.

        Args:
            epochs: of now.
        """
        return dict(pair for said in self.said.values() for pair in self._holding(said, epochs))

    def followed_by(self, said: Mapping[Unit, Said], epochs: Mapping[str, int], *, is_cut_short: bool) -> LastRun:
        """Return what is known after another run over everything; it is no basis yet.

        Args:
            said: unit → what was said in it, and was taken.
            epochs: of its start.
            is_cut_short: whether not all was asked: then what it would have asked still holds.
        """
        if not is_cut_short:
            return LastRun(epochs, Revision(said))
        kept = {unit: _beside(self._holding(before, epochs), said.get(unit, ())) for unit, before in self.said.items()}
        return LastRun(epochs, Revision({**said, **kept}))

    def _holding(self, said: Said, epochs: Mapping[str, int]) -> Said:
        return tuple(pair for pair in said if self.epochs.get(pair[0][0]) == epochs.get(pair[0][0]))


def _beside(before: Said, now: Said) -> Said:
    """Return what is said now, and what was said before by others, or for other hooks."""
    asked = {key[:2] for key, _ in now}
    return (*now, *(pair for pair in before if pair[0][:2] not in asked))
