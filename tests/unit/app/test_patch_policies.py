"""What people are told of policies that patch: in status, among the problems, and by what was made of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from egxds.app.file_source import FileTrees
from egxds.app.pipeline import Pipeline
from egxds.files.reading.content import Scan
from egxds.incremental.revision import Revision
from egxds.inspect.objects import ObjectFilter, ObjectView
from egxds.inspect.problem_book import ProblemBook
from egxds.settings.daemon import Settings
from egxds.settings.text import parse_settings
from tests.unit.translate.patched import HTTP, LISTENER, OBJECTS, patch, policy

BUFFER = patch(LISTENER, HTTP, "replace", "/per_connection_buffer_limit_bytes", value=1)
BOGUS = patch(LISTENER, HTTP, "add", "/bogus", value=1)
GONE = patch(LISTENER, "default/web/gone", "remove", "/filter_chains")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class _House:
    """Files in a directory, looked at again and again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        (path / "all.yaml").write_text("---\n".join(OBJECTS))
        said = {"sources": {"files": {"paths": ["."], "removalDelay": "0s"}}}
        asked = {"extensionApis": {"enableEnvoyPatchPolicy": True}}
        settings = Settings.model_validate({**said, **asked})
        self._pipeline = Pipeline(settings, FileTrees(settings, path))
        self._view, self.book = ObjectView(), ProblemBook()

    def programmed(self, text: str) -> tuple[dict[str, Any], list[str]]:
        """Return the condition Programmed of the policy, and what appears among the problems."""
        (self._path / "patch.yaml").write_text(text)
        judged = self._pipeline.run(Scan.ALL).judged()
        self._view.note(judged, Revision(), NOW)
        appeared = self.book.update(judged, NOW).appeared
        items: Any = self._view.render(ObjectFilter(kind="EnvoyPatchPolicy")).items
        conditions = items[0]["status"]["ancestors"][0]["conditions"]
        found = next(each for each in conditions if each["type"] == "Programmed")
        return found, [str(each) for each in appeared]


@pytest.fixture
def house(tmp_path: Path) -> _House:
    """A house with a Gateway."""
    return _House(tmp_path)


CAME_TO = {
    "fine": (BUFFER, "True", "Programmed", "Patches have been successfully applied."),
    "wrong": (BOGUS, "False", "Invalid", "spec.jsonPatches[1]: Listener default/web/http"),
    "of nothing": (GONE, "False", "ResourceNotFound", "spec.jsonPatches[1]: Listener default/web/gone"),
}


@pytest.mark.parametrize(("last", "status", "reason", "message"), CAME_TO.values(), ids=CAME_TO)
def test_the_status_says_what_came_of_it(house: _House, last: Any, status: str, reason: str, message: str) -> None:
    """By Envoy Gateway's reasons, with the patch and its line."""
    found, said = house.programmed(policy(BUFFER, last))
    assert (found["status"], found["reason"]) == (status, reason)
    assert message in found["message"]
    assert ("patch.yaml:4" in found["message"]) == (status == "False")
    assert any("patch.yaml:4: error: EnvoyPatchPolicy default/patch: spec.jsonPatches[" in each for each in said) == (
        status == "False"
    )


def test_it_is_solved_once_it_is_mended(house: _House) -> None:
    """And counts no more."""
    assert house.programmed(policy(BOGUS))[0]["status"] == "False"
    assert house.programmed(policy(BUFFER))[0]["status"] == "True"
    assert house.book.all("", 10)[1] == 0


THEIRS = """\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
provider: {type: Custom, custom: {resource: {type: File, file: {paths: [routes]}}}}
"""


@pytest.mark.parametrize("said", [None, True, False])
def test_a_settings_file_of_envoy_gateway_asks_for_it(said: bool | None) -> None:
    """By its own key, which need not be there."""
    asked = "" if said is None else f"extensionApis: {{enableEnvoyPatchPolicy: {str(said).lower()}}}\n"
    assert parse_settings(THEIRS + asked, "eg.yaml").extension_apis.enable_envoy_patch_policy is said
