"""What commands that show all replicas come to."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from egxds.cli import clients, status
from egxds.cli.application import application
from tests.unit.cli.test_imports import ANSWERS

IN_SYNC = {"replica": "b", "id": "edge-1", "gateways": "", "state": "in sync", "refused": 0, "refusals": []}
REFUSING = {**IN_SYNC, "state": "refusing", "refused": 1}
UNREAD = "etcd cannot be asked for the Envoys of others: no member answers"
OTHER = {
    "name": "b",
    "isSelf": False,
    "isReady": False,
    "isDraining": False,
    "generation": 7,
    "envoys": {"inSync": 0, "pending": 0, "refusing": 3},
    "cpuPercent": 5,
    "since": "2026-11-29T12:00:00+00:00",
    "refused": "",
}
CANARY = {
    "generation": 8,
    "publishedBy": "ann",
    "promoteAfterS": 600,
    "nodes": {"named": 2, "connected": 1, "taken": 0, "refused": 0},
    "waitsFor": "0 of the 1 canary nodes that are connected have taken all of it",
    "promoteInS": None,
    "requests": "",
    "takenBack": None,
}


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize(
    ("faults", "item", "exit_code"),
    [([], IN_SYNC, 0), ([], REFUSING, 1), ([UNREAD], IN_SYNC, 1)],
    ids=["fine", "refused", "unread"],
)
def test_envoys_that_cannot_be_asked_for_are_not_fine(
    monkeypatch: pytest.MonkeyPatch, form: str, faults: list[str], item: Any, exit_code: int
) -> None:
    """One of them may refuse something: who asks in a script is not told that none does."""
    monkeypatch.setattr(clients, "fetch", lambda *_: {"items": [], "nacks": []})
    monkeypatch.setattr(clients, "fetch_if_there", lambda *_: {"faults": faults, "items": [item]})
    result = CliRunner().invoke(application, ["clients", "-o", form], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code == exit_code
    assert "edge-1" in result.stdout
    assert all(fault in result.output for fault in faults)


def test_from_what_an_envoy_is_served_is_shown_where_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon of before says nothing of candidates."""
    monkeypatch.setattr(clients, "fetch", lambda *_: {"items": [], "nacks": []})

    def printed(*items: Any) -> str:
        monkeypatch.setattr(clients, "fetch_if_there", lambda *_: {"faults": [], "items": items})
        return CliRunner().invoke(application, ["clients"], env={"COLUMNS": "200", "NO_COLOR": "1"}).stdout

    assert "SERVED" not in printed(IN_SYNC, {**IN_SYNC, "canary": False})
    lines = printed(IN_SYNC, {**IN_SYNC, "id": "edge-2", "canary": True}).splitlines()
    assert [line.split()[-1] for line in lines] == ["SERVED", "head", "candidate"]


@pytest.mark.parametrize("is_ok", [True, False])
def test_how_the_replica_is_that_is_asked_decides(monkeypatch: pytest.MonkeyPatch, is_ok: bool) -> None:
    """Others are shown, each of which judges itself; the help says so."""
    answer: Any = ANSWERS["/api/v1/status"]
    fleet = {"self": "a", "fault": "", "recordFault": "", "differences": [], "replicas": [OTHER]}
    monkeypatch.setattr(status, "fetch", lambda *_: {**answer, "ok": is_ok, "fleet": fleet, "canary": CANARY})
    result = CliRunner().invoke(application, ["status"])
    assert "3 refuse something" in result.stdout
    assert (
        "\ncanary\n  generation 8, published by ann: 1 of 2 canary nodes are connected, 0 have taken" in result.stdout
    )
    assert "waits: 0 of the 1 canary nodes" in result.stdout
    assert result.exit_code == (0 if is_ok else 1)
    told = " ".join(CliRunner().invoke(application, ["status", "-h"]).stdout.split())
    assert "at the replica that is asked" in told
