"""The store of generations that a settings file names, for commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio
import click

from egxds.cli.generation_names import GenerationName
from egxds.cli.load import load_settings
from egxds.cli.output import FINDINGS, UNREACHED, USAGE, write_message
from egxds.errors import EgxdsError
from egxds.etcd.client import EtcdClient
from egxds.etcd.errors import EtcdError, OutcomeUnknownError, UnavailableError
from egxds.published.encryption import Encryption
from egxds.published.errors import ConflictError, NoGenerationError, PublishedContentError, SweptError
from egxds.published.key_file import KeyFileError, encryption_of
from egxds.published.layout import Layout
from egxds.published.limits import limits_of
from egxds.published.reading import Generations, Kept, Seen
from egxds.settings.etcd import EtcdSource

_T = TypeVar("_T")
_NOTHING_DONE = (ConflictError, SweptError, UnavailableError)


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
    """Do something with the generations of a store; where that fails, say why and end the command.

    Exit 3 where nothing was done, so that the same may be asked for again; else 1.

    Args:
        config: the settings file.
        work: what.
    """
    source = etcd_source(config)
    base = config.absolute().parent if config is not None else Path()
    try:
        return anyio.run(_connected, source, base, work)
    except (EtcdError, PublishedContentError, NoGenerationError, ConflictError, SweptError) as err:
        write_message(_said(err, source))
        raise click.exceptions.Exit(UNREACHED if isinstance(err, _NOTHING_DONE) else FINDINGS) from err


async def _connected(source: EtcdSource, base: Path, work: Callable[[Generations], Awaitable[_T]]) -> _T:
    client = EtcdClient(source, base)
    try:
        encryption = encryption_of(source, base)
        return await work(Generations(client, Layout(source.prefix), limits_of(source), encryption))
    finally:
        await client.aclose()


async def find(generations: Generations, name: GenerationName, seen: Seen) -> Kept:
    """Return the record of a generation.

    Raises:
        NoGenerationError: it is not kept.
    """
    number = name.resolved(seen.head.generation if seen.head else 0)
    found = await generations.kept((number,))
    if not found:
        raise NoGenerationError(number)
    return found[0]


def _said(err: EgxdsError, source: EtcdSource) -> str:
    if isinstance(err, ConflictError):
        return f"{err}; nothing was done"
    if isinstance(err, OutcomeUnknownError):
        return f"no answer came from etcd, so that it may be done or not: `egxds history` says what is in force ({err})"
    if isinstance(err, UnavailableError):
        return f"nothing was done: etcd at {', '.join(source.endpoints)} cannot be used: {err}"
    return str(err)
