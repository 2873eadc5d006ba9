"""How replicas and their Envoys are shown by commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from egxds.cli.ages import age
from egxds.cli.output import cell, paragraph, write_message

SERVED = "SERVED"
"""Title of the column that says from what an Envoy is served; there is none where all are served the head."""

_REFUSING = "refusing"
_STYLES = {"in sync": "green", "pending": "yellow", _REFUSING: "bold red"}


def replica_lines(fleet: Any) -> Iterator[str]:
    """Yield a line for each replica, and why what is said of the others may be old."""
    if fleet["fault"]:
        yield f"etcd does not say how the others are now: {fleet['fault']}"
    if fleet["recordFault"]:
        yield f"the others do not know of this one: {fleet['recordFault']}"
    yield from map(_replica, fleet["replicas"])


def is_canary(envoy: Any) -> bool:
    """Tell whether an Envoy is served a candidate; a daemon of before knows of none."""
    return bool(envoy.get("canary"))


def served_from(envoy: Any) -> str:
    """Return what stands in that column for an Envoy."""
    return "candidate" if is_canary(envoy) else "head"


def refuses_anything(envoys: Any) -> bool:
    """Tell whether an Envoy of any replica refuses something."""
    return any(item["state"] == _REFUSING for item in envoys["items"])


def print_envoys(envoys: Any) -> None:
    """Print the Envoys of all replicas, and under the table what they refuse."""
    for fault in envoys["faults"]:
        write_message(f"warning: {fault}")
    if not envoys["items"]:
        write_message("no Envoy is connected to any replica")
        return
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("REPLICA", "ENVOY", "GATEWAYS"):
        table.add_column(title, overflow="fold")
    table.add_column("STATE", no_wrap=True)
    has_canaries = any(map(is_canary, envoys["items"]))
    if has_canaries:
        table.add_column(SERVED, no_wrap=True)
    for item in envoys["items"]:
        state = cell(item["state"], style=_STYLES.get(item["state"], ""))
        served = (cell(served_from(item)),) if has_canaries else ()
        table.add_row(cell(item["replica"]), cell(item["id"]), cell(item["gateways"] or "none"), state, *served)
    console.print(table)
    for item in envoys["items"]:
        if item["refused"]:
            console.print()
            console.print(cell(f"{item['id']} at {item['replica']} refuses {item['refused']}"))
            for told in item["refusals"]:
                console.print(Padding(paragraph(told), (0, 0, 0, 2)))


def _replica(replica: Any) -> str:
    counts = replica["envoys"]
    total = counts["inSync"] + counts["pending"] + counts["refusing"]
    refusing = f", {counts['refusing']} refuse something" if counts["refusing"] else ""
    stands = "draining, " if replica["isDraining"] else "" if replica["isReady"] else "not ready, "
    me = " (this one)" if replica["isSelf"] else ""
    load = f"{replica['cpuPercent']} % of a core"
    refused = f"; does not follow: {replica['refused']}" if replica["refused"] else ""
    return (
        f"{replica['name']}{me}: {stands}generation {replica['generation']}, {counts['inSync']} of {total} Envoys in "
        f"sync{refusing}, {load}, for {age(replica['since'])}{refused}"
    )
