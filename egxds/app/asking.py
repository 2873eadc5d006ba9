"""Has all hooks asked again because somebody wants it, and says what came of that. Awaits.

What is waited for is a run of each Gateway; where hooks take long, or edits come in between, it goes on after the
answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import anyio

from egxds import names
from egxds.app.gateway_worker import AskedAgain
from egxds.app.publisher import Publisher
from egxds.hooks.health.reports import HookReport
from egxds.hooks.run.runner import HookRunner

Json = Mapping[str, object]

LIMIT_S = 60.0
"""How long the answer is waited for."""


class Asking:
    """The order of somebody to ask again."""

    def __init__(self, runner: HookRunner, publisher: Publisher, ask_beside: Callable[[], None]) -> None:
        """Prepare.

        Args:
            runner: knows the extensions.
            publisher: takes every Gateway through them.
            ask_beside: has them asked again about what is served beside that, too, which is not waited for.
        """
        self._runner = runner
        self._publisher = publisher
        self._ask_beside = ask_beside

    async def ask_again(self, name: str | None) -> Json | None:
        """Ask extensions everything again.

        Args:
            name: of the extension; None for all.

        Returns:
            What came of it, as the admin API shows it; None where there is no such extension.
        """
        before = self._reports(name)
        if name is not None and not before:
            return None
        self._runner.forget_replies(name)
        self._ask_beside()
        found: tuple[AskedAgain, ...] = ()
        with anyio.move_on_after(LIMIT_S) as limit:
            found = await self._publisher.asked_again()
        return {
            "isDone": not limit.cancelled_caught,
            "hooks": [_calls(one, other) for one, other in zip(before, self._reports(name), strict=True)],
            "gateways": [_render(one) for one in found],
        }

    def _reports(self, name: str | None) -> tuple[HookReport, ...]:
        return tuple(report for report in self._runner.states() if name in (None, report.manager))


def _calls(before: HookReport, now: HookReport) -> Json:
    failures = sum(now.failures.values()) - sum(before.failures.values())
    calls = now.calls - before.calls
    return {"manager": now.manager, "hook": now.hook.value, "calls": calls, "failures": failures}


def _render(found: AskedAgain) -> Json:
    return {"gateway": found.gateway, "outcome": found.outcome.value, "changed": list(_changed(found.changed))}


def _changed(keys: Iterable[tuple[str, str]]) -> Iterable[Json]:
    return ({"type": names.SHORT_NAMES[type_url], "name": name} for type_url, name in keys)
