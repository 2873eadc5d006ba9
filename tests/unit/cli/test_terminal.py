"""What strangers write reaches no terminal raw, whichever command or page shows it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import egxds.cli
from egxds.cli import clients, hooks, resync
from egxds.cli.application import application
from egxds.cli.output import DataFormat, write_data, write_message

EVIL = "evil\x1b[2J\x9b1A\r\n\u202e\u2066\u200b\x7f"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

HOOKS = {
    "items": [
        {
            "manager": EVIL,
            "hook": "Route",
            "state": "failing",
            "onFailure": "deny",
            "calls": 1,
            "failures": {"error": 1},
            "lastCall": None,
            "lastError": EVIL,
            "nextRetry": None,
        }
    ]
}
CLIENTS = {
    "items": [
        {
            "id": EVIL,
            "peer": "",
            "stream": 1,
            "types": [
                {
                    "type": EVIL,
                    "state": "NACKED",
                    "sent": 1,
                    "acked": 0,
                    "nacked": 1,
                    "secondsSinceAck": None,
                    "versions": {"sent": EVIL},
                    "lastError": EVIL,
                    "refused": [{"name": EVIL, "sources": [{"file": EVIL, "line": 1}]}],
                }
            ],
        }
    ],
    "nacks": [],
}
FLEET_ENVOYS = {
    "faults": [EVIL],
    "items": [
        {"replica": EVIL, "id": EVIL, "gateways": EVIL, "state": "refusing", "refused": 2, "refusals": [EVIL]},
        {"replica": "b", "id": "b", "gateways": "", "state": "in sync", "refused": 0, "refusals": []},
    ],
}
RESYNC = {"items": [{"id": EVIL, "resources": 1}]}


@pytest.mark.parametrize("command", ["hooks", "clients", "resync"])
@pytest.mark.parametrize("form", ["table", "json", "yaml"])
def test_tables(monkeypatch: pytest.MonkeyPatch, command: str, form: str) -> None:
    """Names of nodes, types and extensions, versions and errors are an Envoy's or an extension's own words."""
    monkeypatch.setattr(hooks, "fetch", lambda *_: HOOKS)
    monkeypatch.setattr(clients, "fetch", lambda *_: CLIENTS)
    monkeypatch.setattr(clients, "fetch_if_there", lambda *_: None)
    monkeypatch.setattr(resync, "order", lambda *_: RESYNC)
    options = [] if command == "resync" else ["-o", form]
    result = CliRunner().invoke(application, [command, *options], env={"COLUMNS": "200", "NO_COLOR": "1"})
    said = result.stdout + result.stderr
    assert "evil" in said
    assert RAW.findall(said) == []


@pytest.mark.parametrize("form", ["table", "json", "yaml"])
def test_envoys_of_all_replicas(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """What others have written is shown, and not obeyed; who refuses something makes for exit 1."""
    monkeypatch.setattr(clients, "fetch", lambda *_: CLIENTS)
    monkeypatch.setattr(clients, "fetch_if_there", lambda *_: FLEET_ENVOYS)
    result = CliRunner().invoke(application, ["clients", "-o", form], env={"COLUMNS": "200", "NO_COLOR": "1"})
    said = result.stdout + result.stderr
    assert "evil" in said
    assert (RAW.findall(said), result.exit_code) == ([], 1)


def test_messages(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Of what was typed, of the daemon, of names of files: each in one line."""
    write_message(EVIL)
    said = capsys.readouterr().err
    assert (RAW.findall(said), said.count("\n")) == ([], 1)
    result = CliRunner().invoke(application, ["serve", "-c", str(tmp_path / EVIL)])
    assert RAW.findall(result.stderr) == []


def test_problems(tmp_path: Path) -> None:
    """A file and the object in it have names of a stranger's choice."""
    (tmp_path / f"{EVIL}.yaml").write_text(
        json.dumps({"apiVersion": EVIL, "kind": EVIL, "metadata": {"name": EVIL, "namespace": EVIL}})
    )
    result = CliRunner().invoke(application, ["validate", str(tmp_path)])
    assert "evil" in result.stdout
    assert RAW.findall(result.stdout + result.stderr) == []


@pytest.mark.parametrize("form", DataFormat)
def test_data(capsys: pytest.CaptureFixture[str], form: DataFormat) -> None:
    """It reads as it is, and is ASCII that prints."""
    write_data({EVIL: EVIL}, form)
    assert RAW.findall(capsys.readouterr().out) == []


def test_commands_write_in_one_place() -> None:
    """A new command that printed by itself would bring it back."""
    root = Path(egxds.cli.__file__).parent
    odd = [
        f"{path.name}:{node.lineno}"
        for path in sorted(root.glob("*.py"))
        if path.name != "output.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _called(node.func) in {"Text", "write", "echo", "secho", "from_markup"}
    ]
    assert odd == []


def _called(function: ast.expr) -> str:
    return str(getattr(function, "id", "") or getattr(function, "attr", ""))
