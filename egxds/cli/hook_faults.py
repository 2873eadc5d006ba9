"""Loads the hooks that are Python objects, and says why one cannot be; asks no server. Imports code of the user's."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from egxds.errors import StartError
from egxds.extension.loading import NotLoadedError, load
from egxds.hooks.calls import describe_manager
from egxds.problems import Severity
from egxds.settings.daemon import Settings
from egxds.settings.extensions import ExtensionManager


@dataclass(frozen=True, slots=True)
class HookFault:
    """What is wrong with an extension.

    Attributes:
        severity: an error keeps it from being loaded.
        message: with file and line where those are known.
    """

    severity: Severity
    message: str

    def __str__(self) -> str:
        return self.message


def hook_faults(settings: Settings, base: Path) -> tuple[HookFault, ...]:
    """Return what is wrong with hooks that are Python objects: what cannot be loaded, and what is never called.

    Args:
        settings: name the extensions.
        base: directory that relative paths of the settings start from.
    """
    python = (manager for manager in settings.extensions if manager.service.python is not None)
    return tuple(fault for manager in python for fault in _faults(manager, base))


def _faults(manager: ExtensionManager, base: Path) -> Iterator[HookFault]:
    service, found = manager.service, list[HookFault]()
    where = f"service.python of {describe_manager(manager.name)}: {service.python}"

    def work() -> None:
        path = tuple((base / directory).absolute() for directory in service.path)
        try:
            loaded = load(service.python or "", path, manager.hooks.xds_translator.post)
            found.extend(HookFault(Severity.WARNING, f"warning: {where}: {note}") for note in loaded.notes)
        except (StartError, NotLoadedError) as err:
            found.append(HookFault(Severity.ERROR, f"{_place(err)}error: {where}: {err}"))

    # Nothing waits for it at the end: an import may hang for good.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(service.load_timeout)
    if thread.is_alive():
        late = f"cannot be loaded: not done within {service.load_timeout:g} s (service.loadTimeout)"
        yield HookFault(Severity.ERROR, f"error: {where}: {late}")
    yield from found


def _place(err: BaseException) -> str:
    """Return `file:line: ` of what an error came from, or nothing."""
    cause = err.__cause__
    if cause is None or isinstance(err, StartError):
        return ""
    if isinstance(cause, SyntaxError) and cause.filename:
        return f"{cause.filename}:{cause.lineno}: "
    frames = traceback.extract_tb(cause.__traceback__)
    # A module that is not found has no frame of the user's.
    own = [frame for frame in frames if "importlib" not in frame.filename and "egxds" not in frame.filename.split("/")]
    return f"{own[-1].filename}:{own[-1].lineno}: " if own else ""
