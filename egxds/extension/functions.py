"""Which hooks an object defines, and what is wrong with them as they stand. Pure.

A hook is found by its name. One that is misspelt would never be called and nobody would hear of it, so a name close to
that of a hook is a mistake; whoever means another thing by it writes it with `_` in front.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterator
from difflib import get_close_matches

from egxds.errors import StartError
from egxds.extension.forms import FORMS
from egxds.extension.hooks import Hooks
from egxds.settings.extensions import Hook

HookFunction = Callable[[object, object], Awaitable[object]]
"""One of the functions of `Hooks`, of an object."""

_ALIKE = 0.8
_WORDS_AROUND = ("post", "modify", "hook", "on_")
_OTHER_NAMES = {
    "translate": Hook.TRANSLATION,
    "listener": Hook.HTTP_LISTENER,
    "vhost": Hook.VIRTUAL_HOST,
    "loadassignment": Hook.ENDPOINTS,
    "clusterloadassignment": Hook.ENDPOINTS,
}
"""What hooks are called elsewhere: by Envoy Gateway's methods, by the messages, by those who use them."""

_NAMES = {FORMS[hook].function.replace("_", ""): hook for hook in Hook} | _OTHER_NAMES


def defined_functions(loaded: object) -> dict[Hook, HookFunction]:
    """Return the hooks that an object defines, whoever asks for them.

    Args:
        loaded: the object.

    Raises:
        StartError: one of them is no hook as it stands, or the name of another function is close to that of a hook.
    """
    found = {hook: getattr(loaded, FORMS[hook].function) for hook in Hook if _is_defined(loaded, hook)}
    for hook, function in found.items():
        _check_form(hook, function)
    for name in _public_coroutines(loaded):
        meant = _meant_by(name)
        if meant is not None:
            wanted = FORMS[meant].function
            raise StartError(f"{name} is no hook: did you mean {wanted}? What is none is named _{name}")
    return found


def check_asked(defined: Collection[Hook], post: Collection[Hook]) -> None:
    """Refuse settings that ask for a hook that is not there.

    Args:
        defined: the hooks that an object defines.
        post: those that are asked for.

    Raises:
        StartError: it does not define all of them.
    """
    missing = [hook for hook in post if hook not in defined]
    if missing:
        names = ", ".join(hook.value for hook in missing)
        forms = "; ".join(f"`{form_of(hook)}`" for hook in missing)
        raise StartError(f"hooks.xdsTranslator.post names {names}: define {forms}, or take {names} off the list")


def never_called(defined: Collection[Hook], post: Collection[Hook]) -> tuple[str, ...]:
    """Say which hooks are defined and not asked for, each in a sentence of its own."""
    return tuple(
        f"{FORMS[hook].function} is never called: add {hook.value} to hooks.xdsTranslator.post, or delete it"
        for hook in defined
        if hook not in post
    )


def form_of(hook: Hook) -> str:
    """Return how the function of a hook is written."""
    parameters = [name for name in inspect.signature(getattr(Hooks, FORMS[hook].function)).parameters if name != "self"]
    return f"async def {FORMS[hook].function}(self, {', '.join(parameters)})"


def _is_defined(loaded: object, hook: Hook) -> bool:
    name = FORMS[hook].function
    inherited = getattr(type(loaded), name, None) is getattr(Hooks, name)
    return getattr(loaded, name, None) is not None and not inherited


def _check_form(hook: Hook, function: object) -> None:
    name, form = FORMS[hook].function, form_of(hook)
    if not inspect.iscoroutinefunction(function):
        raise StartError(f"{name} must be a function of the form `{form}`: a plain one would hold up all others")
    try:
        inspect.signature(function).bind(object(), object())
    except TypeError as err:
        raise StartError(f"{name} must be a function of the form `{form}`: {err}") from err


def _public_coroutines(loaded: object) -> Iterator[str]:
    """Return the names of functions that are none of `Hooks`."""
    for name in dir(loaded):
        if name.startswith("_") or hasattr(Hooks, name):
            continue
        # Looked up without running a property of the user's.
        if inspect.iscoroutinefunction(inspect.getattr_static(loaded, name)):
            yield name


def _meant_by(name: str) -> Hook | None:
    """Return the hook whose name somebody has probably meant by another."""
    bare = name.lower()
    for word in _WORDS_AROUND:
        bare = bare.replace(word, "")
    bare = bare.replace("_", "")
    close = get_close_matches(bare, _NAMES, n=1, cutoff=_ALIKE)
    return _NAMES[close[0]] if close else None
