"""Loads the Python object that holds a user's hooks. Runs the user's code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from functools import reduce
from pathlib import Path

from egxds.errors import StartError


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
