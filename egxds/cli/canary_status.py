"""How a generation is shown by commands that some nodes are served before the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from egxds.cli.ages import age, duration


def canary_lines(canary: Any) -> Iterator[str]:
    """Yield how it stands: what it waits for, or why it was taken back."""
    what = f"generation {canary['generation']}, published by {canary['publishedBy'] or 'somebody'}"
    back, nodes = canary["takenBack"], canary["nodes"]
    if back is not None:
        yield f"{what}, was taken back {age(back['at'])} ago by {back['by']}: {back['why']}"
        return
    refused = f", {nodes['refused']} have refused something of it" if nodes["refused"] else ""
    yield (
        f"{what}: {nodes['connected']} of {nodes['named']} canary nodes are connected, {nodes['taken']} have taken "
        f"it{refused}"
    )
    if canary["promoteInS"] is not None:
        yield f"is promoted in {duration(canary['promoteInS'])} if no fault is found"
    elif canary["waitsFor"]:
        yield f"waits: {canary['waitsFor']}"
    if canary["requests"]:
        yield canary["requests"]
