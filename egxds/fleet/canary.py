"""Whether a candidate is promoted or taken back: each replica decides for itself, by the records of all. Pure.

A candidate is a generation that some nodes, the canary nodes, are served before the others. What becomes of it is one
transaction that holds while the candidate is as it was seen, and whoever is first writes it. So there is no leader that
must live, and it does no harm that two decide.

    all is well   each replica that takes Envoys serves all of it, and all the same; at least one canary node is
                  connected to some of them, and each that is has taken all of it
    under way     not yet: a replica has just come, hooks are asked again, an Envoy takes something, or the only canary
                  node goes from one connection to the next, so that none is connected
    broken        an Envoy of any replica has refused it, who comes after none was there has nothing of what it had,
                  or nobody knows how others are

    ON TRIAL ------ an Envoy here refuses what only the candidate has, or 5xx rise here --> TAKE BACK, from then on
    ON TRIAL ------ broken, or under way for too long, or nobody has looked --------------> ON TRIAL, and time is anew
    ON TRIAL ------ all is well, for as long as its publisher said, by the clock here ----> PROMOTE
    any ----------- the key was put again ------------------------------------------------> ON TRIAL, and nothing known

What is under way for a moment stops no clock: endpoints come and go, and with each that does an Envoy has not taken all
for some milliseconds, and connections come to their age, so that the time would never be over. But then nothing is
promoted either: all is well at that very look. An Envoy whose connection has ended is back with what it had; one that
comes with nothing was started since, perhaps because what is on trial has it crash: time is anew. What was decided
against stays so though the Envoy that refused it has gone, until the candidate has.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from egxds.fleet.differing import Difference, by_digest
from egxds.fleet.record import CanaryStand, ReplicaRecord

LONGEST_UNDER_WAY_S = 15.0
UNDER_WAY_PART = 10
"""Part of the time without a fault that something may be under way; a short time is for whoever is in a hurry."""

LONGEST_BLINK_S = 10.0
"""Between two looks: of a longer time nobody knows that it was without a fault."""

_ME = "this one"
_SHOWN = 3
"""Replicas that are named."""


class Verdict(enum.Enum):
    """What is to be done."""

    WAIT = "wait"
    PROMOTE = "promote"
    TAKE_BACK = "take back"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is on trial.

    Attributes:
        put_at: revision of the store that put the candidate there.
        generation: the number that it is to have.
        promote_after_s: seconds without a fault after which it is promoted; 0 where somebody is to say so.
    """

    put_at: int
    generation: int
    promote_after_s: int


@dataclass(frozen=True, slots=True)
class Sight:
    """How things are at one look.

    Attributes:
        own: how far it has come here.
        others: the records of all other replicas.
        fault: why these may be old; empty where they are not.
        against: what is seen here that it is to be taken back for; empty for nothing.
    """

    own: CanaryStand
    others: Sequence[ReplicaRecord] = ()
    fault: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is remembered from look to look. Times are monotonic seconds.

    Attributes:
        put_at: of which candidate; 0 for none.
        looked_s: when the last look was.
        well_since_s: since when there was no fault; None where there is one.
        under_way_since_s: since when not all is well; None where all is.
        is_empty: no canary node was connected then.
        against: what it is to be taken back for; empty for nothing.
    """

    put_at: int = 0
    looked_s: float = -math.inf
    well_since_s: float | None = None
    under_way_since_s: float | None = None
    is_empty: bool = False
    against: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a look comes to.

    Attributes:
        verdict: what is to be done.
        reason: what it waits for, or why it is taken back, for people.
        left_s: seconds until it is promoted if nothing happens; None where it is not by itself, or something is not
            well.
    """

    verdict: Verdict
    reason: str = ""
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Obstacle:
    text: str
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class _Look:
    """What is seen at one look: what is in the way, and who is connected, of whom some came with what they had."""

    obstacles: tuple[_Obstacle, ...]
    connected: int
    resumed: int


def decide(watched: Watched, trial: Trial, sight: Sight, now_s: float) -> tuple[Watched, Decision]:
    """Return what a look comes to; asked once each second.

    Args:
        watched: what the look before returned; `Watched()` for the first one.
        trial: the candidate.
        sight: how things are.
        now_s: monotonic seconds.

    Returns:
        What is to be remembered, and what is to be done.
    """
    look = _looked(trial, sight)
    known = watched if watched.put_at == trial.put_at else Watched(trial.put_at)
    now = Watched(
        trial.put_at,
        now_s,
        _well_since_s(known, look, trial, now_s),
        (now_s if known.under_way_since_s is None else known.under_way_since_s) if look.obstacles else None,
        not look.connected,
        known.against or sight.against,
    )
    return now, _decision(now, trial, look.obstacles)


def _decision(now: Watched, trial: Trial, obstacles: Sequence[_Obstacle]) -> Decision:
    if now.against:
        return Decision(Verdict.TAKE_BACK, now.against)
    if obstacles:
        return Decision(Verdict.WAIT, obstacles[0].text)
    if not trial.promote_after_s:
        return Decision(Verdict.WAIT, "it is promoted by `egxds promote`, and not by itself")
    well_s = now.looked_s - now.well_since_s if now.well_since_s is not None else 0.0
    left_s = trial.promote_after_s - well_s
    if left_s <= 0:
        return Decision(Verdict.PROMOTE)
    return Decision(Verdict.WAIT, f"{trial.promote_after_s} s are to pass without a fault", left_s)


def _well_since_s(known: Watched, look: _Look, trial: Trial, now_s: float) -> float | None:
    """Return since when there was no fault; None where there is one now."""
    since_s = known.well_since_s
    longest_s = min(LONGEST_UNDER_WAY_S, trial.promote_after_s / UNDER_WAY_PART)
    was_seen = 0 <= now_s - known.looked_s <= LONGEST_BLINK_S
    was_long = known.under_way_since_s is not None and now_s - known.under_way_since_s > longest_s
    was_started = known.is_empty and look.resumed < look.connected
    if any(each.is_broken for each in look.obstacles) or was_started or was_long or not was_seen:
        since_s = None
    return now_s if since_s is None and not look.obstacles else since_s


def _looked(trial: Trial, sight: Sight) -> _Look:
    awaited = [(each.name, _stand(each, trial)) for each in sight.others if each.takes_envoys]
    stands = [(_ME, sight.own), *((name, stand) for name, stand in awaited if stand is not None)]
    missing = [name for name, stand in awaited if stand is None]
    return _Look(
        tuple(_obstacles(trial, sight, stands, missing)),
        sum(stand.connected for _, stand in stands),
        sum(stand.resumed for _, stand in stands),
    )


def _obstacles(
    trial: Trial, sight: Sight, stands: Sequence[tuple[str, CanaryStand]], missing: Sequence[str]
) -> Iterator[_Obstacle]:
    """Yield why it is not promoted now, in the order in which people are told."""
    if sight.fault:
        yield _Obstacle(f"how the other replicas are is not known: {sight.fault}", is_broken=True)
    yield from _refused(trial, sight)
    if missing:
        yield _Obstacle(f"it has not come to replica {_listed(missing)} yet")
    for name, stand in stands:
        if not stand.is_served:
            why = f": {stand.fault}" if stand.fault else ""
            yield _Obstacle(f"replica {name} does not serve all of it yet{why}")
    yield from _untaken([stand for _, stand in stands])
    yield from _differing(trial, stands)


def _stand(record: ReplicaRecord, trial: Trial) -> CanaryStand | None:
    stand = record.canary
    return stand if stand is not None and stand.put_at == trial.put_at else None


def _refused(trial: Trial, sight: Sight) -> Iterator[_Obstacle]:
    """Yield where it was refused; also a replica that ends has seen it."""
    stands = [(_ME, sight.own), *((each.name, _stand(each, trial)) for each in sight.others)]
    names = [name for name, stand in stands if stand is not None and stand.refused]
    if names:
        yield _Obstacle(f"a canary node has refused something of it at replica {_listed(names)}", is_broken=True)


def _untaken(stands: Sequence[CanaryStand]) -> Iterator[_Obstacle]:
    connected, taken = sum(each.connected for each in stands), sum(each.taken for each in stands)
    if not connected:
        yield _Obstacle("no canary node is connected to any replica")
    elif any(each.taken < each.connected for each in stands):
        yield _Obstacle(f"{taken} of the {connected} canary nodes that are connected have taken all of it")


def _differing(trial: Trial, stands: Sequence[tuple[str, CanaryStand]]) -> Iterator[_Obstacle]:
    served = by_digest((name, stand.served) for name, stand in stands if stand.served)
    if len(served) > 1:
        yield _Obstacle(str(Difference(trial.generation, served)))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
