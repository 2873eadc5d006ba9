"""What the admin API says of each object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from egxds.errors import FailureReason
from egxds.hooks.calls import HookCall
from egxds.hooks.policy.outcome import Accepted, HookedGateway, HookProblem, Outcome
from egxds.inspect.objects import HOOKS_CONDITION, ObjectFilter, ObjectsPage, ObjectView
from egxds.settings.extensions import Hook
from tests.unit.app.files import GATEWAY, Files

FIRST, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A directory with one Gateway."""
    files = Files(tmp_path)
    files.write_gateway("one", 8081)
    return files


def only(page: ObjectsPage) -> dict[str, Any]:
    """Return the one object."""
    (item,) = page.items
    return item


def conditions(page: ObjectsPage) -> dict[str, dict[str, Any]]:
    """Return the conditions of the one object by type."""
    return {condition["type"]: condition for condition in only(page)["status"]["conditions"]}


def hooked(outcome: Outcome, *failures: HookProblem) -> dict[str, HookedGateway]:
    """Say what the hooks made of the Gateway."""
    return {"default/one": HookedGateway("default/one", "egxds", {}, failures, outcome, Accepted(), was_hooked=True)}


def test_an_object_says_what_it_is_and_where_it_stands(files: Files) -> None:
    """Identity, generation and source of what was read."""
    item = only(ObjectView().render(files.build().judge(), {}, FIRST))
    assert item["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert item["kind"] == "Gateway"
    assert item["metadata"] == {"namespace": "default", "name": "one", "generation": 1}
    assert item["source"] == {"file": "one.yaml", "line": 1}
    assert "problems" not in item


def test_a_condition_keeps_its_time_until_its_status_changes(files: Files) -> None:
    """LastTransitionTime moves with the status and with nothing else."""
    view = ObjectView()
    view.render(files.build().judge(), {}, FIRST)
    files.write_gateway("one", 8082)
    unchanged = conditions(view.render(files.build().judge(), {}, LATER))
    assert unchanged["Accepted"]["lastTransitionTime"] == FIRST
    assert unchanged["Accepted"]["observedGeneration"] == 2
    files.write("one.yaml", GATEWAY.format(name="one", port=8082).replace("HTTP}", "SCTP}"))
    assert conditions(view.render(files.build().judge(), {}, LATER))["Accepted"]["lastTransitionTime"] == LATER


def test_a_condition_dates_from_when_it_was_noted(files: Files) -> None:
    """Nobody has to look for time to pass; what is looked at later has the time of the change."""
    view, build = ObjectView(), files.build()
    view.note(build.judge(), {}, FIRST)
    assert conditions(view.render(build.judge(), {}, LATER))["Accepted"]["lastTransitionTime"] == FIRST


def test_an_object_that_comes_back_has_new_times(files: Files) -> None:
    """What is gone is forgotten."""
    view, build = ObjectView(), files.build()
    view.note(build.judge(), {}, FIRST)
    files.delete("one.yaml")
    view.note(files.build().judge(), {}, FIRST)
    files.write_gateway("one", 8081)
    assert conditions(view.render(files.build().judge(), {}, LATER))["Accepted"]["lastTransitionTime"] == LATER


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (ObjectFilter(), ["one", "two"]),
        (ObjectFilter(name="two"), ["two"]),
        (ObjectFilter(kind="Gateway", namespace="default", name="one"), ["one"]),
        (ObjectFilter(namespace="shop"), []),
        (ObjectFilter(kind="HTTPRoute"), []),
    ],
)
def test_only_what_is_wanted_is_shown(files: Files, wanted: ObjectFilter, shown: list[str]) -> None:
    """All that is given must hold; problems without an object and the kinds there are come along."""
    files.write_gateway("two", 8082)
    files.write("broken.yaml", "kind: [")
    page = ObjectView().render(files.build().judge(), {}, FIRST, wanted)
    assert [item["metadata"]["name"] for item in page.items] == shown  # type: ignore[index]
    assert len(page.problems) == 1
    assert page.kinds == {"Gateway"}


def test_a_refused_object_says_why(files: Files) -> None:
    """Never accepted: the condition and the problem name file and line."""
    files.write("one.yaml", GATEWAY.format(name="one", port=808080))
    page = ObjectView().render(files.build().judge(), {}, FIRST)
    accepted = conditions(page)["Accepted"]
    assert (accepted["status"], accepted["reason"]) == ("False", "Invalid")
    assert "one.yaml:6" in accepted["message"]
    assert only(page)["problems"][0]["source"] == {"file": "one.yaml", "line": 6}


def test_an_object_whose_new_version_is_refused_keeps_its_status_and_shows_the_problem(files: Files) -> None:
    """The version accepted before stays in force."""
    files.build()
    files.write("one.yaml", GATEWAY.format(name="one", port=808080))
    page = ObjectView().render(files.build().judge(), {}, FIRST)
    assert conditions(page)["Accepted"]["status"] == "True"
    assert "stays in force" in str(only(page)["problems"])


def test_a_document_that_does_not_parse_belongs_to_no_object(files: Files) -> None:
    """It is reported beside the objects."""
    files.write("broken.yaml", "kind: [")
    page = ObjectView().render(files.build().judge(), {}, FIRST)
    assert [problem["source"]["file"] for problem in page.problems] == ["broken.yaml"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        (Outcome.ACCEPTED, "True", "Accepted"),
        (Outcome.DENIED, "False", "Denied"),
        (Outcome.HELD, "False", "Held"),
        (Outcome.BYPASSED, "False", "Bypassed"),
    ],
)
def test_a_gateway_says_what_its_hooks_made_of_it(files: Files, outcome: Outcome, status: str, reason: str) -> None:
    """One condition for all hooks."""
    condition = conditions(ObjectView().render(files.build().judge(), hooked(outcome), FIRST))[HOOKS_CONDITION]
    assert (condition["status"], condition["reason"]) == (status, reason)


def test_a_failed_hook_is_named_in_the_condition(files: Files) -> None:
    """Which hook of which extension, on what, and why."""
    call = HookCall("authz", Hook.ROUTE, "route-1", b"")
    failure = HookProblem(call, FailureReason.DEADLINE, "no reply within 2 s", "deny")
    condition = conditions(ObjectView().render(files.build().judge(), hooked(Outcome.DENIED, failure), FIRST))[
        HOOKS_CONDITION
    ]
    assert "Route hook of extension authz on route-1: no reply within 2 s" in condition["message"]
