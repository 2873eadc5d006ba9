"""Files → objects → resources, put together by Gateway, in the order in which it happened."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from egxds.app.pipeline import Build
from egxds.errors import FailureReason
from egxds.hooks.calls import HookCall
from egxds.hooks.policy.outcome import Accepted, HookedGateway, HookProblem, Outcome
from egxds.incremental.revision import Revision
from egxds.inspect.events.changes import ChangeGatherer, Note, Published, Read
from egxds.inspect.events.event_log import Facts
from egxds.inspect.events.facts import Change, ChangedObjects, HooksChanged
from egxds.inspect.events.kept_bodies import KeptBodies
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.resources.resource import Resources
from egxds.settings.extensions import Hook
from egxds.snapshot.store import SnapshotStore
from tests.unit.app.files import Files

LISTED = 20
SERVICE = "{{apiVersion: v1, kind: Service, metadata: {{name: {}}}, spec: {{ports: [{{port: 1}}]}}}}\n---\n"


class Daemon:
    """A daemon without its tasks: passes, and what is published, when the test says so."""

    def __init__(self, directory: Path) -> None:
        self.files = Files(directory)
        self.bodies = KeptBodies()
        self.now_s = 0.0
        self._gatherer = ChangeGatherer(self.bodies)
        self._store = SnapshotStore()
        self._build: Build | None = None
        self._hooked: dict[str, HookedGateway] = {}
        self._notes: list[Note] = []

    def read(self) -> None:
        """Read the files; it takes a second."""
        before, self._build = self._build, self.files.build()
        noticed_s, self.now_s = self.now_s, self.now_s + 1
        translations = before.translations if before else Revision()
        state = before.state if before else None
        self._notes.append(
            Read(state, self._build.state, translations, self._build.translations, noticed_s, self.now_s)
        )

    def publish(self, name: str, *failures: HookProblem) -> None:
        """Publish a Gateway as it was translated, or take it away where there is none any more."""
        gateway = f"default/{name}"
        before, hooked_before = self._store.snapshot(gateway), self._hooked.pop(gateway, None)
        hooked = self._hook(gateway, failures)
        if hooked is not None:
            self._hooked[gateway] = hooked
            self._store.publish(gateway, "egxds", hooked.resources)
        else:
            self._store.remove(gateway)
        now, generation = self._store.snapshot(gateway), self._store.generation
        self._notes.append(Published(gateway, hooked_before, hooked, before, now, generation, self.now_s))

    def told(self) -> list[dict[str, Any]]:
        """Return what is told since the last look."""
        return [{"event": facts.kind, **facts.to_json(lambda _key: Location("now.yaml", 1))} for facts in self.facts()]

    def facts(self) -> tuple[Facts, ...]:
        """Return the same as the log of events keeps it."""
        notes, self._notes = self._notes, []
        return self._gatherer.gather(notes).facts

    def _hook(self, gateway: str, failures: tuple[HookProblem, ...]) -> HookedGateway | None:
        translation = self._build.translations.get(gateway) if self._build else None
        if translation is None:
            return None
        listeners: Resources = translation.listeners
        kinds = {next(iter(listeners.values())).type_url: listeners} if listeners else {}
        outcome = Outcome.DENIED if failures else Outcome.ACCEPTED
        return HookedGateway(gateway, "egxds", kinds, failures, outcome, Accepted(), was_hooked=True)


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """One that has read a Gateway, and has published it."""
    daemon = Daemon(tmp_path)
    daemon.files.write_gateway("one", 8081)
    daemon.read()
    daemon.publish("one")
    (told,) = daemon.told()
    assert (told["objects"]["added"], told["resources"]["added"], told["generation"]) == (1, 1, 1)
    return daemon


def failure(subject: str) -> HookProblem:
    """Return a failed call."""
    return HookProblem(HookCall("authz", Hook.ROUTE, subject, b""), FailureReason.CONNECT, "no", "deny")


def test_an_edit(daemon: Daemon) -> None:
    """Its objects and resources, and how long it took from the moment in which it was noticed."""
    daemon.files.write_gateway("one", 8082)
    daemon.read()
    daemon.now_s += 0.5
    daemon.publish("one")
    (told,) = daemon.told()
    assert told["files"] == ["one.yaml"]
    assert [(one["change"], one["name"]) for one in told["objects"]["items"]] == [("changed", "one")]
    assert told["resources"]["types"] == {"listener": 1}
    assert (told["generation"], told["readMs"], told["publishedMs"]) == (2, 1000.0, 1500.0)
    kept = daemon.bodies.find(2)
    assert kept is not None
    assert [body.name for body in kept.bodies] == ["default/one/http"]


def test_what_no_gateway_is_about(daemon: Daemon) -> None:
    """It is told by itself, since nothing is published for it."""
    daemon.files.write(
        "lonely.yaml", "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 1}]}}"
    )
    daemon.read()
    (told,) = daemon.told()
    assert (told["gateway"], told["generation"], told["objects"]["added"]) == ("", None, 1)


def test_nothing(daemon: Daemon) -> None:
    """A pass that finds nothing, and a publication of the same, are no news."""
    daemon.read()
    daemon.publish("one")
    assert daemon.told() == []


def test_hooks_that_take_long(daemon: Daemon) -> None:
    """What was read meanwhile is told with what comes of it at last, from the first moment on."""
    for port in (8082, 8083):
        daemon.files.write_gateway("one", port)
        daemon.read()
    assert daemon.told() == []
    daemon.publish("one")
    (told,) = daemon.told()
    assert (told["objects"]["changed"], told["publishedMs"]) == (1, 2000.0)


def test_each_gateway_is_told_by_itself(daemon: Daemon) -> None:
    """Those that came out otherwise, and no other."""
    daemon.files.write_gateway("two", 8082)
    daemon.read()
    daemon.publish("two")
    daemon.publish("one")
    (told,) = daemon.told()
    assert (told["gateway"], told["generation"]) == ("default/two", 2)


def test_a_gateway_that_goes(daemon: Daemon) -> None:
    """With the file where it was, as it is nowhere now."""
    daemon.files.write_gateway("two", 8082)
    daemon.read()
    daemon.publish("two")
    daemon.told()
    daemon.files.delete("one.yaml")
    daemon.read()
    daemon.publish("one")
    (told,) = daemon.told()
    assert (told["outcome"], told["objects"]["removed"], told["resources"]["removed"]) == (None, 1, 1)
    assert told["files"] == ["one.yaml"]
    assert told["resources"]["items"][0]["version"] == ""


def test_a_hook_that_fails_and_recovers(daemon: Daemon) -> None:
    """What begins to fail, what goes on failing, and what does not any more."""
    daemon.publish("one", failure("a"), failure("b"))
    daemon.publish("one", failure("b"), failure("c"))
    daemon.publish("one", failure("b"), failure("c"))
    daemon.publish("one")
    told = daemon.told()
    assert {one["event"] for one in told} == {"hooks"}
    assert [(one["before"], one["outcome"], one["failing"]) for one in told] == [
        ("accepted", "denied", 2),
        ("denied", "denied", 2),
        ("denied", "accepted", 0),
    ]
    subjects = [[[each["subject"] for each in one[part]] for part in ("begun", "over")] for one in told]
    assert subjects == [[["a", "b"], []], [["c"], ["a"]], [[], ["b", "c"]]]


def test_a_change_of_everything_is_bounded(daemon: Daemon) -> None:
    """A few are named, and all are counted; so is an event of many failures."""
    daemon.files.write("many.yaml", "".join(SERVICE.format(f"s{number}") for number in range(3000)))
    daemon.read()
    daemon.publish("one", *(failure(f"{number}" + "x" * 200) for number in range(3000)))
    change, hooks = daemon.told()
    assert (change["objects"]["added"], change["objects"]["omitted"]) == (3000, 3000 - LISTED)
    assert (hooks["begunCount"], len(hooks["begun"])) == (3000, LISTED)


def test_an_event_keeps_no_more_than_it_lists(daemon: Daemon) -> None:
    """Hundreds of events of an extension that comes and goes would fill the memory with what they leave out."""
    daemon.publish("one", *(failure(str(number)) for number in range(3000)))
    daemon.publish("one")
    began, ended = daemon.facts()
    assert isinstance(began, HooksChanged)
    assert isinstance(ended, HooksChanged)
    assert [(len(each.first), each.count) for each in (began.begun, ended.over)] == [(LISTED, 3000)] * 2


A, C, R = Change.ADDED, Change.CHANGED, Change.REMOVED


@pytest.mark.parametrize(
    ("earlier", "later", "both"),
    [(A, C, A), (A, R, None), (C, C, C), (C, R, R), (R, A, C), (None, R, R), (C, None, C)],
)
def test_two_changes_of_one_object_are_one(earlier: Change | None, later: Change | None, both: Change | None) -> None:
    """As who sees only what was before and what is now would count them, beside others."""
    key, other = ObjectKey("", "Service", "a", "b"), ObjectKey("", "Service", "a", "other")
    first, second = (
        ChangedObjects(((key, one),), Counter({one: 1})) if one else ChangedObjects() for one in (earlier, later)
    )
    beside = ChangedObjects(((other, A),), Counter({A: 1}))
    found = beside.followed_by(first).followed_by(second)
    assert dict(found.first) == {other: A, **({key: both} if both else {})}
    assert +Counter(found.counts) == Counter(change for _, change in found.first)
