"""Tables of ARCHITECTURE.md that the code holds already: `python -m tests.docs.tables` writes them into it.

Each stands between two markers, `<!-- table: NAME -->` and `<!-- end of NAME -->`. What a reader sees is drawn from
what runs (type policies, stages, push order) or from what is enforced (the layers of import-linter), and so is never
another thing than that.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from egxds import names
from egxds.hooks.plan.order import STAGES
from egxds.sessions import policy

ROOT = Path(__file__).absolute().parents[2]
DOCUMENT = ROOT / "ARCHITECTURE.md"

_SECTION = re.compile(r"(?s)(<!-- table: ([a-z ]+) -->\n).*?(<!-- end of \2 -->)")
_LAYERS = "layers"


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


TABLES: Mapping[str, Callable[[], str]] = {
    "house": house,
    "inner rooms": inner_rooms,
    "hook stages": hook_stages,
    "push order": push_order,
    "type policies": type_policies,
}


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


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (columns, ("---",) * len(columns), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    DOCUMENT.write_text(render(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
