"""What people are told who give their word that a store is followed, and what `egxds status` says of it."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from egxds.cli import follow_store, status
from egxds.cli.application import application

SOURCE = {
    "endpoints": ["etcd-1:2379"],
    "prefix": "/egxds/",
    "generation": 12,
    "read": 12,
    "files": 240,
    "digest": "5d1c3f0a9b7e" + "0" * 52,
    "rolledBackTo": None,
    "at": "2026-01-01T00:00:00+00:00",
    "author": "alice@desk",
    "message": "a second shop",
    "isConnected": True,
    "isAtHead": True,
    "fault": "",
    "lostAt": "",
    "refused": "",
    "goneBack": "",
}
PAGE = {"ok": True, "troubles": [], "troubleCount": 0, "gateways": [], "kinds": [], "hooks": [], "envoys": []}


def told(monkeypatch: pytest.MonkeyPatch, answer: object) -> Result:
    """Give a word, and return what is said."""
    monkeypatch.setattr(follow_store, "order", lambda *_: answer)
    return CliRunner().invoke(application, ["follow-store"])


def shown(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> str:
    """Return what status says where the source is otherwise."""
    page = {**PAGE, "backends": {"unknown": "", "envoys": []}, "source": {**SOURCE, **changed}}
    monkeypatch.setattr(status, "fetch", lambda *_: page)
    return CliRunner().invoke(application, ["status"]).stdout


def test_it_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And why it was not."""
    result = told(monkeypatch, {"reason": "it went back", "source": SOURCE})
    assert result.exit_code == 0
    assert "was not followed, since it went back" in result.stderr
    assert "is followed now: generation 12" in result.stderr


def test_it_cannot_be_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what keeps it."""
    refused = {**SOURCE, "isAtHead": False, "refused": "too large"}
    result = told(monkeypatch, {"reason": "it went back", "source": refused})
    assert result.exit_code == 1
    assert "not followed yet: too large" in result.stderr


def test_there_was_no_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing went back."""
    result = told(monkeypatch, {"reason": "", "source": SOURCE})
    assert result.exit_code == 0
    assert "has not gone back" in result.stderr


def test_there_is_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a daemon that reads files."""
    result = told(monkeypatch, None)
    assert result.exit_code == 1
    assert "come from files" in result.stderr


def test_status_says_which_generation_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who published it, and what for."""
    said = shown(monkeypatch)
    assert "etcd (etcd-1:2379, /egxds/)" in said
    assert "generation 12 is in force: 240 files, 5d1c3f0a9b7e" in said
    assert "by alice@desk: a second shop" in said
    assert "not answered" not in said


def test_status_says_that_it_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since when, and why."""
    said = shown(monkeypatch, isConnected=False, fault="no answer in time", lostAt="2026-01-01T00:00:00+00:00")
    assert "has not answered for" in said
    assert "no answer in time" in said


def test_status_says_that_it_was_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """To which generation."""
    assert "240 files of generation 7 again" in shown(monkeypatch, rolledBackTo=7)


def test_status_says_that_nothing_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before something was published."""
    assert "no generation is in force" in shown(monkeypatch, generation=0)
