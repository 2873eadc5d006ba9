"""Loads the hooks that are Python objects, and says why one cannot be; asks no server. Imports code of the user's."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

from egxds.errors import StartError
from egxds.extension.loading import NotLoadedError, load
from egxds.hooks.calls import describe_manager
from egxds.problems import Location, Problem, error, warning
from egxds.settings.daemon import Settings
from egxds.settings.extensions import ExtensionManager
from egxds.shown_text import shown_name


def hook_faults(settings: Settings, config: Path) -> tuple[Problem, ...]:
    """Return what is wrong with hooks that are Python objects: what cannot be loaded, and what is never called.

    Args:
        settings: name the extensions.
        config: their file, beside which relative paths start, and where a fault stands that has no place of its own.
    """
    python = (manager for manager in settings.extensions if manager.service.python is not None)
    return tuple(fault for manager in python for fault in _faults(manager, config))


def _faults(manager: ExtensionManager, config: Path) -> Iterator[Problem]:
    service, found, at = manager.service, list[Problem](), Location(shown_name(str(config)), 0)
    where = f"service.python of {describe_manager(manager.name)}: {service.python}"

    def work() -> None:
        path = tuple((config.absolute().parent / directory).absolute() for directory in service.path)
        try:
            loaded = load(service.python or "", path, manager.hooks.xds_translator.post)
            found.extend(warning(at, f"{where}: {note}") for note in loaded.notes)
        except (StartError, NotLoadedError) as err:
            found.append(error(_place(err) or at, f"{where}: {err}"))

    # Nothing waits for it at the end: an import may hang for good.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(service.load_timeout)
    if thread.is_alive():
        late = f"cannot be loaded: not done within {service.load_timeout:g} s (service.loadTimeout)"
        yield error(at, f"{where}: {late}")
    yield from found


def _place(err: BaseException) -> Location | None:
    """Return where an error came from, if that is code of the user's."""
    cause = err.__cause__
    if cause is None or isinstance(err, StartError):
        return None
    if isinstance(cause, SyntaxError) and cause.filename:
        return Location(cause.filename, cause.lineno or 0)
    frames = traceback.extract_tb(cause.__traceback__)
    # A module that is not found has no frame of the user's.
    own = [frame for frame in frames if "importlib" not in frame.filename and "egxds" not in frame.filename.split("/")]
    return Location(own[-1].filename, own[-1].lineno or 0) if own else None
