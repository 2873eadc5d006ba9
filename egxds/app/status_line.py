"""What `systemctl status` shows of the daemon: one line. Counts that others keep are read, nothing is gone through.

    reading files
    waiting for extension authz
    serving 3 Gateways to 2 Envoys
    serving 1 Gateway to 1 Envoy; 2 errors, 1 warning in the files; hook authz Route fails: 1 Gateway denied;
        Envoys refuse 1 resource

It says what there is and how many, and `egxds status` says which: so it stays the same while nothing of that differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from egxds.app.loads import LoadResult
from egxds.hooks.policy.outcome import Outcome
from egxds.problems import Severity

_SHOWN_HOOKS = 3
_LOADS = {
    LoadResult.TOO_LARGE: "the last change of the files needs more memory than is allowed, and is not served",
    LoadResult.FAILED: "the last change of the files is not served: a defect of egxds, see its log",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand.

    Attributes:
        gateways: how many are published, by what is published for them.
        envoys: how many are connected.
        problems: how many the files have, by severity.
        failing: hooks that fail, such as `authz Route`.
        refused: resources that Envoys refuse.
        notes: why there may be nothing to serve.
        load: what came of the last look at the files; None before the first.
    """

    gateways: Mapping[Outcome, int] = field(default_factory=dict)
    envoys: int = 0
    problems: Mapping[Severity, int] = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    refused: int = 0
    notes: tuple[str, ...] = ()
    load: LoadResult | None = None


def serving_line(now: Standing) -> str:
    """Say what is served, to how many, and what is wrong."""
    serving = f"serving {_count(sum(now.gateways.values()), 'Gateway')} to {_count(now.envoys, 'Envoy')}"
    return "; ".join((serving, *_faults(now)))


def starting_line(work: str, awaited: tuple[str, ...], reasons: tuple[str, ...]) -> str:
    """Say what a daemon is at that does not serve yet.

    Args:
        work: what a thread is at; empty where none is.
        awaited: extensions of which an answer is awaited.
        reasons: why it does not serve.
    """
    if awaited:
        return f"waiting for extension {_some(awaited)}"
    return work or "; ".join(reasons)


def stopping_line(envoys: int) -> str:
    """Say what is left to do at the end.

    Args:
        envoys: how many are connected.
    """
    return f"stopping: taking leave of {_count(envoys, 'Envoy')}"


def _faults(now: Standing) -> Iterator[str]:
    yield from now.notes
    if now.load in _LOADS:
        yield _LOADS[now.load]
    counted = [(now.problems.get(severity, 0), severity.value) for severity in (Severity.ERROR, Severity.WARNING)]
    found = ", ".join(_count(count, word) for count, word in counted if count)
    if found:
        yield f"{found} in the files"
    if now.failing:
        outcomes = [(now.gateways.get(outcome, 0), outcome.value) for outcome in Outcome if outcome.value != "accepted"]
        came_to = ", ".join(f"{_count(count, 'Gateway')} {word}" for count, word in outcomes if count)
        hooks = f"{'hook' if len(now.failing) == 1 else 'hooks'} {_some(now.failing)}"
        yield f"{hooks} {'fails' if len(now.failing) == 1 else 'fail'}{came_to and f': {came_to}'}"
    if now.refused:
        yield f"Envoys refuse {_count(now.refused, 'resource')}"


def _some(names: tuple[str, ...]) -> str:
    rest = len(names) - _SHOWN_HOOKS
    return ", ".join(names[:_SHOWN_HOOKS]) + (f" and {rest} more" if rest > 0 else "")


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
