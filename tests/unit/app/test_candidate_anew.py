"""A candidate that is built again: by other settings, and by what extensions say anew."""

from __future__ import annotations

import threading

import anyio
import pytest
from structlog.testing import capture_logs

from egxds.app.asking import Asking
from egxds.app.candidate_input import CandidateInput
from egxds.app.memory.bounded import LoadTooLargeError
from egxds.app.pipeline import Build, Pipeline
from egxds.errors import FailureReason
from egxds.hooks.calls import HookFailure
from tests.envoy.manifests import gateway, http
from tests.unit.app.candidate_store import CANARY, site
from tests.unit.app.candidates import WORDS, Gate, gate, house_of, seen, settings_of, until
from tests.unit.app.files import GATEWAY
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


@pytest.mark.parametrize(
    "managers",
    [(), (OTHER,), (WORDS, OTHER), (OTHER, WORDS), (ANOTHER_WORDS,)],
    ids=lambda all_: "+".join(one.name for one in all_),
)
async def test_it_is_built_again_by_other_extensions(managers: tuple) -> None:  # type: ignore[type-arg]
    """And is by them what it would be in force."""
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: house.is_served)
        before = house.served(CANARY)
        await house.change(settings_of(*managers))
        await until(lambda: house.runner.extensions.current.managers == managers and house.is_in_force)
        if managers != (ANOTHER_WORDS,):
            await until(lambda: house.served(CANARY) != before)
        await until(lambda: house.is_served)
        await seen(house)
        had = house.served(CANARY)
        house.store.have_promoted()
        await house.until_gone()
        assert house.served(CANARY) == had
        assert house.hosts(CANARY) == "ab"


async def test_it_has_the_addresses_of_another_pool() -> None:
    """It is served with them while it stands, and in force with them."""
    pooled = {"web.yaml": GATEWAY.format(name="web", port=8000)}
    async with house_of(site("a") | pooled, pool="10.0.0.0/30") as house:
        house.store.put(site("ab") | pooled)
        await until(lambda: house.is_served)
        before = house.served(CANARY)
        await house.change(settings_of(WORDS, pool="10.9.0.0/30"))
        await until(lambda: house.served(CANARY) != before)
        had = house.served(CANARY)
        assert b"10.9.0." in b"".join(body for _, body in had.values())
        house.store.have_promoted()
        await house.until_gone()
        assert house.served(CANARY) == had


async def test_settings_that_change_while_it_begins_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come in the very pass in which it is branched off."""
    reached, go_on = threading.Event(), threading.Event()
    branched = Pipeline._branched

    def held_up(pipeline: Pipeline, *given: object) -> Pipeline:
        found = branched(pipeline, *given)  # type: ignore[arg-type]
        reached.set()
        assert go_on.wait(20)
        return found

    monkeypatch.setattr(Pipeline, "_branched", held_up)
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(reached.is_set)
        await house.change(settings_of(WORDS, OTHER))
        go_on.set()
        await until(lambda: house.is_served)
        await until(lambda: ("other", "b") in house.extensions.asked)


async def test_it_is_taken_through_no_extensions_that_it_was_not_made_for(gate: Gate) -> None:
    """It is built still when what is in force goes by others: what is asked again meanwhile waits for that."""
    gate.is_open.set()
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: house.is_served)
        before, gate.is_reached = house.served(CANARY), False
        gate.is_open.clear()
        await house.change(settings_of(OTHER))
        await until(lambda: house.runner.extensions.current.managers == (OTHER,) and gate.is_reached)
        house.extensions.take_asked()
        house.ask_again()
        house.candidate.recover()
        await until(lambda: house.is_in_force)
        for _ in range(5):
            await anyio.wait_all_tasks_blocked()
        assert ("other", "b") not in house.extensions.asked
        assert house.served(CANARY) == before
        gate.is_open.set()
        await until(lambda: ("other", "b") in house.extensions.asked)
        await until(lambda: house.served(CANARY) != before)


@pytest.mark.parametrize("error", [LoadTooLargeError("too large"), ValueError("a defect")], ids=["memory", "defect"])
async def test_what_cannot_be_built_is_said(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Its nodes stay at what is in force, and do not wait; under other settings it is tried again."""
    read, errors = CandidateInput.read, [error]

    def failing(made: CandidateInput) -> Build:
        if errors:
            raise errors.pop()
        return read(made)

    monkeypatch.setattr(CandidateInput, "read", failing)
    async with house_of(site("a")) as house:
        with capture_logs() as logs:
            house.store.put(site("ab"))
            assert house.stores.expected == {CANARY}
            await until(lambda: any(line["event"] == "canary.failed" for line in logs))
        await seen(house)
        facts = house.candidate.facts()
        assert facts is not None
        assert facts.fault
        assert (facts.is_settled, house.stores.expected, house.hosts(CANARY)) == (False, frozenset(), "a")
        house.extensions.hang()
        await house.change(settings_of(OTHER))
        await until(lambda: house.stores.expected == {CANARY})
        house.extensions.answer()
        await until(lambda: house.is_served)
        assert house.hosts(CANARY) == "ab"


async def test_one_that_is_not_built_again_is_served_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and it is not as it is to be: nobody promotes it by itself."""
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: house.is_served)

        def failing(_: CandidateInput) -> Build:
            raise LoadTooLargeError("too large")

        monkeypatch.setattr(CandidateInput, "read", failing)
        await house.change(settings_of(OTHER))
        await until(lambda: house.is_in_force and "too large" in house.candidate.facts().fault)  # type: ignore[union-attr]
        assert not house.is_served
        assert house.hosts(CANARY) == "ab"


async def test_a_gateway_that_says_something_else_in_it_has_all_asked_again() -> None:
    """All of it belongs to that, as if it had been published."""
    async with house_of(site("a")) as house:
        house.extensions.hang()
        house.store.put(site("a") | {"web.yaml": gateway("web", http(8000), content="other")})
        await until(lambda: house.extensions.asked == [("words", "a")])
        assert not house.is_served
        house.extensions.answer()
        await until(lambda: house.is_served)


async def test_what_was_said_before_an_extension_was_renewed_is_asked_again() -> None:
    """However often its Gateway has said something else before; nobody is told that it is settled until then."""
    async with house_of(site("a")) as house:
        for content in ("one", "two", "three"):
            edited = {"web.yaml": gateway("web", http(8000), content=content)}
            house.store.publish(site("a") | edited)
            await until(lambda: house.is_in_force)
            await until(lambda: house.extensions.take_asked() != [])
            await seen(house)
        house.store.put(site("ab") | edited)
        await until(lambda: house.is_served)
        house.extensions.take_asked()
        house.extensions.hang()
        house.runner.forget_replies()
        house.ask_again()
        # Who asks second about the same may be told what the first was.
        await until(lambda: set(house.extensions.asked) == {("words", "a"), ("words", "b")})
        assert (house.is_served, house.hosts(CANARY)) == (False, "ab")
        house.extensions.answer()
        await until(lambda: house.is_served)


async def test_what_another_extension_said_is_nothing_to_go_on_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where what is in force waits for that still, and the one that has its name now cannot be asked."""
    monkeypatch.setattr("egxds.app.candidate._PATIENCE_S", 0.0)
    monkeypatch.setattr("egxds.app.gateway_worker.PATIENCE_S", 0.0)
    async with house_of(site("a")) as house:
        house.extensions.hang("b")
        house.store.publish(site("ab"))
        await until(lambda: house.extensions.asked == [("words", "b")])
        await house.change(settings_of(ANOTHER_WORDS))
        await until(lambda: house.runner.extensions.current.managers == (ANOTHER_WORDS,))
        house.extensions.failure = DOWN
        house.store.put(site("ac"))
        await until(lambda: house.is_served)
        assert b"x-ext-vhost" not in b"".join(body for _, body in house.served(CANARY).values())


async def test_other_settings_do_not_wait_for_an_extension_that_hangs() -> None:
    """Nor for one that is to be asked no more."""
    async with house_of(site("a")) as house:
        house.extensions.hang("words")
        house.store.put(site("ab"))
        await until(lambda: ("words", "b") in house.extensions.asked)
        await house.change(settings_of(OTHER))
        await until(lambda: house.is_served)
        assert house.hosts(CANARY) == "ab"
        assert ("other", "b") in house.extensions.asked


async def test_what_somebody_has_asked_again_is_asked_again_of_it() -> None:
    """Or it would be promoted with what was said before."""
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: house.is_served)
        house.extensions.take_asked()
        await Asking(house.runner, house.publisher, house.candidate.ask_again).ask_again("words")
        await until(lambda: set(house.extensions.asked) == {("words", "a"), ("words", "b")})
