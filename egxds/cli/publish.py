"""The command that publishes files for many machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from egxds.app.pipeline import Build
from egxds.cli.canary import canary_of, end_candidate, put_lines, unknown_nodes, write_ended
from egxds.cli.canary_uptake import wait_for_canaries
from egxds.cli.diff import resources_of, write_comparison
from egxds.cli.load import STANDARD_INPUT, check_there, settings_for
from egxds.cli.offline import build_of_tree
from egxds.cli.options import Strictness
from egxds.cli.origin import origin_of
from egxds.cli.output import FINDINGS, USAGE, write_line, write_message
from egxds.cli.publishable import publishable
from egxds.cli.published_store import encryption_for, etcd_source, with_generations, with_watched_generations
from egxds.cli.uptake import wait_for_uptake
from egxds.cli.validate import checked
from egxds.errors import EgxdsError
from egxds.etcd.errors import EtcdError
from egxds.files.reading.content import ReadLimits
from egxds.inspect.comparison import compare
from egxds.published.candidate import Candidate
from egxds.published.content import Content, tree_of
from egxds.published.errors import PublishedContentError
from egxds.published.limits import limits_of
from egxds.published.publishing import Published, Publisher
from egxds.published.putting_candidate import Canary, CandidatePut, put_candidate
from egxds.published.reading import Generations, WatchedGenerations
from egxds.published.record import Origin
from egxds.published.sweeping import sweep
from egxds.settings.daemon import Settings
from egxds.settings.etcd import EtcdSource

_Texts = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """What is wanted, beside the files.

    Attributes:
        message: what for.
        author: who; None for whoever runs the command.
        is_dry_run: whether it ends with what would become another.
        is_whole: whether all is uploaded, whatever is said to be there.
        wait_s: for how long it is waited, at most, until all Envoys have it; None for not at all.
        canary: ids of the nodes that are served the files before all others are; none where all are at once.
        promote_after_s: after which time without a fault those are promoted by themselves; None where not said.
    """

    message: str
    author: str | None
    is_dry_run: bool
    is_whole: bool
    wait_s: float | None = None
    canary: tuple[str, ...] = ()
    promote_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Files:
    """Files that are fine."""

    build: Build
    settings: Settings
    content: Content
    limits: ReadLimits


def publish(paths: list[Path], config: Path, options: PublishOptions) -> None:
    """Check files, have them in force, and say what became another by that.

    Args:
        paths: directories and files.
        config: the settings file, which says where to.
        options: what is wanted.
    """
    source = etcd_source(config)
    canary = canary_of(options.canary, options.promote_after_s) if options.canary else None
    files = _checked(paths, config, source)
    if options.is_dry_run:
        _rehearse(files, config)
        return
    origin = origin_of(options.author, options.message, paths)
    if canary is not None:
        _publish_canary(files, config, source, origin, canary, options.wait_s)
        return
    number = _publish(files, config, source, origin, is_whole=options.is_whole)
    if options.wait_s is not None:
        wait_for_uptake(config, number, options.wait_s)


def _publish(files: _Files, config: Path, source: EtcdSource, origin: Origin, *, is_whole: bool) -> int:
    """Have files in force, and say what became another; return the number of the generation."""

    async def work(generations: Generations) -> tuple[Published, Candidate | None, EgxdsError | None]:
        published = await Publisher(generations).publish(files.content, origin, is_whole=is_whole)
        if not published.is_new:
            return published, await end_candidate(generations, published.record, origin.author), None
        return published, published.ended, await _swept(generations, source.keep)

    published, ended, unswept = with_generations(config, work)
    record = published.record
    if not published.is_new:
        write_line(f"nothing is new: generation {record.generation} is in force and has these files")
        write_ended(ended)
        return record.generation
    before = f", after {published.before.generation}" if published.before else ""
    write_line(f"generation {record.generation} is in force{before}: {record.files} files, {record.size_bytes} bytes")
    write_ended(ended)
    _compare(files, published.texts, published.fault)
    _say_unswept(unswept)
    return record.generation


def _publish_canary(
    files: _Files, config: Path, source: EtcdSource, origin: Origin, canary: Canary, wait_s: float | None
) -> None:
    """Have files served to some nodes first, and say what becomes another by that."""

    async def work(generations: WatchedGenerations) -> tuple[CandidatePut, str, EgxdsError | None]:
        done = await put_candidate(generations, files.content, origin, canary)
        if done.candidate is None:
            return done, "", None
        # Replicas that promote it may remove nothing, so it is done here.
        return done, await unknown_nodes(generations, canary.nodes), await _swept(generations, source.keep)

    done, warning, unswept = with_watched_generations(config, work)
    if done.candidate is None:
        number = done.head.generation if done.head is not None else 0
        write_line(f"nothing is new: generation {number} is in force and has these files")
        return
    for line in put_lines(done.candidate, done.put_at):
        write_line(line)
    _compare(files, done.texts, done.fault)
    if warning:
        write_message(f"warning: {warning}")
    _say_unswept(unswept)
    if not done.candidate.is_live:
        raise click.exceptions.Exit(FINDINGS)
    if wait_s is not None and done.put_at:
        wait_for_canaries(config, done.candidate, done.put_at, wait_s)


def _checked(paths: list[Path], config: Path, source: EtcdSource) -> _Files:
    if STANDARD_INPUT in map(str, paths):
        write_message("standard input is not published, as files of a generation have names")
        raise click.exceptions.Exit(USAGE)
    encryption = encryption_for(config)
    check_there(paths)
    settings = settings_for(paths, config)
    build = checked(settings, config, Strictness.WARNINGS)
    return _Files(build, settings, publishable(build, paths, source, encryption), limits_of(source))


async def _swept(generations: Generations, keep: int) -> EgxdsError | None:
    """Remove what is not needed any more; return why where that cannot be."""
    try:
        await sweep(generations, keep)
    except (EtcdError, PublishedContentError) as err:
        return err
    return None


def _say_unswept(why: EgxdsError | None) -> None:
    if why is not None:
        write_message(f"warning: what no generation needs any more was not removed: {why}")


def _rehearse(files: _Files, config: Path) -> None:
    async def work(generations: Generations) -> tuple[_Texts | None, PublishedContentError | None]:
        publisher = Publisher(generations)
        plan = await publisher.plan(files.content)
        try:
            return await publisher.texts_before(plan, {}), None
        except PublishedContentError as err:
            return None, err

    _compare(files, *with_generations(config, work))
    write_line("nothing was published")


def _compare(files: _Files, before: _Texts | None, fault: EgxdsError | None) -> None:
    """Say what becomes another by files.

    Args:
        files: the new ones.
        before: path → what the files held before; None where that cannot be read.
        fault: why it cannot.
    """
    if before is None:
        write_message(f"warning: what becomes another is not known, since what was in force cannot be read: {fault}")
        return
    was = build_of_tree(files.settings, tree_of(before, files.limits))
    write_comparison(compare(resources_of(was), resources_of(files.build)))
