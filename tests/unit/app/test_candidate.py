"""The life of a candidate beside what is in force: built, served to its nodes, and gone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from dataclasses import replace

import anyio
import pytest

from egxds.app.pipeline import Build
from egxds.app.untaken_edits import in_force
from egxds.errors import FailureReason
from egxds.files.reading.content import Scan
from egxds.hooks.calls import HookFailure
from egxds.inspect.refusals import RefusedResource
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.store.rolled_back import Bar
from egxds.names import LISTENER, ROUTE_CONFIGURATION
from egxds.object_key import ObjectKey
from tests.envoy.manifests import gateway, http, http_route
from tests.unit.app.candidate_store import CANARY, site
from tests.unit.app.candidates import Gate, House, gate, house_of, seen, settings_of, until
from tests.unit.hooks.extensions import manager

__all__ = ["gate"]

pytestmark = pytest.mark.anyio

OTHER = manager("other", hooks=("VirtualHost",))
ANOTHER_WORDS = manager("words", hooks=("VirtualHost",), timeout="7s")
DOWN = HookFailure(FailureReason.CONNECT, "nobody listens")


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"


async def test_it_is_served_to_its_nodes_and_in_force_when_it_is_promoted() -> None:
    """Hooks are asked about what is other, once; who had it is told nothing when all have it."""
    async with house_of(site("ab")) as house:
        house.store.put(site("abc"))
        await until(lambda: house.is_served)
        assert (house.hosts(CANARY), house.hosts("else")) == ("abc", "ab")
        assert house.extensions.take_asked() == [("words", "c")]
        had = house.served(CANARY)
        house.store.have_promoted()
        await house.until_gone()
        assert house.extensions.take_asked() == []
        assert house.served(CANARY) == house.served("else") == had


async def test_one_that_was_there_when_the_store_was_found() -> None:
    """Its nodes may have been served it by others: nobody takes what they did since for what they did before."""
    async with house_of(site("ab")) as house:
        put_at = house.store.put(site("abc")).put_at
        for followed_since, was_there in ((put_at - 1, False), (put_at, True), (put_at + 1, True)):
            house.store.standing = replace(house.store.standing, followed_since=followed_since)
            facts = house.candidate.facts()
            assert facts is not None
            assert facts.was_there == was_there


async def test_it_begins_when_the_hooks_are_through_with_what_is_in_force() -> None:
    """What they say of that is not asked twice."""
    async with house_of(site("a")) as house:
        house.extensions.hang()
        house.store.publish(site("ab"))
        await until(lambda: house.extensions.asked == [("words", "b")])
        house.store.put(site("abc"))
        await seen(house)
        assert house.extensions.asked == [("words", "b")]
        house.extensions.answer()
        await until(lambda: house.is_served)
        assert house.extensions.take_asked() == [("words", "b"), ("words", "c")]


async def test_another_one_takes_its_place() -> None:
    """Also where nothing was seen between the two; never is one mixed with the other."""
    async with house_of(site("a")) as house:
        for hosts in ("ab", "ac", "ad"):
            house.store.put(site(hosts))
            await until(lambda: house.is_served and house.stores.candidate is not None)
            await until(lambda now=hosts: house.hosts(CANARY) == now)  # type: ignore[misc]
        house.store.have_taken_back()
        await house.until_gone()
    assert set(house.served_to_canary) <= {"a", "ab", "ac", "ad"}


async def test_what_is_promoted_while_hooks_hang_stays_with_its_nodes() -> None:
    """They are given nothing older in between."""
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: house.is_served)
        house.extensions.hang()
        # Not remembered: what all get is asked again.
        house.runner.forget_replies()
        house.store.have_promoted()
        await until(lambda: house.extensions.asked[-1:] == [("words", "b")] and not house.publisher.is_settled)
        await seen(house)
        assert (house.hosts(CANARY), house.hosts("else")) == ("ab", "a")
        house.extensions.answer()
        await house.until_gone()
        assert house.hosts(CANARY) == house.hosts("else") == "ab"
    assert set(house.served_to_canary) == {"ab"}


@pytest.mark.parametrize("is_replaced", [True, False], ids=["replaced", "taken back"])
async def test_one_that_is_gone_before_it_is_built_is_never_served(gate: Gate, *, is_replaced: bool) -> None:
    """Not even while the hooks are not through with what takes its place."""
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: gate.is_reached)
        house.extensions.hang("c")
        if is_replaced:
            house.store.publish(site("ac"))
            await until(lambda: ("words", "c") in house.extensions.asked)
        else:
            house.store.have_taken_back()
        gate.is_open.set()
        await seen(house)
        assert (house.stores.candidate, house.hosts(CANARY)) == (None, "a")
        house.extensions.answer()
        await house.until_gone()
    assert "ab" not in house.served_to_canary
    assert ("words", "b") not in house.extensions.asked


async def test_one_that_is_taken_back_is_left_at_once() -> None:
    """Whatever keeps the hooks of what is in force busy."""
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: house.is_served)
        house.extensions.hang()
        await house.change(settings_of(OTHER))
        await until(lambda: ("other", "a") in house.extensions.asked)
        house.store.have_taken_back()
        await anyio.wait_all_tasks_blocked()
        assert house.stores.candidate is None
        assert house.hosts(CANARY) == "a"


async def test_the_end_of_the_daemon_while_it_is_built_leaves_nothing(gate: Gate) -> None:
    """No task, and nobody who waits for an extension on its behalf."""
    before = len(asyncio.all_tasks())
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: gate.is_reached)
    assert len(asyncio.all_tasks()) == before
    assert house.runner.failing == ()
    assert house.runner._beside == []


async def test_gateways_come_and_go_in_it() -> None:
    """As if it had been published."""
    async with house_of(site("a", old="b")) as house:
        house.store.put(site("a", new="c"))
        await until(lambda: house.is_served)
        assert sorted(house.stores.of(CANARY).gateways()) == ["default/new", "default/web"]
        assert sorted(house.stores.head.gateways()) == ["default/old", "default/web"]
        gone = house.stores.of(CANARY).view("default/old")
        assert gone is not None
        assert not any(gone.snapshot.resources.values())
        had = house.served(CANARY, "default/web", "default/new")
        house.store.have_promoted()
        await house.until_gone()
        assert house.served("else", "default/web", "default/new") == had
        assert sorted(house.stores.head.gateways()) == ["default/new", "default/web"]


async def test_what_hooks_could_not_say_is_said_of_it_and_asked_when_they_are_back() -> None:
    """It does not settle well before; then it is as it would be in force."""
    async with house_of(site("a")) as house:
        house.extensions.failure = DOWN
        house.store.put(site("ab"))
        await until(lambda: house.is_served)
        facts = house.candidate.facts()
        assert facts is not None
        assert "hooks fail for default/web" in facts.fault
        house.extensions.failure = None
        await until(lambda: house.candidate.facts().fault == "")  # type: ignore[union-attr]
        had = house.served(CANARY)
        house.store.have_promoted()
        await house.until_gone()
        assert house.served("else") == had


def _bar(house: House, good: Build) -> tuple[ObjectKey, Bar]:
    """Return what bars the route as it is in force now, and has it as it was."""
    assert house.current.build is not None
    key = HTTP_ROUTE.key("default", "a")
    barred, former = in_force(key, house.current.build.state), in_force(key, good.state)
    assert barred is not None
    assert former is not None
    return key, Bar(barred, former, former.item, "an Envoy refuses it")


async def test_what_is_rolled_back_is_so_in_it() -> None:
    """Its nodes would refuse it, and it would be blamed for that."""
    async with house_of(site("a")) as house:
        good = house.current.build
        bad = site("a") | {"a.yaml": http_route("a", "b.test", "echo")}
        house.store.publish(bad)
        await until(lambda: house.is_in_force and house.hosts("else") == "b")
        assert good is not None
        key, bar = _bar(house, good)
        house.pipeline.roll_back({key: bar})
        house.look(Scan.ALL)
        await until(lambda: house.hosts("else") == "a")
        house.store.put(bad | {"c.yaml": http_route("c", "c.test", "echo")})
        await until(lambda: house.is_served)
        assert house.hosts(CANARY) == "ac"


async def test_what_is_rolled_back_while_it_is_served_is_so_in_it() -> None:
    """And in force as it is written in both, once that is tried again."""
    async with house_of(site("a")) as house:
        good = house.current.build
        bad = site("a") | {"a.yaml": http_route("a", "b.test", "echo")}
        house.store.publish(bad)
        await until(lambda: house.is_in_force and house.hosts("else") == "b")
        house.store.put(bad | {"c.yaml": http_route("c", "c.test", "echo")})
        await until(lambda: house.is_served)
        assert good is not None
        key, bar = _bar(house, good)
        for each in (house.pipeline, house.candidate):
            each.roll_back({key: bar})
        house.look(frozenset())
        await until(lambda: (house.hosts("else"), house.hosts(CANARY)) == ("a", "ac"))
        for each in (house.pipeline, house.candidate):
            each.lift([key])
        house.look(frozenset())
        await until(lambda: (house.hosts("else"), house.hosts(CANARY)) == ("b", "bc"))
        await until(lambda: house.is_served)


async def test_what_is_refused_on_purpose_is_said_of_it_where_it_is_not_in_force() -> None:
    """What is refused for all already is no reason to wait."""
    async with house_of(site("a")) as house:
        house.extensions.refused = "bc"
        house.store.publish(site("ab"))
        await until(lambda: house.is_in_force)
        house.store.put(site("abd"))
        await until(lambda: house.is_served)
        facts = house.candidate.facts()
        assert facts is not None
        assert facts.fault == ""
        house.store.put(site("abc"))
        await until(lambda: house.is_served)
        facts = house.candidate.facts()
        assert facts is not None
        assert "hooks fail for default/web" in facts.fault


def refused_by(house: House, node_cluster: str, type_url: str, name: str) -> RefusedResource:
    """Return that the canary refuses a resource of all that it is served."""
    view = house.stores.of(CANARY).view(node_cluster)
    assert view is not None
    version = view.snapshot.of(type_url)[name].version
    said = (type_url, name, "no", (), 0.0, version)
    return RefusedResource(CANARY, view.gateways, *said, is_canary=True, selects=node_cluster)


async def test_what_only_a_class_as_a_whole_has_by_it_is_its_own() -> None:
    """A Gateway goes, and another one has its address in all that Envoys of the class are served."""
    files = site("", old="a") | {"young.yaml": gateway("young", http(8001))}
    async with house_of(files) as house:
        house.store.put({path: text for path, text in files.items() if path not in {"old.yaml", "a.yaml"}})
        await until(lambda: house.is_served)
        gained = refused_by(house, "egxds", LISTENER, "default/young/http")
        assert gained.name not in house.stores.head.view("egxds").snapshot.of(LISTENER)  # type: ignore[union-attr]
        assert house.candidate.is_refused_alone(gained)
        # The very bytes are in force for who selects that Gateway.
        same = refused_by(house, "default/young", LISTENER, "default/young/http")
        assert same.version == gained.version
        assert not house.candidate.is_refused_alone(same)
        # What was refused of it and is otherwise by now is sent anew, and judged by what is said to that.
        assert not house.candidate.is_refused_alone(replace(gained, version="before"))


async def test_what_all_have_in_a_class_is_not_its_own() -> None:
    """Whoever refuses that has refused it before."""
    async with house_of(site("a", old="b")) as house:
        house.store.put(site("a", old="bc"))
        await until(lambda: house.is_served)
        for node_cluster, listener, is_own in (
            ("egxds", "default/web/http", False),
            ("default/web", "default/web/http", False),
            ("egxds", "default/old/http", True),
            ("default/old", "default/old/http", True),
        ):
            refused = refused_by(house, node_cluster, ROUTE_CONFIGURATION, listener)
            assert house.candidate.is_refused_alone(refused) == is_own


async def test_nothing_is_kept_of_one_that_has_ended() -> None:
    """What was left of it in a ring would be frozen by the first load of the next one, and so be there for ever."""
    async with house_of(site("a")) as house:
        gc.collect()
        gc.disable()
        try:
            house.store.put(site("ab"))
            await until(lambda: house.is_served)
            made, pipeline = (weakref.ref(each) for each in (house.candidate._made, house.candidate._pipeline))
            store = weakref.ref(house.stores.of(CANARY))
            assert store() is not house.stores.head
            house.store.have_taken_back()
            await house.until_gone()
            await until(lambda: (made(), pipeline(), store()) == (None, None, None))
        finally:
            gc.enable()


async def test_nodes_that_are_served_it_still_have_not_what_takes_its_place() -> None:
    """Nobody is to say of them that they have; of one that is promoted they have all."""
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: house.is_served)
        assert not house.candidate.is_leaving
        house.extensions.hang()
        house.store.publish(site("ac"))
        await until(lambda: ("words", "c") in house.extensions.asked)
        assert (house.hosts(CANARY), house.candidate.is_leaving) == ("ab", True)
        house.extensions.answer()
        await until(lambda: not house.candidate.is_leaving)
        assert house.hosts(CANARY) == "ac"
        house.store.put(site("acd"))
        await until(lambda: house.is_served)
        house.extensions.hang()
        house.runner.forget_replies()
        house.store.have_promoted()
        await until(lambda: not house.publisher.is_settled)
        assert (house.hosts(CANARY), house.candidate.is_leaving) == ("acd", False)
        house.extensions.answer()
        await house.until_gone()
