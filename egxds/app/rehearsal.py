"""Takes files through the hooks as the daemon would, and serves them to nobody. Awaits.

Each Gateway is gone through once, from nothing, so that every hook is asked about everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from egxds.app.pipeline import Build
from egxds.hooks.calls import HookCall, HookFailure
from egxds.hooks.policy.outcome import HookedGateway, HookProblem
from egxds.hooks.replies.check import CallResult
from egxds.hooks.run.recording import Made, RecordingRunner
from egxds.inspect.hook_edits import edit_lines
from egxds.model.api.core import SECRET
from egxds.model.api.object import CORE_GROUP
from egxds.object_key import ObjectKey
from egxds.settings.daemon import Settings
from egxds.telemetry import Metrics

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What hooks did to one Gateway.

    Attributes:
        gateway: its name.
        outcome: what would be published for it.
        calls: each call, in the order in which hooks are called, as data.
        has_failures: whether any call failed.
    """

    gateway: str
    outcome: str
    calls: tuple[Json, ...]
    has_failures: bool

    def render(self) -> Json:
        """Return it as data."""
        return {"gateway": self.gateway, "outcome": self.outcome, "calls": list(self.calls)}


async def rehearse(settings: Settings, base: Path, build: Build) -> tuple[Rehearsal, ...]:
    """Take every Gateway through the hooks.

    Args:
        settings: name the extensions.
        base: directory that relative paths of the settings start from.
        build: what the files come to.

    Raises:
        StartError: an extension cannot be loaded, or a file that the settings name cannot be used.
    """

    def secret(namespace: str, name: str) -> Mapping[str, bytes] | None:
        found = build.state.of(SECRET).get(ObjectKey(CORE_GROUP, "Secret", namespace, name))
        return found.content.data if found else None

    runner = RecordingRunner(settings.extensions, Metrics(), base, secret)
    try:
        await runner.start()
        gateways = [build.translations[name] for name in sorted(build.translations)]
        return tuple([_rehearsed(await runner.run(gateway, None), runner.take_calls()) for gateway in gateways])
    finally:
        await runner.aclose()


def _rehearsed(hooked: HookedGateway, made: tuple[Made, ...]) -> Rehearsal:
    problems = {problem.call: problem for problem in hooked.failures}
    calls = tuple(_render(call, result, problems.get(call)) for call, result in made)
    return Rehearsal(hooked.gateway, hooked.outcome.value, calls, has_failures=bool(hooked.failures))


def _render(call: HookCall, result: CallResult, problem: HookProblem | None) -> Json:
    found: Json = {"manager": call.manager, "hook": call.hook.value, "subject": call.subject}
    if problem is not None:
        return {**found, "result": "failed", "error": problem.message, "onFailure": problem.policy}
    if isinstance(result, HookFailure):
        return {**found, "result": "failed", "error": result.message}
    difference = list(edit_lines(call, result))
    return {**found, "result": "changed", "difference": difference} if difference else {**found, "result": "unchanged"}
