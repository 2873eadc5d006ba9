"""How far a candidate has come on all replicas, for whoever has published it and waits.

It is told by the records that replicas keep in the store, and by what becomes of the candidate meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import click

from egxds.cli.canary import taken_back_text
from egxds.cli.followed_fleet import EnvoyRows, FollowedFleet, envoy_lines, fault_lines, rows_of_all, write_missing
from egxds.cli.output import FINDINGS, write_line
from egxds.cli.published_store import with_watched_generations
from egxds.etcd.errors import EtcdError
from egxds.etcd.operations import Get
from egxds.fleet.canary_uptake import CanaryUptake, canary_uptake
from egxds.published.candidate import Candidate
from egxds.published.reading import Seen, WatchedGenerations
from egxds.shown_text import shown

_AGAIN_S = 1.0
_TAKEN_BACK_S = 5.0
"""How long it is waited until what an Envoy refuses is taken back; where no replica may do that, it is not."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found when there was nothing to wait for any more.

    Attributes:
        uptake: how far it has come.
        rows: name of a replica → its Envoys; empty where all have it.
        seen: what there is; None where nothing has become of the candidate.
        fault: why what is known may be old; empty where it is not.
    """

    uptake: CanaryUptake
    rows: EnvoyRows
    seen: Seen | None
    fault: str


def wait_for_canaries(config: Path, candidate: Candidate, put_at: int, wait_s: float) -> None:
    """Wait until all canary nodes have taken a candidate, and say how far it has come; exit 1 where not all have.

    Args:
        config: the settings file, which says where replicas keep their records.
        candidate: what was put.
        put_at: revision of the change that put it there.
        wait_s: how long, at most.
    """

    async def work(generations: WatchedGenerations) -> _Found:
        return await _waited(generations, put_at, wait_s)

    found = with_watched_generations(config, work)
    if found.seen is not None:
        _say_what_became_of_it(candidate, found.seen)
        return
    write_line(str(found.uptake))
    write_missing(list(_missing(found, frozenset(map(shown, candidate.nodes)))))
    if not found.uptake.is_taken or found.fault:
        raise click.exceptions.Exit(FINDINGS)


async def _waited(generations: WatchedGenerations, put_at: int, wait_s: float) -> _Found:
    fleet, has_ended = FollowedFleet(generations), False

    def uptake() -> CanaryUptake:
        return canary_uptake(fleet.records.values(), put_at)

    async def end() -> None:
        nonlocal has_ended
        await _until_ended(generations, put_at)
        has_ended = True
        fleet.stir()

    with anyio.move_on_after(wait_s):
        async with fleet.followed(generations), anyio.create_task_group() as tasks:
            tasks.start_soon(end)
            await fleet.until(lambda: has_ended or (not fleet.fault and uptake().is_over))
            # Where it is refused it is taken back; by whom and why says more than that it was.
            with anyio.move_on_after(_TAKEN_BACK_S):
                await fleet.until(lambda: has_ended or uptake().is_taken)
            tasks.cancel_scope.cancel()
    is_known = has_ended or uptake().is_taken or bool(fleet.fault)
    rows = {} if is_known else await rows_of_all(generations)
    return _Found(uptake(), rows, await generations.look() if has_ended else None, fleet.fault)


async def _until_ended(generations: WatchedGenerations, put_at: int) -> None:
    """Return when what was put is there no more as it was."""
    key = generations.layout.candidate
    while True:
        with suppress(EtcdError):
            answer = await generations.store.transact((), (Get(key),))
            if not answer.found[0] or answer.found[0][0].mod_revision != put_at:
                return
            async with generations.watched.watch(key, answer.revision + 1) as news:
                async for each in news:
                    if each.put or each.deleted:
                        return
        await anyio.sleep(_AGAIN_S)


def _say_what_became_of_it(candidate: Candidate, seen: Seen) -> None:
    found, number = seen.found.candidate, candidate.record.generation
    if seen.head is not None and (seen.head == candidate.record):
        write_line(f"generation {number} is in force for all by now")
        return
    if found is not None and found.record == candidate.record:
        write_line(f"generation {number} was {taken_back_text(found)}")
    else:
        head = seen.head.generation if seen.head is not None else 0
        write_line(f"the candidate is gone: something else was published, and generation {head} is in force")
    raise click.exceptions.Exit(FINDINGS)


def _missing(found: _Found, nodes: frozenset[str]) -> Iterator[str]:
    """Yield who has not taken it, and why."""
    yield from fault_lines(found.fault)
    for name, fault in found.uptake.lagging if not found.uptake.is_taken else ():
        yield f"replica {name} does not serve it yet{f': {fault}' if fault else ''}"
    for name, rows in found.rows.items():
        for row in rows:
            if row.id in nodes:
                yield from envoy_lines(name, row)
