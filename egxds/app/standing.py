"""How the daemon stands, gathered from those who count it; nothing is gone through."""

from __future__ import annotations

from egxds.app.reporting import Reporting
from egxds.app.status_line import Standing
from egxds.hooks.run.runner import HookRunner
from egxds.inspect.status import StatusStore


def standing_of(reporting: Reporting, status: StatusStore, runner: HookRunner) -> Standing:
    """Return what systemd is told of a daemon that serves.

    Args:
        reporting: counts Gateways and problems.
        status: knows Envoys, what they refuse, and what is to be noted.
        runner: knows which hooks fail.
    """
    return Standing(
        gateways=reporting.outcomes,
        envoys=status.envoys.connected,
        problems=reporting.problem_counts,
        failing=tuple(f"{manager} {hook.value}" for manager, hook in runner.failing),
        refused=len(status.refusals.all()),
        notes=status.notes(),
        load=reporting.loads.last,
    )
