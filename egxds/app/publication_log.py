"""What the log says of a Gateway that is published otherwise: what that was made of, and what is wrong with it."""

from __future__ import annotations

from egxds.app.what_changed import SHOWN, WhatChanged
from egxds.cut_text import cut
from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.telemetry import log

_SHOWN_CHARACTERS = 300


def say_published(hooked: HookedGateway, generation: int, caused_by: WhatChanged) -> None:
    """Say it; a warning where it is not as its hooks would have it: some of its hosts may answer 500.

    Args:
        hooked: what is published.
        generation: its number.
        caused_by: what changed in the files; nothing where it was its hooks alone.
    """
    failing = sorted({cut(str(problem), _SHOWN_CHARACTERS) for problem in hooked.failures[:SHOWN]})
    failures = {"failing": failing, "failures": len(hooked.failures)} if failing else {}
    say = log.info if hooked.outcome is Outcome.ACCEPTED else log.warning
    say(
        "snapshot.published",
        gateway=hooked.gateway,
        generation=generation,
        outcome=hooked.outcome.value,
        **caused_by.fields(),
        **failures,
    )
