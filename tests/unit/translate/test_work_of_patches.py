"""What is patched costs the resources that policies name, at any number of routes beside them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lines_of_rooms import lines_with_empty_caches
from tests.unit.model.texts import endpoint_slice, gateway, route, service
from tests.unit.translate.patched import CLUSTER, HTTP, LISTENER, ROUTES, PatchedWorld, patch, policy

ROOMS = ("translate", "resources", "incremental")
SIZES = (50, 500)
RULE = "httproute/default/r0/rule/0"


def _routes(size: int, path: str) -> list[str]:
    """Write routes, the first of which is for a path."""
    backends = "backendRefs: [{name: app, port: 80}]"
    return [
        route(
            f"r{number}",
            f"hostnames: [h{number}.test]\n"
            f"rules: [{{matches: [{{path: {{value: {path if number == 0 else '/'}}}}}], {backends}}}]",
        )
        for number in range(size)
    ]


def _policy(limit: int) -> str:
    return policy(
        patch(LISTENER, HTTP, "replace", "/per_connection_buffer_limit_bytes", value=limit),
        patch(CLUSTER, RULE, "add", "/alt_stat_name", value="asked"),
        patch(ROUTES, HTTP, "add", "/max_direct_response_body_size_bytes", value=limit),
    )


EDITS: dict[str, Callable[[int], list[str]]] = {
    "a route": lambda size: [*_routes(size, "/edited"), _policy(1)],
    "the policy": lambda size: [*_routes(size, "/first"), _policy(2)],
    "the policy goes": lambda size: _routes(size, "/first"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_costs_the_same_at_any_size(edit: Callable[[int], list[str]]) -> None:
    """No line of Python more where there are ten times as many routes."""

    def lines(size: int) -> dict[str, int]:
        world, beside = PatchedWorld(), [gateway(), service(), endpoint_slice()]
        for warm in ("/warm", "/warmer", "/first"):
            world.scan(*beside, *_routes(size, warm), _policy(7))
        world.scan(*beside, *_routes(size, "/first"), _policy(1))
        resolution = world.world.scan(*beside, *edit(size))
        with lines_with_empty_caches() as counted:
            world.translator.update(resolution)
        return {room: counted[room] for room in ROOMS}

    first, *others = map(lines, SIZES)
    assert all(each == first for each in others)
