"""The commands about candidates: what some nodes are served before all are, and what becomes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from egxds.cli.ages import age
from egxds.cli.origin import whoever
from egxds.cli.output import FINDINGS, UNREACHED, USAGE, write_line, write_message
from egxds.cli.published_store import with_watched_generations
from egxds.cli.uptake import wait_for_uptake
from egxds.etcd.errors import EtcdError
from egxds.fleet.watching import envoys_of_all
from egxds.published.candidate import (
    LONGEST_WAIT_S,
    MOST_NODE_CHARACTERS,
    MOST_NODES,
    USUAL_WAIT_S,
    Candidate,
    taken_back,
)
from egxds.published.ending_candidate import Missed, Promoted, Withdrawn
from egxds.published.ending_candidate import promote as promote_candidate
from egxds.published.ending_candidate import take_back as take_candidate_back
from egxds.published.errors import ConflictError
from egxds.published.putting_candidate import Canary
from egxds.published.reading import Generations, Seen, WatchedGenerations
from egxds.published.record import Record
from egxds.settings.quantities import duration_text
from egxds.shown_text import shown

_SHOWN_NODES = 5
_NO_REASON = "somebody wanted it back"


def canary_of(nodes: Sequence[str], promote_after_s: float | None) -> Canary:
    """Return for whom a candidate is to be; where that cannot be, say why and end the command with exit 2.

    Args:
        nodes: ids of nodes, as they were named.
        promote_after_s: after which time without a fault it is promoted by itself; None where not said.
    """
    after_s = USUAL_WAIT_S if promote_after_s is None else math.ceil(promote_after_s)
    fault = next(filter(None, map(_fault_of, nodes)), "")
    if len(nodes) > MOST_NODES:
        fault = f"{len(nodes)} nodes are too many for --canary: name at most {MOST_NODES}"
    if after_s > LONGEST_WAIT_S:
        fault = f"--for is at most {duration_text(LONGEST_WAIT_S)}; with --for 0 `egxds promote` says when"
    if fault:
        write_message(fault)
        raise click.exceptions.Exit(USAGE)
    return Canary(tuple(sorted(set(nodes))), after_s)


def _fault_of(node: str) -> str:
    if not node:
        return "--canary names no node: write the id that its bootstrap has (node.id)"
    if shown(node) != node:
        return f"--canary {shown(node)}: has characters that cannot be shown"
    if len(node) > MOST_NODE_CHARACTERS:
        return f"the id of a node has at most {MOST_NODE_CHARACTERS} characters, and {node[:20]}… more"
    return ""


def put_lines(candidate: Candidate, put_at: int) -> Iterator[str]:
    """Yield what is said of a candidate that was just put, or has ended by the time that etcd has said so.

    Args:
        candidate: it.
        put_at: revision of the change that put it there; 0 where it is in force for all by now.
    """
    record = candidate.record
    if not put_at:
        yield f"generation {record.generation} is in force for all by now"
        return
    if not candidate.is_live:
        yield f"generation {record.generation} was {taken_back_text(candidate)}"
        return
    before = f", after {record.parent}" if record.parent else ""
    yield (
        f"generation {record.generation} is a candidate{before}, for {nodes_text(candidate)}: {record.files} files, "
        f"{record.size_bytes} bytes"
    )
    back = "`egxds rollback --candidate` takes it back"
    if candidate.promote_after_s:
        after = duration_text(candidate.promote_after_s)
        yield f"it is promoted after {after} without a fault, or by `egxds promote`; {back}"
    else:
        yield f"`egxds promote` has it in force for all; {back}"


def nodes_text(candidate: Candidate) -> str:
    """Return for which nodes a candidate is, in some words."""
    nodes = candidate.nodes
    more = f" and {len(nodes) - _SHOWN_NODES} more" if len(nodes) > _SHOWN_NODES else ""
    return f"{', '.join(map(shown, nodes[:_SHOWN_NODES]))}{more}"


def taken_back_text(candidate: Candidate) -> str:
    """Return who took a candidate back, when and why; nothing where nobody did."""
    back = candidate.taken_back
    return f"taken back {age(back.at.isoformat())} ago by {back.by}: {back.why}" if back is not None else ""


async def unknown_nodes(generations: WatchedGenerations, nodes: Sequence[str]) -> str:
    """Return what is to be said of nodes that no replica knows, which may be about to come; nothing where all are."""
    try:
        rows, _ = await envoys_of_all(generations.watched, generations.layout)
    except EtcdError as err:
        return f"whether its nodes are connected is not known: {err}"
    known = {row.id for each in rows.values() for row in each}
    unknown = [each for each in map(shown, nodes) if each not in known]
    more = f" and {len(unknown) - _SHOWN_NODES} more" if len(unknown) > _SHOWN_NODES else ""
    names = ", ".join(unknown[:_SHOWN_NODES])
    return f"{names}{more}: no such node is connected to any replica now" if unknown else ""


def promote(config: Path, wait_s: float | None) -> None:
    """Have the candidate in force for all.

    Args:
        config: the settings file, which says where it is.
        wait_s: for how long it is waited, at most, until all Envoys have it; None for not at all.
    """

    async def work(generations: Generations) -> Promoted | Missed | Seen:
        seen = await generations.look()
        generations.check_candidate(seen)
        if seen.candidate is None:
            return seen
        return await promote_candidate(generations, seen.candidate, seen.found.put_at)

    done = with_watched_generations(config, work)
    if isinstance(done, Seen):
        _say_there_is_none(done)
    if isinstance(done, Missed):
        _say_somebody_was_first(done)
    number = done.record.generation
    write_line(f"generation {number} is in force for all")
    if wait_s is not None:
        wait_for_uptake(config, number, wait_s)


def withdraw(config: Path, why: str, author: str | None) -> None:
    """Have the candidate served to nobody.

    Args:
        config: the settings file, which says where it is.
        why: the reason; empty for none in particular.
        author: who wants it; None for whoever runs the command.
    """

    async def work(generations: Generations) -> Withdrawn | Missed | Seen:
        seen = await generations.look()
        generations.check_candidate(seen)
        return await _ended(generations, seen, why or _NO_REASON, author or whoever())

    done = with_watched_generations(config, work)
    if isinstance(done, Seen):
        _say_there_is_none(done)
    if isinstance(done, Missed):
        _say_somebody_was_first(done)
    number, nodes = done.candidate.record.generation, nodes_text(done.candidate)
    write_line(f"generation {number}, the candidate, is taken back; served what all are again: {nodes}")


async def end_candidate(generations: Generations, wanted: Record, author: str) -> Candidate | None:
    """Take a candidate back where what was wanted for all is in force already; return it, where there was one.

    Args:
        generations: where.
        wanted: what is in force, and is to be.
        author: who wants that.

    Raises:
        ConflictError: something else came into force meanwhile, such as the candidate.
    """
    seen = await generations.look()
    _check_in_force(wanted, seen)
    done = await _ended(generations, seen, "what was in force was published again", author)
    if isinstance(done, Missed):
        _check_in_force(wanted, done.now)
    return done.candidate if isinstance(done, Withdrawn) else None


def _check_in_force(wanted: Record, seen: Seen) -> None:
    if seen.head != wanted:
        raise ConflictError(seen.head)


def write_ended(candidate: Candidate | None) -> None:
    """Say that a candidate has ended by that, where there was one."""
    if candidate is not None:
        record = candidate.record
        whose = f" of {record.author}" if record.author else ""
        why = f" ({record.message})" if record.message else ""
        write_line(f"the candidate{whose}{why}, for {nodes_text(candidate)}, has come to its end by that")


async def _ended(generations: Generations, seen: Seen, why: str, author: str) -> Withdrawn | Missed | Seen:
    if seen.candidate is None:
        return seen
    withdrawn = taken_back(seen.candidate, why, datetime.now(UTC), author)
    return await take_candidate_back(generations, seen.found.put_at, withdrawn)


def _say_there_is_none(seen: Seen) -> NoReturn:
    found = seen.last_candidate
    was = taken_back_text(found) if found is not None else ""
    number = found.record.generation if found is not None else 0
    write_message(f"there is no candidate: generation {number} was {was}" if was else "there is no candidate")
    raise click.exceptions.Exit(FINDINGS)


def _say_somebody_was_first(missed: Missed) -> NoReturn:
    write_message(f"{missed}; nothing was done")
    raise click.exceptions.Exit(UNREACHED)


def described(candidate: Candidate) -> Mapping[str, object]:
    """Return a candidate for programs, without its manifest."""
    return candidate.model_dump(
        mode="json", by_alias=True, exclude={"written_as": True, "record": {"written_as", "buckets"}}
    )
