"""Loads the object that an extension in Python is. Imports code of the user's."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterable
from functools import reduce
from pathlib import Path

from egxds.errors import StartError
from egxds.extension.forms import FORMS
from egxds.extension.hooks import Hooks
from egxds.settings.extensions import Hook

HookFunction = Callable[[object, object], Awaitable[object]]
"""One of the functions of `Hooks`, of an object."""


def hook_functions(loaded: object, hooks: tuple[Hook, ...]) -> dict[Hook, HookFunction]:
    """Return the functions that an object defines.

    Args:
        loaded: the object.
        hooks: those that are asked for.

    Raises:
        StartError: it defines none of them, or one that is no function to await.
    """
    found: dict[Hook, HookFunction] = {}
    for hook in hooks:
        name = FORMS[hook].function
        function = getattr(loaded, name, None)
        if function is None or getattr(type(loaded), name, None) is getattr(Hooks, name):
            continue
        if not inspect.iscoroutinefunction(function):
            raise StartError(f"{name} must be a function of the form `async def {name}(self, …)`")
        found[hook] = function
    if not found:
        wanted = ", ".join(FORMS[hook].function for hook in hooks)
        raise StartError(f"defines none of the functions that hooks.xdsTranslator.post asks for: {wanted}")
    return found


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
