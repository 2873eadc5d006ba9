"""Which source a daemon has, by its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio

from egxds.app.etcd_source import PublishedSource
from egxds.app.file_source import WatchedFiles
from egxds.app.fleet import Fleet
from egxds.app.history.local_history import LocalHistory
from egxds.app.own_record import Knowledge
from egxds.app.source import Source, Trees
from egxds.app.state_directory import StateDirectory
from egxds.etcd.client import EtcdClient
from egxds.etcd.operations import EtcdStore
from egxds.hooks.shared.replies import SharedReplies
from egxds.settings.daemon import Settings
from egxds.settings.etcd import EtcdSource
from egxds.settings.history import HistorySettings
from egxds.telemetry import Metrics

_CLOSING_S = 1.0
"""How long connections may take to be closed, also at the end of the daemon."""


def source_of(
    settings: Settings,
    base: Path,
    metrics: Metrics,
    tell: Callable[[str], None],
    directory: StateDirectory | None = None,
) -> Source:
    """Return where documents come from.

    Args:
        settings: say so.
        base: directory that relative paths start from.
        metrics: where it is counted how the source is doing.
        tell: is told why changes of files are found by the poll alone, and with an empty text that this is over.
        directory: `stateDir`; None keeps nothing.
    """
    if settings.sources.etcd is not None:
        return PublishedSource(settings.sources.etcd, lambda etcd: _connected(etcd, base), metrics, base)
    history = partial(_history, settings.history, metrics, directory) if directory is not None else None
    return WatchedFiles(settings, base, tell, history)


def _history(settings: HistorySettings, metrics: Metrics, directory: StateDirectory, trees: Trees) -> LocalHistory:
    return LocalHistory(trees, directory, settings, metrics)


def shared_replies_of(settings: Settings, base: Path, metrics: Metrics) -> SharedReplies:
    """Return what replies of extensions are shared through: the store that documents come from, where it is one.

    Args:
        settings: say so.
        base: directory that relative paths start from.
        metrics: where it is shown whether replies are shared.
    """
    return SharedReplies(settings.sources.etcd, lambda etcd: _connected(etcd, base), metrics, base)


def fleet_of(settings: Settings, base: Path, metrics: Metrics, knowledge: Knowledge) -> Fleet:
    """Return what is known of other replicas, and tells them of this one.

    Args:
        settings: say where that is told.
        base: directory that relative paths start from.
        metrics: where it is counted.
        knowledge: what this one knows of itself.
    """
    return Fleet(settings, lambda etcd: _connected(etcd, base), metrics, knowledge)


@asynccontextmanager
async def _connected(settings: EtcdSource, base: Path) -> AsyncIterator[EtcdStore]:
    client = EtcdClient(settings, base)
    try:
        yield client
    finally:
        with anyio.move_on_after(_CLOSING_S, shield=True):
            await client.aclose()
