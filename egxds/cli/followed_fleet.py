"""The records of replicas, followed while a command waits for what they say; and how what is missing then is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import anyio

from egxds.cli.output import write_line
from egxds.etcd.errors import EtcdError, WrongClusterError
from egxds.fleet.envoys import EnvoyRow, Stand
from egxds.fleet.record import ReplicaRecord
from egxds.fleet.watching import FleetWatcher, envoys_of_all
from egxds.published.reading import WatchedGenerations

_MOST_LINES = 50

EnvoyRows = Mapping[str, Sequence[EnvoyRow]]
"""Name of a replica → its Envoys."""


class FollowedFleet:
    """What replicas say."""

    def __init__(self, generations: WatchedGenerations) -> None:
        """Know of none yet.

        Args:
            generations: of the store where they say it.
        """
        self._changed = anyio.Event()
        self._watcher = FleetWatcher(generations.layout, self.stir)

    @property
    def records(self) -> Mapping[str, ReplicaRecord]:
        """Name of a replica → its record."""
        return self._watcher.book.records()

    @property
    def fault(self) -> str:
        """Why what is known may be old; empty where it is not."""
        return self._watcher.fault

    def stir(self) -> None:
        """Have those look again that wait."""
        before, self._changed = self._changed, anyio.Event()
        before.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for a fact, which is looked at whenever a replica says something else."""
        while not is_so():
            await self._changed.wait()

    @asynccontextmanager
    async def followed(self, generations: WatchedGenerations) -> AsyncIterator[None]:
        """Follow what they say meanwhile.

        Args:
            generations: of the store where they say it.
        """

        async def follow() -> None:
            # What it says then is in `fault`.
            with suppress(WrongClusterError):
                await self._watcher.follow(generations.watched)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            yield
            tasks.cancel_scope.cancel()


async def rows_of_all(generations: WatchedGenerations) -> EnvoyRows:
    """Return the Envoys of all replicas, for people; none where the store cannot be asked."""
    with suppress(EtcdError):
        return (await envoys_of_all(generations.watched, generations.layout))[0]
    return {}


def write_missing(lines: Sequence[str]) -> None:
    """Say what is missing, as many lines as somebody reads.

    Args:
        lines: all of it.
    """
    for line in lines[:_MOST_LINES]:
        write_line(f"  {line}")
    if len(lines) > _MOST_LINES:
        write_line(f"  and {len(lines) - _MOST_LINES} more")


def fault_lines(fault: str) -> Iterator[str]:
    """Yield why what is known may be old; nothing where it is not."""
    if fault:
        yield f"the store does not say more: {fault}"


def envoy_lines(replica: str, row: EnvoyRow) -> Iterator[str]:
    """Yield why an Envoy has not taken something, in a line each."""
    if row.stand is Stand.PENDING:
        yield f"Envoy {row.id} at {replica} has not taken it yet"
    for told in row.refusals if row.stand is Stand.REFUSING else ():
        yield f"Envoy {row.id} at {replica} refuses {told}"
    if row.refused > len(row.refusals):
        yield f"Envoy {row.id} at {replica} refuses {row.refused - len(row.refusals)} more"
