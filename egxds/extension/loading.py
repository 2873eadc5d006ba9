"""Loads the object that an extension in Python is. Imports code of the user's.

What is wrong is of two kinds. Settings that name what is not there, or ask for what the object does not have, are
plainly wrong, and will be so after the next try (`StartError`). Code that fails when it runs may not fail the next
time: it waits for a network, or is being written (`NotLoadedError`).

The module is looked for in the directories of `path` first, though these stand behind Python's own when it imports
others: a file that has the name of a module of Python's, or of a package that egxds needs, is loaded all the same,
under a name of its own in `sys.modules`, and hides nothing. Within such a package, imports must be relative.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from egxds.errors import EgxdsError, StartError
from egxds.extension.functions import HookFunction, check_asked, defined_functions, never_called
from egxds.extension.places import OwnFiles
from egxds.settings.extensions import Hook

_OWN_NAME = "egxds_hooks_"
"""Before the name of a module whose own name is another's."""


class NotLoadedError(EgxdsError):
    """Code of the user's failed when it was loaded; the message says with what, and where."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An extension that was loaded.

    Attributes:
        functions: that were asked for.
        own_files: where its code is.
        notes: functions that are never called, a sentence for each.
    """

    functions: Mapping[Hook, HookFunction]
    own_files: OwnFiles
    notes: tuple[str, ...]


def load(target: str, path: Iterable[Path], hooks: tuple[Hook, ...]) -> Loaded:
    """Load an extension.

    Args:
        target: `package.module:object`.
        path: directories in which it may be.
        hooks: functions that are asked for.

    Raises:
        StartError: there is no such thing, or it is not what is asked for.
        NotLoadedError: its code failed.
    """
    directories = tuple(path)
    loaded = load_object(target, directories)
    defined = defined_functions(loaded)
    check_asked(defined, hooks)
    functions = {hook: function for hook, function in defined.items() if hook in hooks}
    return Loaded(functions, own_files(target, directories), never_called(defined, hooks))


def own_files(target: str, path: Iterable[Path]) -> OwnFiles:
    """Say where the code of an extension is: in the directories of `path`, and in the package of its module."""
    directories = tuple(path)
    module = sys.modules.get(_top(target))
    origin = _file_of(module) if module else None
    package = getattr(module, "__path__", None)
    places = [f"{directory}/" for directory in (*(package or ()), *directories)]
    return OwnFiles(tuple(places if package or origin is None else [*places, origin]))


def check_directories(path: Iterable[Path]) -> None:
    """See whether the directories are there.

    Raises:
        StartError: one is not.
    """
    for directory in path:
        if not directory.is_dir():
            raise StartError(f"{directory} is no directory")


def load_object(target: str, path: Iterable[Path]) -> object:
    """Import an object; of a class, make an object.

    Args:
        target: `package.module:object`.
        path: directories to look in. They stay in force, behind Python's own, because the code may import more when it
            runs.

    Raises:
        StartError: there is no such module, or no such object in it.
        NotLoadedError: its code failed.
    """
    directories = tuple(path)
    check_directories(directories)
    # What was compiled before counts for Python where a file has the same size, and was written in the same second: an
    # edit soon after another would not be seen.
    sys.dont_write_bytecode = True
    for directory in directories:
        if str(directory) not in sys.path:
            sys.path.append(str(directory))
    module_name, _, name = target.partition(":")
    importlib.invalidate_caches()
    own = own_files(target, directories)
    try:
        module = _import(module_name, [str(directory) for directory in directories])
        found = _attribute(module, name)
        return found() if isinstance(found, type) else found
    except StartError:
        raise
    except BaseException as err:
        raise NotLoadedError(f"cannot be loaded: {own.describe(err)}") from err


def _import(module_name: str, directories: list[str]) -> ModuleType:
    top, _, rest = module_name.partition(".")
    spec = PathFinder.find_spec(top, directories) if directories else None
    if spec is not None and spec.origin is not None:
        top = _import_from(spec, top if _is_found_by_name(top, spec) else f"{_OWN_NAME}{top}")
    try:
        return importlib.import_module(f"{top}.{rest}" if rest else top)
    except ModuleNotFoundError as err:
        if err.name is not None and f"{module_name}.".startswith(f"{err.name}."):
            raise StartError(f"cannot be loaded: {type(err).__name__}: {err}") from err
        raise


def _is_found_by_name(top: str, spec: ModuleSpec) -> bool:
    if top in sys.builtin_module_names or top in sys.stdlib_module_names:
        return False
    known = sys.modules.get(top)
    if known is not None:
        return _file_of(known) == spec.origin
    found = importlib.util.find_spec(top)
    return found is not None and found.origin == spec.origin


def _import_from(spec: ModuleSpec, name: str) -> str:
    """Run a file as a module of a name; not by `import`, which would wait for one of that name that hangs."""
    places = spec.submodule_search_locations
    own = importlib.util.spec_from_file_location(name, spec.origin, submodule_search_locations=places)
    if name in sys.modules or own is None or own.loader is None:
        return name
    module = importlib.util.module_from_spec(own)
    sys.modules[name] = module
    try:
        own.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return name


def _attribute(module: ModuleType, name: str) -> object:
    try:
        return reduce(getattr, name.split("."), module)
    except AttributeError as err:
        raise StartError(f"cannot be loaded: {type(err).__name__}: {err}") from err


def _top(target: str) -> str:
    top = target.partition(":")[0].partition(".")[0]
    return f"{_OWN_NAME}{top}" if f"{_OWN_NAME}{top}" in sys.modules else top


def _file_of(module: ModuleType) -> str | None:
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else None


def own_modules(own: OwnFiles) -> dict[str, ModuleType]:
    """Return the modules of an extension that are imported.

    Args:
        own: where its code is. What is installed below one of its directories is not its.
    """
    return {name: module for name, module in tuple(sys.modules.items()) if _is_own_module(module, own)}


def take_out_modules(own: OwnFiles) -> None:
    """Have an extension's modules imported anew by the next import."""
    for name in own_modules(own):
        del sys.modules[name]


def put_back_modules(own: OwnFiles, before: Mapping[str, ModuleType]) -> None:
    """Have an extension's modules be those of before, and no others."""
    take_out_modules(own)
    sys.modules.update(before)


def _is_own_module(module: ModuleType, own: OwnFiles) -> bool:
    file = _file_of(module)
    if file is None or module.__name__.partition(".")[0] == __package__.partition(".")[0]:
        return False
    place = next((place for place in own.directories if file.startswith(place)), None)
    return place is not None and "/site-packages/" not in file.removeprefix(place.removesuffix("/"))
