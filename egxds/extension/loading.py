"""Loads the object that an extension in Python is. Imports code of the user's."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from functools import reduce
from pathlib import Path

from egxds.errors import StartError
from egxds.extension.functions import HookFunction, check_asked, defined_functions, never_called
from egxds.settings.extensions import Hook


def hook_functions(loaded: object, hooks: tuple[Hook, ...]) -> dict[Hook, HookFunction]:
    """Return the functions of an object that are asked for.

    Args:
        loaded: the object.
        hooks: those that are asked for.

    Raises:
        StartError: it does not define all of them, or one that is none as it stands.
    """
    defined = defined_functions(loaded)
    check_asked(defined, hooks)
    return {hook: function for hook, function in defined.items() if hook in hooks}


def unasked_functions(loaded: object, hooks: tuple[Hook, ...]) -> tuple[str, ...]:
    """Say which functions of an object are never called, each in a sentence; a warning, for `hook_functions` takes it.

    Args:
        loaded: the object.
        hooks: those that are asked for.
    """
    return never_called(defined_functions(loaded), hooks)


def load_object(target: str, path: Iterable[Path]) -> object:
    """Import an object; of a class, make an object.

    Args:
        target: `package.module:object`.
        path: directories to look in after Python's own, so that nothing in them hides a package that egxds needs.
            They stay in force, because the code may import more when it runs.

    Raises:
        StartError: it cannot be imported or made.
    """
    for directory in path:
        if not directory.is_dir():
            raise StartError(f"{directory} is no directory")
        if str(directory) not in sys.path:
            sys.path.append(str(directory))
    module_name, _, name = target.partition(":")
    importlib.invalidate_caches()
    try:
        found = reduce(getattr, name.split("."), importlib.import_module(module_name))
        return found() if isinstance(found, type) else found
    except (Exception, SystemExit) as err:
        raise StartError(f"cannot be loaded: {type(err).__name__}: {err}") from err
