"""Loads the hooks that are Python objects, and says why one cannot be; asks no server."""

from __future__ import annotations

import traceback
from pathlib import Path

import anyio

from egxds.errors import StartError
from egxds.hooks.inprocess.caller import InProcessCaller
from egxds.settings.daemon import Settings


def hook_faults(settings: Settings, base: Path) -> tuple[str, ...]:
    """Return what is wrong with hooks that cannot be loaded, each with file and line where that is known.

    Args:
        settings: name the extensions.
        base: directory that relative paths of the settings start from.
    """
    return anyio.run(_load_all, settings, base)


async def _load_all(settings: Settings, base: Path) -> tuple[str, ...]:
    faults = []
    for manager in settings.extensions:
        if manager.service.python is None:
            continue
        caller = InProcessCaller(manager, base)
        try:
            await caller.start()
        except StartError as err:
            faults.append(f"{_place(err)}error: {err}")
        finally:
            await caller.aclose()
    return tuple(faults)


def _place(err: BaseException) -> str:
    """Return `file:line: ` of what an error came from, or nothing."""
    cause = err
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, StartError):
        return ""
    if isinstance(cause, SyntaxError) and cause.filename:
        return f"{cause.filename}:{cause.lineno}: "
    frames = traceback.extract_tb(cause.__traceback__)
    # A module that is not found has no frame of the user's.
    own = [frame for frame in frames if "importlib" not in frame.filename and "egxds" not in frame.filename.split("/")]
    return f"{own[-1].filename}:{own[-1].lineno}: " if own else ""
