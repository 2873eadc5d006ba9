"""What people are told of objects that are rolled back, and that it ends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from egxds.app.pipeline import Build
from egxds.incremental.revision import Revision
from egxds.inspect.objects import ObjectFilter, ObjectView
from egxds.inspect.overview import troubles_of
from egxds.inspect.problem_book import ProblemChanges
from egxds.model.resolve.going_back import gone_back
from egxds.model.store.rolled_back import Bar, WrittenObject
from egxds.object_key import ObjectKey
from egxds.problems import Severity
from tests.unit.app.files import Files
from tests.unit.model.test_security_policies import ROUTE, secure
from tests.unit.model.texts import backend, gateway, route

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHY = "Envoy 'one' refuses route default/web/http: it is not to my taste"
UNTIL = "until an edit brings one that it takes, or `egxds resync` tries this one again"
KEPT = f"{WHY}; generation 1 of it stays in force {UNTIL}"
BOX = "[{ip: {address: 10.0.0.9, port: %s}}]"


class Told:
    """Files, and what is told of them."""

    def __init__(self, directory: Path) -> None:
        self._files = Files(directory)
        self._view = ObjectView()
        self._files.write("web.yaml", gateway())
        self.look()

    def look(self) -> ProblemChanges:
        """Read the files; return which problems came and went."""
        self.build: Build = self._files.build()
        return self._view.note(self.build.judged(), Revision(), NOW)

    def write(self, name: str, text: str) -> ProblemChanges:
        """Write a file, and read it."""
        self._files.write(name, text)
        return self.look()

    def edit(self, name: str, former: str | None, text: str) -> ProblemChanges:
        """Edit a file that holds one object, and have that go back for a refusal."""
        before = None
        if former is not None:
            self.write(name, former)
            before = self._written()
        self.write(name, text)
        barred = self._written()
        back = gone_back(barred.item, before.item if before is not None else None)
        assert back is not None
        self._files._pipeline.roll_back({barred.item.key: Bar(barred, before, back.item, WHY)})
        return self.look()

    def item(self, kind: str) -> Any:
        """Return what is shown of the only object of a kind."""
        (item,) = self._view.render(ObjectFilter(kind=kind)).items
        return item

    def _written(self) -> WrittenObject:
        keys: list[ObjectKey] = sorted(key for key in self.build.state.places if key.name != "web")
        (key,) = keys
        item = self.build.state.find(key)
        assert item is not None
        return WrittenObject(item, self.build.state.places[key].document)


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """A Gateway, and nothing else."""
    return Told(tmp_path)


def rolled_back(conditions: Any) -> list[tuple[str, str, str, int]]:
    """Return status, reason, message and generation of conditions that say so."""
    found = [each for each in conditions if each["type"] == "egxds.io/RolledBack"]
    return [(one["status"], one["reason"], one["message"], one["observedGeneration"]) for one in found]


def test_a_route_says_so_below_its_parents(told: Told) -> None:
    """Everything else is said of the content that is in force; it is an error with a line, once."""
    changes = told.edit("shop.yaml", route(), "# edited\n" + route(spec="hostnames: [bad.test]"))
    (problem,) = [each for each in changes.appeared if WHY in each.message]
    assert (problem.severity, problem.message) == (Severity.ERROR, KEPT)
    assert (problem.subject, problem.location.line) == ("HTTPRoute default/shop", 2)
    item = told.item("HTTPRoute")
    assert item["metadata"]["generation"] == 1
    (parent,) = item["status"]["parents"]
    assert rolled_back(parent["conditions"]) == [("True", "Refused", f"{KEPT} (shop.yaml:2)", 1)]
    assert [each["message"] for each in item["problems"] if WHY in each["message"]] == [KEPT]
    assert [each["text"] for each in troubles_of(item) if WHY in each["text"]] == [KEPT]


def test_it_ends_with_an_edit(told: Told) -> None:
    """And that is told."""
    told.edit("shop.yaml", route(), route(spec="hostnames: [bad.test]"))
    changes = told.write("shop.yaml", route(spec="hostnames: [mended.test]"))
    assert KEPT in {each.message for each in changes.solved}
    item = told.item("HTTPRoute")
    assert item["metadata"]["generation"] == 3
    assert rolled_back(item["status"]["parents"][0]["conditions"]) == []


def test_an_object_of_another_kind_says_so_itself(told: Told) -> None:
    """Also one that has no other status."""
    told.edit("app.yaml", backend(BOX % 80), backend(BOX % 81))
    assert [each[2].startswith(KEPT) for each in rolled_back(told.item("Backend")["status"]["conditions"])] == [True]


def test_a_new_object_is_shown_as_one_that_was_never_accepted(told: Told) -> None:
    """With its file and line, and the error."""
    told.edit("shop.yaml", None, route())
    item = told.item("HTTPRoute")
    assert item["source"]["file"].endswith("shop.yaml")
    (parent,) = item["status"]["parents"]
    (accepted,) = parent["conditions"]
    assert (accepted["type"], accepted["status"]) == ("Accepted", "False")
    assert f"{WHY}; it is not in force {UNTIL}" in accepted["message"]
    assert [each["message"] for each in item["problems"]] == [f"{WHY}; it is not in force {UNTIL}"]
    told.write("shop.yaml", route(spec="hostnames: [mended.test]"))
    assert told.item("HTTPRoute")["status"]["parents"][0]["conditions"][0]["status"] == "True"


def test_a_policy_that_denies_says_so(told: Told) -> None:
    """It is for what it was for."""
    told.edit("guard.yaml", None, secure(ROUTE))
    item = told.item("SecurityPolicy")
    assert f"{WHY}; what it decides on is denied {UNTIL}" in [each["message"] for each in item["problems"]]
