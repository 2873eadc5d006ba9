"""When each setting takes effect in a daemon that runs: this table is the one place that says so. Pure.

docs/reference/settings.md is drawn from it, and a test fails for a key of the file that no row covers. A row stands for
its key and all below it. At SIGHUP the file is read again; what takes effect is that file, but for the settings of
which a change would need another process, or a second way of doing what a start does: they stay as they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from egxds.settings.daemon import Settings
from egxds.settings.quantities import SettingsModel

_SHOWN_CHARACTERS = 200
_BRACKETS = re.compile(r"\[[^]]*\]")
_MANAGERS = ("extension_managers", "extension_manager")
_ModelT = TypeVar("_ModelT", bound=SettingsModel)


class Effect(Enum):
    """When a change of a setting takes effect, as people are told."""

    AT_RELOAD = "at SIGHUP"
    AT_RELOAD_WHERE_GIVEN = "at SIGHUP; to add or to remove it, at a restart"
    AT_RESTART = "at a restart"


@dataclass(frozen=True, slots=True)
class Row:
    """One key of the settings file.

    Attributes:
        effect: when a change of it takes effect.
        reason: why that is not at once.
    """

    effect: Effect
    reason: str = ""


_LIVE = Row(Effect.AT_RELOAD)
_BOUND = Row(Effect.AT_RESTART, "the port is open, and whoever is connected would be cut off")
_COUNTED = Row(Effect.AT_RESTART, "what is open was counted by the limit that was there when it was opened")
_WHO_MAY_CONNECT = "who may connect, and how, is decided when the port is opened"
_AT_THE_DOOR = Row(Effect.AT_RESTART, _WHO_MAY_CONNECT)
_IN_TLS = Row(Effect.AT_RELOAD_WHERE_GIVEN, _WHO_MAY_CONNECT)

_SOURCE = Row(Effect.AT_RELOAD_WHERE_GIVEN, "what is in force would be gone before the other source has been read")

EFFECTS: Mapping[str, Row] = {
    "sources.files": _SOURCE,
    "sources.files.paths": _LIVE,
    "sources.files.pollInterval": _LIVE,
    "sources.files.removalDelay": _LIVE,
    "sources.etcd": _SOURCE,
    "sources.etcd.allowSecrets": _LIVE,
    "sources.etcd.endpoints": _LIVE,
    "sources.etcd.keyFile": _LIVE,
    "sources.etcd.limits": _LIVE,
    "sources.etcd.passwordFile": _LIVE,
    "sources.etcd.prefix": _LIVE,
    "sources.etcd.replica": _LIVE,
    "sources.etcd.requestTimeout": _LIVE,
    "sources.etcd.shareReplies": _LIVE,
    "sources.etcd.tls": _LIVE,
    "sources.etcd.user": _LIVE,
    "controllerName": _LIVE,
    "xds.address": _BOUND,
    "xds.tls": _IN_TLS,
    "xds.tls.certFile": _LIVE,
    "xds.tls.keyFile": _LIVE,
    "xds.tls.minVersion": _LIVE,
    "xds.tls.clientCAFile": _IN_TLS,
    "xds.allow": _AT_THE_DOOR,
    "xds.socket": _AT_THE_DOOR,
    "xds.maxReceiveMessageSize": _COUNTED,
    "xds.maxResponseBytes": Row(Effect.AT_RESTART, "streams that are open were begun with it"),
    "xds.maxConnectionAge": Row(Effect.AT_RESTART, "streams that are open were begun with it"),
    "xds.spread": _LIVE,
    "xds.limits": _COUNTED,
    "admin.address": _BOUND,
    "admin.socket": _AT_THE_DOOR,
    "admin.allowedHosts": _LIVE,
    "admin.limits": _COUNTED,
    "addresses.pool": _LIVE,
    "backends": _LIVE,
    "clientTraffic": _LIVE,
    "extensionApis": _LIVE,
    "envoys": _LIVE,
    "stateDir": Row(Effect.AT_RESTART, "it is read once, before anything is served"),
    "history": _LIVE,
    "extensionManagers": _LIVE,
    "extensionManager": _LIVE,
    "logging": _LIVE,
}
"""Key → when it takes effect; of several that cover one, the longest."""


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that is another one than before.

    Attributes:
        key: as the file has it; an extension stands in brackets by its name.
        before: what was there, as people write it, cut; `none` where nothing was.
        now: what is there.
    """

    key: str
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.key}: {self.before} → {self.now}"


def row_of(key: str) -> Row:
    """Return when a key takes effect; of one that nothing is said about, KeyError."""
    key = _BRACKETS.sub("", key)
    while key not in EFFECTS:
        key, dot, _ = key.rpartition(".")
        if not dot:
            raise KeyError(key)
    return EFFECTS[key]


def changes(before: Settings, now: Settings) -> tuple[Change, ...]:
    """Return what is otherwise, in the order of the file; no setting holds a secret.

    Args:
        before: settings.
        now: other ones, or the same.
    """
    return (*_between(before, now, ""), *_of_extensions(before, now))


def taking_effect(in_force: Settings, read: Settings) -> Settings:
    """Return what of settings that were read takes effect without a restart, and what is in force of the rest.

    Args:
        in_force: what runs.
        read: what the file says now.
    """
    return _kept(in_force, read, "")


def _kept(in_force: _ModelT, read: _ModelT, prefix: str) -> _ModelT:
    """Return a block as it was read, with those of its keys as they were that need a restart."""
    update: dict[str, Any] = {}
    for key, name in _keys(in_force, prefix):
        old, new = getattr(in_force, name), getattr(read, name)
        if old == new:
            continue
        if isinstance(old, SettingsModel) and isinstance(new, SettingsModel):
            update[name] = _kept(old, new, f"{key}.")
        elif not _takes_effect(key, old, new):
            update[name] = old
    return read.model_copy(update=update)


def _takes_effect(key: str, old: object, new: object) -> bool:
    effect = row_of(key).effect
    if effect is Effect.AT_RELOAD_WHERE_GIVEN:
        return old is not None and new is not None
    return effect is Effect.AT_RELOAD


def _between(before: SettingsModel, now: SettingsModel, prefix: str) -> Iterator[Change]:
    for key, name in _keys(now, prefix):
        old, new = getattr(before, name), getattr(now, name)
        if old == new or (not prefix and name in _MANAGERS):
            continue
        if isinstance(old, SettingsModel) and isinstance(new, SettingsModel):
            yield from _between(old, new, f"{key}.")
        else:
            yield Change(key, _shown(old), _shown(new))


def _of_extensions(before: Settings, now: Settings) -> Iterator[Change]:
    """Compare extensions by their names: one more in the list makes no others of those behind it."""
    old, new = ({each.name: each for each in settings.extensions} for settings in (before, now))
    for name in dict.fromkeys((*old, *new)):
        key = f"extensionManagers[{name}]" if name else "extensionManager"
        if name in old and name in new:
            yield from _between(old[name], new[name], f"{key}.")
        else:
            yield Change(key, *(_of_extension(extensions, name) for extensions in (old, new)))
    kept = tuple(name for name in old if name in new), tuple(name for name in new if name in old)
    if kept[0] != kept[1]:
        yield Change("extensionManagers", *map(_shown, kept))


def _of_extension(extensions: Mapping[str, object], name: str) -> str:
    return "set up" if name in extensions else "none"


def _keys(model: SettingsModel, prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in type(model).model_fields.items():
        yield f"{prefix}{field.alias or name}", name


def _written(value: object) -> str:
    """Write a value as people do; a number with a fraction is always a duration."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, SettingsModel):
        given = ((key, getattr(value, name)) for key, name in _keys(value, "") if name in value.model_fields_set)
        return f"{{{', '.join(f'{key}: {_written(each)}' for key, each in given)}}}"
    if isinstance(value, float):
        return f"{value * 1000:g}ms" if 0 < value < 1 else f"{value:g}s"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value.value if isinstance(value, Enum) else value)


def _shown(value: object) -> str:
    text = _written(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
