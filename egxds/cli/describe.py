"""The command that says all that is known of one object, asked of a running daemon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import click

from egxds.cli.admin import fetch
from egxds.cli.ages import age
from egxds.cli.output import FINDINGS, USAGE, DataFormat, ListForm, write_data, write_line, write_message
from egxds.cli.status import backend_lines, place, trouble_line
from egxds.inspect.conditions import conditions

_INDENT = "  "
_SHOWN_DIGITS = 8
"""Of a version, which has 32."""


def wanted_object(target: str, namespace: str | None) -> dict[str, str]:
    """Return the query for an object; what names none is said, and ends the command with exit code 2.

    Args:
        target: `KIND/NAME`, or `KIND/NAMESPACE/NAME`.
        namespace: its namespace; None for whichever has it.
    """
    kind, _, name = target.partition("/")
    own, _, last = name.rpartition("/")
    if not kind or not last or "/" in own or (own and namespace not in (None, own)):
        write_message(f"{target!r}: write KIND/NAME, such as httproute/shop, and the namespace with -n")
        raise click.exceptions.Exit(USAGE)
    found = own or namespace
    return {"kind": kind, "name": last, **({"namespace": found} if found else {})}


def describe(address: str, wanted: dict[str, str], form: ListForm) -> None:
    """Print an object and what came of it; exit 1 where something is wrong with it.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        wanted: `kind`, `name`, and perhaps `namespace`.
        form: lines for people, or all of it.
    """
    found = fetch(address, f"/api/v1/describe?{urlencode(wanted)}")
    if form is not ListForm.TABLE:
        write_data(found, DataFormat(form.value))
    else:
        for line in _lines(found):
            write_line(line)
    if found["state"] == "wrong":
        raise click.exceptions.Exit(FINDINGS)


def _lines(found: Any) -> Iterator[str]:
    item = found["object"]
    metadata = item["metadata"]
    name = "/".join(filter(None, (metadata["namespace"], metadata["name"])))
    yield f"{item['kind']} {name}: {found['state']}{place(item)}"
    yield f"{_INDENT}{item['apiVersion']}, generation {metadata['generation']}"
    yield from _section("wrong", map(_trouble, found["troubles"]))
    yield from _section("conditions", (_condition(*each) for each in conditions(item.get("status"))))
    yield from _section("attached routes", map(_attached, found["attachedRoutes"]))
    yield from _more(found["attachedRouteCount"] - len(found["attachedRoutes"]))
    yield from _section("Envoy resources", map(_resource, found["resources"]))
    yield from _more(found["resourceCount"] - len(found["resources"]))
    yield from _section("Envoys", (line for each in found["envoys"] for line in _envoy(each)))
    yield from _more(found["envoyCount"] - len(found["envoys"]))
    if found["resources"] and not found["envoys"]:
        yield f"{_INDENT}no Envoy is connected that is served them"
    yield from _section("backends", backend_lines(found["backends"]) if found["backends"] else iter(()))
    yield from _section("hooks", map(_hook, found["hooks"]))
    yield from _section("hooks that fail on it", map(_failure, found["failedHooks"]))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield f"{_INDENT}{title}"
        yield from (f"{_INDENT}{_INDENT}{line}" for line in listed)


def _more(count: int) -> Iterator[str]:
    if count > 0:
        yield f"{_INDENT}{_INDENT}and {count} more"


def _trouble(trouble: Any) -> str:
    return trouble_line({**trouble, "about": ""})


def _condition(where: str, condition: Any) -> str:
    about = f"{where}: " if where else ""
    since = age(condition.get("lastTransitionTime", ""))
    word = f"{condition['type']} {condition['status']} ({condition['reason']}{f', for {since}' if since else ''})"
    return f"{about}{word}: {condition['message']}"


def _attached(route: Any) -> str:
    at = f" at listener {route['listener']}" if route["listener"] else ""
    return f"{route['route']}{at}{'' if route['accepted'] else ', not accepted'}{place(route)}"


def _resource(resource: Any) -> str:
    return (
        f"{resource['type']} {resource['name']} {resource['version'][:_SHOWN_DIGITS]} (Gateway {resource['gateway']})"
    )


def _envoy(envoy: Any) -> Iterator[str]:
    canary = " (canary)" if envoy.get("canary") else ""
    yield f"{envoy['id']} #{envoy['stream']}{canary}: has {envoy['inSync']} of {envoy['of']} as they are now"
    for one in envoy["refused"]:
        yield f"{_INDENT}refuses {one['name']} {one['version'][:_SHOWN_DIGITS]}: {one['error']}"
    for one in envoy["behind"]:
        has = f"has {one['has'][:_SHOWN_DIGITS]}" if one["has"] else "has it not"
        yield f"{_INDENT}behind with {one['name']}: {has}, is to have {one['is'][:_SHOWN_DIGITS]}"


def _hook(hook: Any) -> str:
    manager = f" of extension {hook['manager']}" if hook["manager"] else ""
    return f"{hook['hook']}{manager}: {hook['state']} (onFailure {hook['onFailure']})"


def _failure(failure: Any) -> str:
    manager = f" of extension {failure['manager']}" if failure["manager"] else ""
    done = f"{failure['onFailure']}, for {age(failure['since'])}"
    return f"{failure['hook']}{manager} on {failure['subject']} ({done}): {failure['error']}"
