"""The files of the status page: to whom they are given, and with which rules for the browser."""

from __future__ import annotations

import re

import pytest

from egxds.inspect.events.kept_bodies import ChangedBody
from egxds.model.api.kinds import KindTable
from egxds.problems import Location, Problem, error
from egxds.wire.admin.status_page import FILES
from tests.wire.browser import Admin
from tests.wire.world import CDS, GATEWAY, SDS, World

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NAMES = sorted(path.name for path in FILES.iterdir() if path.name != "index.html")
OUTSIDE = re.compile(
    rb"https?://(?!www\.w3\.org/2000/svg)|//cdn|@import|innerHTML\s*=|insertAdjacent|eval\(|\son\w+=\""
)


async def test_a_browser_gets_the_page_and_curl_the_list(admin: Admin) -> None:
    """At the same address, which caches are told."""
    page, listed = await admin.send("GET", "/", HTML), await admin.get("/")
    assert (page.content_type, listed.content_type) == ("text/html; charset=utf-8", "text/plain; charset=utf-8")
    assert "vary" in page.headers
    assert "vary" in listed.headers


@pytest.mark.parametrize("path", ["/", *(f"/page/{name}" for name in NAMES)])
async def test_what_a_browser_may_do_with_it(admin: Admin, path: str) -> None:
    """Nothing from elsewhere, nothing kept, nothing guessed."""
    answer = await admin.send("GET", path, HTML)
    assert answer.status == 200
    wanted = {"content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"}
    assert wanted <= set(answer.headers)


async def test_another_name_or_origin_gets_nothing(admin: Admin) -> None:
    """Neither a name that is made to lead here, nor a page of another origin."""
    for path in ("/", "/page/page.js", "/api/v1/problems", "/api/v1/changes"):
        assert (await admin.send("GET", path, {**HTML, "Host": "evil.test"})).status == 403
        assert (await admin.send("GET", path, {**HTML, "Origin": "http://evil.test"})).status == 403


@pytest.mark.parametrize(
    "path", ["/page/", "/page/index.html", "/page/../api.py", "/page/%2e%2e/api.py", "/page/no.js"]
)
async def test_there_are_no_other_files(admin: Admin, path: str) -> None:
    """What is served is known beforehand."""
    assert (await admin.get(f"/page/{path}")).status == 404


@pytest.mark.parametrize("name", ["index.html", *NAMES])
def test_nothing_comes_from_outside(name: str) -> None:
    """Nor becomes markup of a text."""
    assert OUTSIDE.findall((FILES / name).read_bytes()) == []


def test_the_kinds_to_choose_from_are_read() -> None:
    """Another one would be refused."""
    listed = re.search(r"KINDS = \[(.*?)\]", (FILES / "parts.js").read_text(encoding="utf-8"), re.DOTALL)
    assert listed is not None
    kinds = set(re.findall(r'"([^"]+)"', listed[1])) - {"every kind"}
    assert kinds - {kind for _, kind in KindTable.of(()).served} == set()


async def test_problems(admin: Admin, world: World) -> None:
    """As many as were asked for, and how many there are."""
    asked: list[tuple[str, int]] = []

    async def problems(wanted: str, most: int) -> tuple[tuple[Problem, ...], int]:
        asked.append((wanted, most))
        return (error(Location("a.yaml", 3), "spec: no", "Gateway a/b"),), 7

    world.status.set_problems(problems)
    shown = {
        "severity": "error",
        "object": "Gateway a/b",
        "message": "spec: no",
        "source": {"file": "a.yaml", "line": 3},
    }
    answer = await admin.get("/api/v1/problems", search="x", limit="1")
    assert (answer.json, asked) == ({"items": [shown], "count": 7}, [("x", 1)])


async def test_what_a_change_was(admin: Admin, world: World) -> None:
    """A diff for each resource; of a secret, that it is another one."""
    world.load({CDS: {"a": "1"}, SDS: {"s": "one"}})
    before = world.store.snapshot(GATEWAY)
    world.set({CDS: {"a": "2", "b": "1"}, SDS: {"s": "two"}})
    now = world.store.snapshot(GATEWAY)
    names = ((CDS, "a"), (CDS, "b"), (SDS, "s"))
    bodies = tuple(ChangedBody(kind, name, before.of(kind).get(name), now.of(kind).get(name)) for kind, name in names)
    world.status.bodies.keep(2, GATEWAY, bodies)
    answer = await admin.get("/api/v1/changes", generation="2")
    changed, added, secret = answer.json["items"]
    assert [line for line in changed["diff"] if line[0] in "+-"] == ['- "alt_stat_name": "1"', '+ "alt_stat_name": "2"']
    assert (added["change"], added["diff"][1:4]) == ("added", ["+{", '+ "name": "b",', '+ "alt_stat_name": "1"'])
    assert (secret["diff"], "such as a secret" in secret["note"]) == ([], True)
    assert b"two" not in answer.body


@pytest.mark.parametrize("generation", ["", "1", "x", "-1", "9" * 5000])
async def test_a_change_that_is_not_known(admin: Admin, generation: str) -> None:
    """It is said so, whatever was asked."""
    answer = await admin.get("/api/v1/changes", generation=generation)
    assert answer.status in {404, 414}
