"""A store of generations as the admin API shows it, and somebody's word that it is followed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from egxds.inspect.views import SourceView
from egxds.names import REQUEST_HEADER
from tests.wire.browser import MEANT, Admin
from tests.wire.world import World

pytestmark = pytest.mark.anyio

SOURCE = {"kind": "etcd", "generation": 2}


def _described() -> Mapping[str, object]:
    return SOURCE


async def test_of_files_there_is_no_store_and_that_is_an_answer(admin: Admin, world: World) -> None:
    """The page asks without knowing where objects come from."""
    assert (await admin.get("/api/v1/store")).json == {"source": None, "fleet": None, "canary": None}
    world.status.source = SourceView(_described)
    assert (await admin.get("/api/v1/store")).json == {"source": SOURCE, "fleet": None, "canary": None}


async def test_files_cannot_be_followed_anyway(admin: Admin) -> None:
    """There is no store."""
    assert (await admin.send("POST", "/api/v1/follow-store", MEANT)).status == 404


async def test_a_store_is_followed_by_somebodys_word(admin: Admin, world: World) -> None:
    """And what came of that is the answer."""

    async def follow() -> Mapping[str, object]:
        return {"reason": "it went back", "source": SOURCE}

    world.status.source = SourceView(_described, follow)
    answer = await admin.send("POST", "/api/v1/follow-store", MEANT)
    assert (answer.status, answer.json) == (200, {"reason": "it went back", "source": SOURCE})
    assert (await admin.get("/api/v1/status")).json["source"] == SOURCE


async def test_a_page_in_a_browser_gives_no_word(admin: Admin) -> None:
    """As it has nothing else done."""
    assert (await admin.send("GET", "/api/v1/follow-store", MEANT)).status == 405
    refused = await admin.send("POST", "/api/v1/follow-store", {"content-type": "text/plain"})
    assert refused.status == 403
    assert REQUEST_HEADER in refused.json["error"]
