"""States of Gateways, remembered and read again."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from egxds.app.held_states import HeldStates
from egxds.app.state_directory import StateDirectory
from egxds.hooks.policy.saved_state import SavedState
from egxds.hooks.policy.state_file import begin
from egxds.telemetry import Metrics
from tests.unit.hooks.extensions import drive, manager, working
from tests.unit.hooks.gateways import translation

ACCEPTED = drive(translation(), (manager(policy="hold"),), working).accepted


def encode_state(state: SavedState) -> bytes:
    """Return the content of a new file, to be compared."""
    return begin(state)[1]


def state(gateway: str = "shop/gw", **failing_since: float) -> SavedState:
    """Return something to remember."""
    return SavedState(gateway, ACCEPTED, failing_since)


async def written(directory: Path, *states: SavedState) -> HeldStates:
    """Remember states, and wait until they are written."""
    held = HeldStates(StateDirectory(directory), Metrics())
    for one in states:
        held.keep(one)
    await held.flush()
    return held


async def loaded(directory: Path) -> tuple[HeldStates, list[str]]:
    """Start again; return what is remembered, and what the log says."""
    held = HeldStates(StateDirectory(directory), Metrics())
    with capture_logs() as lines:
        await held.load()
    return held, [f"{line['event']}: {line.get('error', '')}" for line in lines]


def kept(held: HeldStates, gateway: str) -> bytes | None:
    """Return what is remembered of a Gateway, to be compared."""
    found = held.of_gateway(gateway)
    return encode_state(found) if found is not None else None


def files(directory: Path, pattern: str = "*") -> list[Path]:
    """Return what is in a directory."""
    return sorted(directory.glob(pattern))
