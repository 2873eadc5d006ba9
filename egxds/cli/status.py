"""The command that says how everything is, asked of a running daemon: what is wrong first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import click

from egxds.cli.admin import fetch
from egxds.cli.ages import age
from egxds.cli.canary_status import canary_lines
from egxds.cli.fleet import replica_lines
from egxds.cli.options import FleetScope
from egxds.cli.output import FINDINGS, DataFormat, ListForm, write_data, write_line

_INDENT = "  "


def status(address: str, wanted: dict[str, str], form: ListForm, scope: FleetScope) -> None:
    """Print how everything is, or how some objects are; exit 1 where something is wrong.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        wanted: `kind`, `namespace` and `name` of the objects; empty for everything.
        form: lines for people, or all of it.
        scope: whether other replicas are shown.
    """
    found = fetch(address, "/api/v1/status" + (f"?{urlencode(wanted)}" if wanted else ""))
    if scope is FleetScope.LOCAL:
        found.pop("fleet", None)
    if form is not ListForm.TABLE:
        write_data(found, DataFormat(form.value))
    else:
        for line in _objects(found) if wanted else _page(found):
            write_line(line)
    if not found["ok"]:
        raise click.exceptions.Exit(FINDINGS)


def _page(found: Any) -> Iterator[str]:
    yield from _troubles(found)
    if found["source"] is not None:
        yield from _section("source", _source(found["source"]))
    if found.get("fleet") is not None:
        yield from _section("replicas", replica_lines(found["fleet"]))
    if found.get("canary") is not None:
        yield from _section("canary", canary_lines(found["canary"]))
    yield from _section("Gateways", map(_gateway, found["gateways"]))
    yield from _section("objects", map(_kind, found["kinds"]))
    yield from _section("hooks", map(_hook, found["hooks"]))
    yield from _section("Envoys", map(_envoy, found["envoys"]), "none is connected")
    yield from _section("backends", backend_lines(found["backends"]))


def _troubles(found: Any) -> Iterator[str]:
    if not found["troubleCount"]:
        yield "nothing is wrong"
    for trouble in found["troubles"]:
        yield trouble_line(trouble)
    more = found["troubleCount"] - len(found["troubles"])
    if more:
        yield f"and {more} more; see egxds status KIND"


def trouble_line(trouble: Any) -> str:
    """Return what is wrong with something, in one line."""
    about = f"{trouble['about']}: " if trouble["about"] else ""
    return f"{trouble['severity']}: {about}{trouble['text']}{place(trouble)}"


def place(about: Any) -> str:
    """Return where something stands, to be put behind it."""
    source = about["source"]
    if not source:
        return ""
    return f" ({source['file']}:{source['line']})" if source["line"] else f" ({source['file']})"


def backend_lines(backends: Any) -> Iterator[str]:
    """Yield how many backends each Envoy finds well, or why that is not known."""
    if backends["unknown"]:
        yield backends["unknown"]
    for envoy in backends["envoys"]:
        told = f"finds {envoy['fine']} of {envoy['endpoints']} endpoints fine"
        yield f"Envoy ({envoy['admin']}): {(envoy['error'] and 'not known: ' + envoy['error']) or told}"


def _section(title: str, lines: Iterator[str], nothing: str = "") -> Iterator[str]:
    listed = list(lines) or ([nothing] if nothing else [])
    if listed:
        yield ""
        yield title
        yield from (f"{_INDENT}{line}" for line in listed)


def _gateway(gateway: Any) -> str:
    where = ", ".join(gateway.get("addresses", ())) or "no address"
    routes = gateway.get("attachedRoutes", 0)
    return f"{_named(gateway)}: {gateway['state']}, at {where}, {routes} attached routes{place(gateway)}"


def _source(source: Any) -> Iterator[str]:
    yield from (_files if source.get("kind") == "files" else _etcd)(source)


def _files(source: Any) -> Iterator[str]:
    if not source["generation"]:
        yield "files; no generation of them is kept yet"
        return
    what = f" of generation {source['rolledBackTo']} again" if source["isRolledBack"] else ""
    until = ", until one of them changes" if source["isRolledBack"] else ""
    yield f"files; generation {source['generation']} is in force: {source['files']} files{what}{until}"
    who = f" by {source['author']}" if source["author"] else ""
    yield f"since {age(source['at'])} ago{who}: {source['message'] or 'no message'}"


def _etcd(source: Any) -> Iterator[str]:
    yield f"etcd ({', '.join(source['endpoints'])}, {source['prefix']})"
    if not source["isConnected"]:
        yield f"has not answered for {age(source['lostAt']) or 'ever'}: {source['fault'] or 'nothing came yet'}"
    if not source["generation"]:
        yield "no generation is in force"
        return
    what = f" of generation {source['rolledBackTo']} again" if source["rolledBackTo"] else ""
    yield f"generation {source['generation']} is in force: {source['files']} files{what}, {source['digest'][:12]}"
    yield f"published {age(source['at'])} ago by {source['author'] or 'somebody'}: {source['message'] or 'no message'}"


def _named(item: Any) -> str:
    return "/".join(filter(None, (item["namespace"], item["name"])))


def _kind(kind: Any) -> str:
    wrong = f", {kind['wrong']} wrong" if kind["wrong"] else ""
    warnings = f", {kind['warnings']} with warnings" if kind["warnings"] else ""
    return f"{kind['count']} {kind['kind']}{wrong}{warnings}"


def _hook(hook: Any) -> str:
    failed = f", fails on {hook['failedCount']}" if hook["failedCount"] else ""
    return f"{hook['text']}: {hook['is']} (onFailure {hook['onFailure']}){failed}"


def _envoy(envoy: Any) -> str:
    stands = "refuses something" if envoy["refused"] else "in sync"
    if envoy["behind"] and not envoy["refused"]:
        stands = f"behind with {', '.join(envoy['behind'])}"
    gateways = ", ".join(envoy["gateways"]) or "no Gateway"
    return f"{envoy['text']}: {stands}, {gateways}, connected for {age(envoy['since'])}"


def _objects(found: Any) -> Iterator[str]:
    for item in found["objects"]:
        yield f"{item['state']}: {item['kind']} {_named(item)}{place(item)}"
        for trouble in item["troubles"]:
            yield f"{_INDENT}{trouble_line({**trouble, 'about': ''})}"
    if not found["objects"]:
        yield "there is none"
