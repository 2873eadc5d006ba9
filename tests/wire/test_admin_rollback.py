"""Somebody's word to go back to an earlier generation, as the admin API takes it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from egxds.inspect.views import SourceView
from tests.wire.browser import MEANT, Admin
from tests.wire.world import World

pytestmark = pytest.mark.anyio

_Wanted = tuple[int, int, str, str]


async def test_nothing_is_kept(admin: Admin) -> None:
    """There is nothing to go back to."""
    answer = await admin.send("POST", "/api/v1/rollback?generation=1", MEANT)
    assert (answer.status, "set stateDir" in answer.json["error"]) == (404, True)


async def test_it_is_asked_for(admin: Admin, world: World) -> None:
    """By its number or by what is in force, with who wants it and what for; what came of it is the answer."""
    asked: list[_Wanted] = []

    async def roll_back(*wanted: int | str) -> Mapping[str, object]:
        asked.append(wanted)  # type: ignore[arg-type]
        return {"reason": "", "generation": 3}

    world.status.source = SourceView(roll_back=roll_back)
    answer = await admin.send("POST", "/api/v1/rollback?generation=1&author=kim&message=no+stock", MEANT)
    assert (answer.status, answer.json) == (200, {"reason": "", "generation": 3})
    await admin.send("POST", "/api/v1/rollback?back=0", MEANT)
    assert asked == [(1, 0, "kim", "no stock"), (0, 0, "", "")]


@pytest.mark.parametrize(
    "query", ["", "generation=1&back=1", "generation=x", "generation=99999999999", "back=-1", "to=1"]
)
async def test_what_is_no_generation(admin: Admin, query: str) -> None:
    """It is refused."""
    assert (await admin.send("POST", f"/api/v1/rollback?{query}", MEANT)).status == 400


async def test_a_page_in_a_browser_gives_no_word(admin: Admin) -> None:
    """As it has nothing else done."""
    assert (await admin.send("GET", "/api/v1/rollback?generation=1", MEANT)).status == 405
    assert (await admin.send("POST", "/api/v1/rollback?generation=1", {"content-type": "text/plain"})).status == 403
