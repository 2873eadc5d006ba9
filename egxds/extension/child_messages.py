"""What a daemon and a child of it that runs hooks say to each other beside the calls. Pure.

The child is started with one end of a socket pair, the control socket:

    daemon → child   a byte with the end of another socket pair: a connection, to be served
    child → daemon   lines of JSON, each an object with the `kind` of one of the classes below
    end of either    the other ends too
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, fields
from typing import Any, TypeVar

CONNECTION = b"c"

MAX_LINE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ChildSettings:
    """What a child is told when it starts.

    Attributes:
        target: `package.module:object`.
        path: directories in which it may be.
        hooks: values of `Hook` that are asked for.
        call_s: how long a call may take.
        load_s: how long loading may take.
        message_bytes: largest request.
        memory_bytes: limit of its data; None for none.
        log_level: names of `logging`, such as INFO: what is below is not said.
        control: file descriptor of its end of the control socket.
        parent: process id of the daemon.
        python_path: `sys.path` of the daemon.
    """

    target: str
    path: tuple[str, ...]
    hooks: tuple[str, ...]
    call_s: float
    load_s: float
    message_bytes: int
    memory_bytes: int | None
    log_level: str
    control: int
    parent: int
    python_path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Importing:
    """It has started, and begins to load the user's code."""


@dataclass(frozen=True, slots=True)
class Ready:
    """It serves.

    Attributes:
        own_files: prefixes of the files that are the extension's.
        notes: functions that are never called, a sentence for each.
    """

    own_files: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot load what it is to run, and ends.

    Attributes:
        message: why.
        is_in_settings: the settings are at fault, and not the code.
    """

    message: str
    is_in_settings: bool


@dataclass(frozen=True, slots=True)
class Logged:
    """Code of the extension, or of a library, has logged something.

    Attributes:
        logger: name of its logger.
        level: number of its level in `logging`.
        text: what it said.
        traceback: of the exception that it said it about; or nothing.
    """

    logger: str
    level: int
    text: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Raised:
    """A function has raised something.

    Attributes:
        message: what, and where.
        traceback: all of it.
    """

    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Lost:
    """There was more to log than is taken.

    Attributes:
        records: how many were left out.
    """

    records: int


@dataclass(frozen=True, slots=True)
class Worn:
    """It serves, but another one should take its place.

    Attributes:
        why: threads of it are blocked, or at work for calls that are over.
    """

    why: str


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """It ends, for there was no more memory.

    Attributes:
        place: where it was asked for.
    """

    place: str


Report = Importing | Ready | Failed | Logged | Raised | Lost | Worn | OutOfMemory

_KINDS: dict[str, type[Report]] = {
    kind.__name__: kind for kind in (Importing, Ready, Failed, Logged, Raised, Lost, Worn, OutOfMemory)
}

_M = TypeVar("_M", bound=Report | ChildSettings)


def encode(message: Report | ChildSettings) -> str:
    """Return a message as one line, without its end."""
    return json.dumps({"kind": type(message).__name__, **dataclasses.asdict(message)})


def decode_settings(line: str) -> ChildSettings:
    """Read what `encode` made of settings."""
    return _made(ChildSettings, json.loads(line))


def decode_report(line: bytes) -> Report | None:
    """Read what `encode` made of a report; nothing where it is none, for the user's code has the socket too."""
    try:
        found = json.loads(line)
        return _made(_KINDS[found["kind"]], found)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _made(kind: type[_M], values: dict[str, Any]) -> _M:
    found = {field.name: values[field.name] for field in fields(kind)}
    arguments: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in found.items()}
    return kind(**arguments)
