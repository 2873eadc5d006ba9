"""Keys of Envoy Gateway's settings file that mean something else here, or nothing: a row each. Pure.

A row is a note, or, where to go on without the key could open a door, an error. A value that holds here anyway has
nothing said about it. No row repeats a value: among them is the URL of a database, with its password.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

_V2_NAMES = "XDSNameSchemeV2"

_File = dict[str, Any]
"""The whole file, as it is written."""

_Counts = Callable[[Any, _File], bool]


@dataclass(frozen=True, slots=True)
class PassedKey:
    """One key.

    Attributes:
        path: where it stands.
        says: what comes of it here.
        counts: takes what is written and the whole file; whether there is something to say. It is asked where the key
            is written; `_unsaid` stands for where it is not.
        is_error: whether it decides on access or trust.
    """

    path: tuple[str, ...]
    says: str
    counts: _Counts
    is_error: bool


def _always(_: Any, __: _File) -> bool:
    return True


def _unsaid(_: Any, __: _File) -> bool:
    """Mark a row about a key that is missing."""
    return True


def _true(value: Any, _: _File) -> bool:
    return value is True


def _false(value: Any, _: _File) -> bool:
    return value is False


def _any_relative(paths: Any, _: _File) -> bool:
    return not all(PurePosixPath(path).is_absolute() for path in paths)


def _of_components(levels: Any, _: _File) -> bool:
    return not set(levels) <= {"default"}


def _xds_unsaid(_: Any, file: _File) -> bool:
    return "xds" not in (file.get("egxds") or {})


def _any(value: Any, _: _File) -> bool:
    return bool(value)


def _renames_for_extensions(flags: Any, file: _File) -> bool:
    return _V2_NAMES in flags and bool(file.get("extensionManager") or file.get("extensionManagers"))


def _other_flags(flags: Any, file: _File) -> bool:
    return bool(flags) and not _renames_for_extensions(flags, file)


def _note(path: str, says: str, counts: _Counts = _always) -> PassedKey:
    return PassedKey(tuple(path.split(".")), says, counts, is_error=False)


def _error(path: str, says: str, counts: _Counts = _always) -> PassedKey:
    return PassedKey(tuple(path.split(".")), says, counts, is_error=True)


_FILES = "provider.custom.resource.file.paths"
_HOST = "provider.custom.infrastructure"
_APIS = "extensionApis"
_NO_DIRECTORY = "has no effect: no Envoy is downloaded, and no certificate is made"
_EXTENSIONS = "EnvoyExtensionPolicy is not served: what one targets answers 500"

KEYS = (
    _note("metadata", "has no effect"),
    _note(
        _FILES, "a relative path starts from the directory of this file, not from the working directory", _any_relative
    ),
    _note(_FILES, "directories are read with all below them; Envoy Gateway reads only what lies directly in one"),
    _note("provider.kubernetes", "has no effect: there is no cluster"),
    _note(f"{_HOST}.host", "`egxds up` runs an Envoy; `egxds serve` runs none, and serves those that others run"),
    *(_note(f"{_HOST}.host.{key}", _NO_DIRECTORY) for key in ("configHome", "dataHome", "stateHome", "runtimeDir")),
    _note(
        _HOST,
        "xDS is served on 127.0.0.1:18000 in plain text, where Envoy Gateway has mTLS on all addresses; for Envoys of "
        "other machines write egxds.xds.address and egxds.xds.tls",
        _xds_unsaid,
    ),
    _note("logging.level", "there is one level, that of default; components have none of their own", _of_components),
    _note("admin.enableDumpConfig", "has no effect: `egxds settings` prints the settings in force", _true),
    _note("admin.enablePprof", "has no effect: there is no Go runtime", _true),
    _note("telemetry.metrics", "has no effect: metrics are at /metrics of the admin address, and are pushed nowhere"),
    _note("telemetry.traces", "has no effect: no traces are sent"),
    _note("xdsServer.maxConnectionAge", "has no effect: connections are not ended for their age"),
    _note("xdsServer.maxConnectionAgeGrace", "has no effect: connections are not ended for their age"),
    _note(
        "rateLimit",
        "has no effect: no rate limit service is run; what a policy with a global limit targets answers 500",
    ),
    _note("leaderElection", "has no effect: an egxds serves by itself, and leads nobody"),
    _note(f"{_APIS}.enableLua", _EXTENSIONS, _true),
    _note(f"{_APIS}.disableLua", _EXTENSIONS, _false),
    _note(f"{_APIS}.enableSDSSecretRef", "a Secret that names an SDS server is refused where it is referred to", _true),
    _error(
        f"{_APIS}.enableBackend",
        "Backends cannot be turned off: they are all that a route without a cluster can lead to. Write true, and "
        "delete those that are not to be reached",
        _false,
    ),
    _note(f"{_APIS}.enableBackend", "is not said: Backends are served here, and there only where it is true", _unsaid),
    _note("gatewayAPI.enabled", "has no effect: kinds that are tried out are not turned on by a setting", _any),
    _error(
        "runtimeFlags.enabled",
        f"{_V2_NAMES} is not served: an extension that looks for its names would leave alone what it is to protect. "
        "Delete it, and have the extension know the names of the default scheme",
        _renames_for_extensions,
    ),
    _note("runtimeFlags.enabled", "has no effect: resources have the names of the default scheme", _other_flags),
    _error(
        "envoyProxy.backendTLS",
        "cannot be done: it decides which backends are trusted. Say so in a BackendTLSPolicy, or in the Backend's tls",
    ),
    _note("envoyProxy", "has no effect: name an EnvoyProxy by the parametersRef of a GatewayClass, or of a Gateway"),
)


def passed_keys(file: _File) -> Iterator[PassedKey]:
    """Yield what there is to say about the keys of a file that has been read without a fault.

    Args:
        file: as it is written.
    """
    for key in KEYS:
        written = _written(file, key.path)
        if (written is None) == (key.counts is _unsaid) and key.counts(written, file):
            yield key


def _written(file: _File, path: tuple[str, ...]) -> Any:
    """Return what stands at a path; None where nothing does."""
    value: Any = file
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
