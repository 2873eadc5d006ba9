"""Tables of documents that the code holds: `python -m tests.docs.tables` writes them into these.

Each stands between two markers, `<!-- table: NAME -->` and `<!-- end of NAME -->`. What a reader sees is drawn from
what runs (type policies, stages, push order, limits) or from what is enforced (the layers of import-linter), and so is
never another thing than that.
"""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from egxds import names
from egxds.files.reading import reader
from egxds.hooks.plan.order import STAGES
from egxds.sessions import policy
from egxds.settings.daemon import XdsSettings
from egxds.settings.limits import AdminLimits, XdsLimits
from egxds.settings.schema import settings_schema
from egxds.yaml_input import load
from tests.docs import telemetry_tables
from tests.docs.commands_table import commands_reference
from tests.docs.drawing import table as _table
from tests.docs.settings_table import restarts, settings_reference

ROOT = Path(__file__).absolute().parents[2]
DOCUMENT = ROOT / "ARCHITECTURE.md"
SECURITY = ROOT / "SECURITY.md"
_DRAWN = ("commands", "settings", "metrics", "logs")
REFERENCES = (*(ROOT / "docs" / "reference" / f"{page}.md" for page in _DRAWN), ROOT / "docs" / "monitoring.md")
DOCUMENTS = (DOCUMENT, SECURITY, *REFERENCES)
SCHEMA = ROOT / "docs" / "reference" / "egxds.schema.json"
"""The schema of the settings file, for editors: it is drawn as a whole."""

_SECTION = re.compile(r"(?s)(<!-- table: ([a-z ]+) -->\n).*?(<!-- end of \2 -->)")
_LAYERS = "layers"
_ATTRIBUTE = re.compile(r"(?m)^ {4}(\w+): (.*(?:\n {8}.*)*)")
_UNITS = (("Mi", 1024**2), ("Ki", 1024))


_CONNECTION_ENDS = "the connection is ended"
_ADMIN = "tests/wire/test_admin_strangers.py"
_FLOODS = "tests/wire/test_floods.py"
_UNFINISHED = "tests/wire/test_unfinished_messages.py"

BEYOND: Mapping[str, tuple[str, str]] = {
    "xds.maxReceiveMessageSize": ("the stream is ended", "tests/wire/test_transport.py"),
    "xds.limits.connections": (_CONNECTION_ENDS, _FLOODS),
    "xds.limits.connectionsPerPeer": (_CONNECTION_ENDS, _FLOODS),
    "xds.limits.streams": ("the stream is refused", _FLOODS),
    "xds.limits.streamsPerPeer": ("the stream is refused", _FLOODS),
    "xds.limits.watches": ("the stream is refused", "tests/wire/test_health_watches.py"),
    "xds.limits.streamsPerSecond": (_CONNECTION_ENDS, _FLOODS),
    "xds.limits.pingsPerSecond": (_CONNECTION_ENDS, _FLOODS),
    "xds.limits.settingsPerSecond": (_CONNECTION_ENDS, _FLOODS),
    "xds.limits.framesPerSecond": (_CONNECTION_ENDS, _FLOODS),
    "xds.limits.receiveBytes": ("the stream that holds most is ended", _UNFINISHED),
    "xds.limits.sendBytes": (
        "the stream that took nothing for longest is reset, or of those that take something the slowest",
        "tests/wire/test_untaken_responses.py",
    ),
    "xds.limits.unreadBytes": ("the connection of which most is held is ended", "tests/wire/test_unread_bytes.py"),
    "xds.limits.unwrittenBytes": (
        "connections are cut off, those that took nothing for longest first",
        "tests/wire/test_unwritten_bytes.py",
    ),
    "xds.limits.nameBytes": ("the stream is ended", "tests/wire/test_names_without_end.py"),
    "xds.limits.messageTimeout": ("the stream is ended", _UNFINISHED),
    "admin.limits.connections": ("who was silent for longest gets 503, and makes room", _ADMIN),
    "admin.limits.connectionsPerPeer": ("likewise, of that address", _ADMIN),
    "admin.limits.requestTimeout": ("408", _ADMIN),
    "admin.limits.idleTimeout": ("the connection is closed", _ADMIN),
    "admin.limits.headBytes": ("431", _ADMIN),
    "admin.limits.urlBytes": ("414", _ADMIN),
    "admin.limits.bodyBytes": ("413, or 411 where the length is not said", _ADMIN),
    "admin.limits.answersAtOnce": ("503 with Retry-After", _ADMIN),
    "admin.limits.listeners": ("503 with Retry-After", "tests/wire/test_admin_events.py"),
    "admin.limits.answerTimeout": (_CONNECTION_ENDS, _ADMIN),
    "admin.limits.unsentBytes": ("the connection whose answer was begun first is ended", _ADMIN),
}
"""What is done beyond each limit of a port, and the test that goes there."""


def type_policies() -> str:
    """Draw how the types differ in a session, one a row; `any other` is what nobody knows."""
    columns = (
        "type",
        "empty first request",
        "told that a name does not exist",
        "sent again on a new stream",
        "pushes await ACKs",
        "removed last",
        "used though refused",
        "one at an address",
        "heartbeats",
    )
    known = {_short(type_url): entry for type_url, entry in policy._POLICIES.items()}
    rows = ((name, *_policy_cells(entry)) for name, entry in {**known, "any other": policy._OTHER}.items())
    return _table(columns, rows)


def push_order() -> str:
    """Draw the order of types within one sequence of responses."""
    return "    " + " → ".join(map(_short, names.PUSH_ORDER)) + " → any other, as they were asked for\n"


def hook_stages() -> str:
    """Draw the order of the hooks, with the function that goes through each."""
    rows = (
        (hook.value, f"`{stage.__module__.removeprefix('egxds.')}`", _first_sentence(stage.__doc__))
        for hook, stage in STAGES
    )
    return _table(("hook", "module", "what it does"), rows)


def house() -> str:
    """Draw the layers of the house from the top: who stands lower is imported by who stands higher."""
    (contract,) = (entry for entry in _contracts() if not entry.get("containers"))
    return "".join(f"    {layer.replace('egxds.', '')}\n" for layer in contract[_LAYERS])


def inner_rooms() -> str:
    """Draw the inner layers of each room, from the left: who stands further left is imported by who stands right."""
    found = {_room(entry): " → ".join(reversed(entry[_LAYERS])) for entry in _contracts() if entry.get("containers")}
    width = max(map(len, found))
    return "".join(f"    {room.ljust(width)}   {layers}\n" for room, layers in found.items())


def limits_of_ports() -> str:
    """Draw the limits of both ports, each with the key by which it is set, and the test that goes beyond it."""
    sizes = ("max_receive_message_size",)
    settings = (("xds", XdsSettings, sizes), ("xds.limits", XdsLimits, None), ("admin.limits", AdminLimits, None))
    rows = (
        (f"`{key}.{to_camel(name)}`", default, purpose, *held(f"{key}.{to_camel(name)}"))
        for key, model, names_ in settings
        for name, default, purpose in _limits(model())
        if names_ is None or name in names_
    )
    return _table(("setting", "default", "what it bounds", "beyond it", "held by"), rows)


def held(setting: str) -> tuple[str, str]:
    """Return what is done beyond a limit, and the test of it; a limit without one is an error."""
    beyond, test = BEYOND[setting]
    return beyond, f"`{test}`"


def limits_of_files() -> str:
    """Draw the limits of what is read, each with the attribute that holds it."""
    rows = (
        (f"`{type(limits).__name__}.{name}`", value, purpose)
        for limits in (reader.LIMITS, reader.LIMITS.walk, load.LIMITS)
        for name, value, purpose in _limits(limits)
        if name != "walk"
    )
    return _table(("constant", "value", "what it bounds"), rows)


def _limits(limits: object) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and purpose of each attribute that the docstring names."""
    attributes = inspect.cleandoc(type(limits).__doc__ or "").partition("Attributes:\n")[2]
    for found in _ATTRIBUTE.finditer(attributes):
        yield found[1], _amount(found[1], getattr(limits, found[1])), " ".join(found[2].split()).rstrip(".")


def _amount(name: str, value: object) -> str:
    """Write a limit as the settings file has it."""
    if isinstance(value, float):
        return f"{value:g}s"
    if isinstance(value, int) and ("bytes" in name or "size" in name):
        return next(
            (f"{value // size}{unit}" for unit, size in _UNITS if value >= size and not value % size), str(value)
        )
    return str(value)


TABLES: Mapping[str, Callable[[], str]] = {
    "house": house,
    "inner rooms": inner_rooms,
    "hook stages": hook_stages,
    "push order": push_order,
    "type policies": type_policies,
    "limits of ports": limits_of_ports,
    "limits of files": limits_of_files,
    "settings": settings_reference,
    "restarts": restarts,
    "commands": commands_reference,
    "metrics": telemetry_tables.metrics,
    "labels": telemetry_tables.labels,
    "log events": telemetry_tables.log_events,
    "alerts": telemetry_tables.alerts,
}


def schema_text() -> str:
    """Return the schema as `egxds schema` prints it."""
    return json.dumps(settings_schema(), indent=2, sort_keys=True) + "\n"


def render(text: str) -> str:
    """Return a document with every table in it drawn anew."""
    return _SECTION.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", text)


def marked(text: str) -> list[str]:
    """Return the names of the tables in a document, in order."""
    return [found[2] for found in _SECTION.finditer(text)]


def _policy_cells(entry: policy.TypePolicy) -> tuple[str, ...]:
    flags = (
        entry.is_resent_on_reconnect,
        entry.awaits_ack,
        entry.goes_last,
        entry.is_used_unacked,
        entry.has_addresses,
        entry.has_heartbeats,
    )
    wanted = "everything" if entry.has_legacy_wildcard else "nothing"
    told = {policy.Removal.ALWAYS: "always", policy.Removal.HELD: "if it may hold it", policy.Removal.NEVER: "never"}
    return wanted, told[entry.removal], *("yes" if flag else "" for flag in flags)


def _contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [entry for entry in settings["tool"]["importlinter"]["contracts"] if entry["type"] == _LAYERS]


def _room(contract: Mapping[str, Any]) -> str:
    return ", ".join(str(container).removeprefix("egxds.") for container in contract["containers"])


def _short(type_url: str) -> str:
    return type_url.rpartition(".")[2]


def _first_sentence(docstring: str | None) -> str:
    return (docstring or "").split("\n\n")[0].strip().rstrip(".").replace("\n", " ")


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(render(document.read_text(encoding="utf-8")), encoding="utf-8")
    SCHEMA.write_text(schema_text(), encoding="utf-8")
