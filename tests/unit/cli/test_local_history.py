"""`egxds history`, `diff` and `rollback` where generations of files are kept in stateDir."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from egxds.app.history.history_file import FILE_NAME
from egxds.cli import local_rollback
from egxds.cli.application import application
from tests.unit.app.files import GATEWAY
from tests.unit.app.history.installation import Installation


class Desk(Installation):
    """An installation, and whoever looks at what is kept of it."""

    def run(self, *words: str) -> Result:
        """Run a command."""
        config = self.root / "egxds.yaml"
        config.write_text("sources: {files: {paths: [routes]}}\nstateDir: state\n")
        return CliRunner().invoke(application, [*words, "-c", str(config)])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """One whose Gateway has moved from one port to another."""
    desk = Desk(tmp_path)
    for port in (8080, 8081):
        desk.write("web.yaml", GATEWAY.format(name="web", port=port))
        desk.serve()
    return desk


def test_history(desk: Desk) -> None:
    """Which there are, what each changed, and which is in force in the place of the files."""
    said = desk.run("history").stdout
    assert [line.split()[0] for line in said.splitlines()] == ["GENERATION", "2", "1"]
    assert "changed: routes/web.yaml" in said
    desk.roll_back(1, message="back, as it broke")
    said = desk.run("history").stdout
    line = " ".join(said.split())
    assert "3 in force" in line
    assert "kim@desk" in line
    assert "back to 1 in the place of 2, until a file changes: back, as it broke" in line
    newest = json.loads(desk.run("history", "-o", "json").stdout)["items"][0]
    assert (newest["generation"], newest["rolledBackTo"], newest["insteadOf"]) == (3, 1, 2)
    assert newest["inForce"]


def test_diff(desk: Desk) -> None:
    """Between generations, and between one and files."""
    said = desk.run("diff", "gen:1", "gen:head")
    assert said.exit_code == 1
    assert "port_value: 8081" in said.stdout
    assert desk.run("diff", "gen:head", str(desk.routes)).stdout == "the same\n"
    assert "(routes/web.yaml:1)" in said.stdout
    assert "generation 9 is not kept" in desk.run("diff", "gen:1", "gen:9").stderr


def test_there_is_nothing_yet(tmp_path: Path) -> None:
    """It is said."""
    assert "nothing is kept yet" in Desk(tmp_path).run("history").stderr


def test_without_a_place(tmp_path: Path) -> None:
    """It is said what is missing."""
    config = tmp_path / "egxds.yaml"
    config.write_text("sources: {files: {paths: [routes]}}\n")
    done = CliRunner().invoke(application, ["history", "-c", str(config)])
    assert (done.exit_code, "has no sources.etcd, or stateDir" in done.stderr) == (2, True)


def test_what_is_no_history(desk: Desk) -> None:
    """It is said, and left where it is."""
    (desk.state / FILE_NAME).write_bytes(b"something else")
    done = desk.run("history")
    assert (done.exit_code, "is no state of egxds" in done.stderr) == (1, True)
    assert desk.run("diff", "gen:1", "gen:2").exit_code == 2


IN_FORCE = {"reason": "", "generation": 3, "rolledBackTo": 1, "insteadOf": 2}


@pytest.mark.parametrize(
    ("answer", "exit_code", "said"),
    [
        (IN_FORCE, 0, "generation 3 is in force, with the files of 1, until a file changes"),
        ({**IN_FORCE, "insteadOf": None}, 0, "generation 3 is in force: it is what stands in the files"),
        ({"reason": "generation 9 is not kept"}, 1, "generation 9 is not kept"),
        (None, 1, "the daemon keeps no generations of files: it was started without stateDir"),
    ],
)
def test_rollback(desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: Any, exit_code: int, said: str) -> None:
    """The daemon is asked for it, by the number or by what is in force there."""
    asked: list[str] = []

    def order(_address: str, path: str) -> Any:
        asked.append(path)
        return answer

    monkeypatch.setattr(local_rollback, "order", order)
    done = desk.run("rollback", "gen:head~1", "-m", "no stock", "--author", "kim")
    assert done.exit_code == exit_code
    assert said in done.output
    assert asked == ["/api/v1/rollback?back=1&author=kim&message=no+stock"]


def test_no_daemon_runs(desk: Desk) -> None:
    """It is said, and nothing has happened."""
    assert desk.run("rollback", "1").exit_code == 3
    assert [each.generation for each in desk.records()] == [2, 1]
