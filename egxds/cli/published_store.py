"""The generations that a settings file leads to, for commands: those in etcd, or those of files in `stateDir`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio
import click

from egxds.app.history.history_file import FILE_NAME, HistoryFile
from egxds.app.history.local_generations import HISTORY_LIMITS, LAYOUT
from egxds.app.history.local_names import local_name
from egxds.cli.generation_names import GenerationName
from egxds.cli.load import load_settings
from egxds.cli.output import FINDINGS, UNREACHED, USAGE, write_message
from egxds.errors import EgxdsError
from egxds.etcd.client import EtcdClient
from egxds.etcd.errors import NoSpaceError, OutcomeUnknownError, UnavailableError
from egxds.files.reading.content import ReadLimits
from egxds.published.encryption import Encryption
from egxds.published.errors import (
    CandidateConflictError,
    ConflictError,
    NoCandidateError,
    NoGenerationError,
    SweptError,
)
from egxds.published.key_file import KeyFileError, encryption_of
from egxds.published.layout import Layout
from egxds.published.limits import limits_of
from egxds.published.reading import Generations, Seen, WatchedGenerations
from egxds.published.record import Record
from egxds.sealed_records import UnreadableStateError
from egxds.settings.etcd import EtcdSource

_T = TypeVar("_T")
_NOTHING_DONE = (CandidateConflictError, ConflictError, SweptError, UnavailableError)
_MAKE_ROOM = "`etcdctl compact`, `defrag` and `alarm disarm` make room, or --quota-backend-bytes of etcd"
_PLACES = "sources.etcd, or stateDir for those of files"


def etcd_source(config: Path | None) -> EtcdSource:
    """Return where generations are; where no settings file says so, that is said, and the command ends with exit 2."""
    if config is None:
        write_message("name the settings file that says where generations are, in sources.etcd: -c egxds.yaml")
        raise click.exceptions.Exit(USAGE)
    source = load_settings(config).sources.etcd
    if source is None:
        write_message(f"{config} has no sources.etcd, which says where generations are")
        raise click.exceptions.Exit(USAGE)
    return source


def encryption_for(config: Path | None) -> Encryption:
    """Return how contents are encrypted; where the key cannot be used, say why and end the command with exit 2."""
    base = config.absolute().parent if config is not None else Path()
    try:
        return encryption_of(etcd_source(config), base)
    except KeyFileError as err:
        write_message(str(err))
        raise click.exceptions.Exit(USAGE) from err


def with_generations(config: Path | None, work: Callable[[Generations], Awaitable[_T]]) -> _T:
    """Do something with generations; where that fails, say why and end the command.

    Exit 3 where nothing was done, so that the same may be asked for again; else 1.

    Args:
        config: the settings file.
        work: what.
    """
    place = generations_of(config)
    with _faults_told(place.etcd, place.state_dir):
        return anyio.run(place.work_with, work)


def with_watched_generations(config: Path, work: Callable[[WatchedGenerations], Awaitable[_T]]) -> _T:
    """Do something with generations in etcd, as `with_generations` does; where they are elsewhere, exit 2."""
    source = etcd_source(config)
    with _faults_told(source, None):
        return anyio.run(_connected, source, config.absolute().parent, work)


@contextmanager
def _faults_told(source: EtcdSource | None, state_dir: Path | None) -> Iterator[None]:
    try:
        yield
    except (EgxdsError, OSError, UnreadableStateError) as err:
        write_message(_said(err, source, state_dir))
        raise click.exceptions.Exit(UNREACHED if isinstance(err, _NOTHING_DONE) else FINDINGS) from err


@dataclass(frozen=True, slots=True)
class GenerationsPlace:
    """Where generations are.

    Attributes:
        base: directory that relative paths start from.
        etcd: the store; None where they are those of files.
        state_dir: directory with those of files; None where they are in etcd.
    """

    base: Path
    etcd: EtcdSource | None
    state_dir: Path | None

    @property
    def limits(self) -> ReadLimits:
        """What is taken of one."""
        return limits_of(self.etcd) if self.etcd is not None else HISTORY_LIMITS

    def name_of(self, path: str) -> str:
        """Return what people call a file of a generation."""
        return path if self.etcd is not None else local_name(path)

    async def work_with(self, work: Callable[[Generations], Awaitable[_T]]) -> _T:
        """Do something with them."""
        if self.etcd is not None:
            return await _connected(self.etcd, self.base, work)
        file = HistoryFile((self.state_dir or self.base) / FILE_NAME)
        return await work(Generations(file, LAYOUT, HISTORY_LIMITS))


def generations_of(config: Path | None) -> GenerationsPlace:
    """Return where generations are; where no settings file says so, that is said, and the command ends with exit 2."""
    if config is None:
        write_message(f"name the settings file that says where generations are, in {_PLACES}: -c egxds.yaml")
        raise click.exceptions.Exit(USAGE)
    settings, base = load_settings(config), config.absolute().parent
    if settings.sources.etcd is None and settings.state_dir is None:
        write_message(f"{config} has no {_PLACES}, where generations are kept")
        raise click.exceptions.Exit(USAGE)
    if settings.sources.etcd is not None:
        return GenerationsPlace(base, settings.sources.etcd, None)
    return GenerationsPlace(base, None, base / (settings.state_dir or ""))


async def _connected(source: EtcdSource, base: Path, work: Callable[[WatchedGenerations], Awaitable[_T]]) -> _T:
    client = EtcdClient(source, base)
    try:
        encryption = encryption_of(source, base)
        return await work(WatchedGenerations(client, Layout(source.prefix), limits_of(source), encryption))
    finally:
        await client.aclose()


async def find(generations: Generations, name: GenerationName, seen: Seen) -> Record:
    """Return the record of a generation.

    Raises:
        NoCandidateError: there is no candidate.
        NoGenerationError: it is not kept.
        PublishedContentError: what stands there cannot be read.
    """
    if name.is_candidate:
        generations.check_candidate(seen)
        if seen.candidate is None:
            raise NoCandidateError
        return seen.candidate.record
    number = name.resolved(seen.head.generation if seen.head else 0)
    found = await generations.kept((number,))
    if not found:
        raise NoGenerationError(number)
    return found[0].record


def _said(err: Exception, source: EtcdSource | None, state_dir: Path | None) -> str:
    if source is None:
        return str(err) if isinstance(err, NoCandidateError | NoGenerationError) else _said_of_files(err, state_dir)
    if isinstance(err, ConflictError | CandidateConflictError):
        return f"{err}; nothing was done"
    if isinstance(err, OutcomeUnknownError):
        return f"no answer came from etcd, so that it may be done or not: `egxds history` says what is in force ({err})"
    if isinstance(err, NoSpaceError):
        return f"nothing was done: the quota of etcd is used up; {_MAKE_ROOM} ({err})"
    if isinstance(err, UnavailableError):
        return f"nothing was done: etcd at {', '.join(source.endpoints)} cannot be used: {err}"
    return str(err)


def _said_of_files(err: Exception, state_dir: Path | None) -> str:
    why = (err.strerror or str(err)) if isinstance(err, OSError) else str(err)
    advice = "; run this as the user that egxds has" if isinstance(err, PermissionError) else ""
    return f"the generations in {state_dir} cannot be read: {why}{advice}"
