"""When settings take effect: every key has a row, and two files are compared as people would."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.app.live_parts import STEPS, is_of
from egxds.settings.daemon import Settings
from egxds.settings.effects import EFFECTS, Effect, changes, row_of, taking_effect
from tests.docs.settings_table import settings_rows

FILES = {"sources": {"files": {"paths": ["routes"]}}}
TLS = {"certFile": "a.pem", "keyFile": "a.key"}


def settings(**more: Any) -> Settings:
    """Settings with some keys."""
    return Settings.model_validate({**FILES, **more})


def manager(name: str, **more: Any) -> dict[str, Any]:
    """An extension."""
    service = {"ip": {"address": "127.0.0.1", "port": 1234}}
    return {"name": name, "hooks": {"xdsTranslator": {"post": ["Route"]}}, "service": service, **more}


def said(before: Settings, now: Settings) -> list[str]:
    """Return what is otherwise."""
    return [str(change) for change in changes(before, now)]


@pytest.mark.parametrize("key", [row.key for row in settings_rows() if not row.is_block])
def test_every_key_has_a_row(key: str) -> None:
    """One that is new has to say when it takes effect."""
    assert row_of(key).effect in Effect


def test_every_row_is_about_a_key() -> None:
    """And says why it needs a restart, where it does."""
    keys = {row.key.replace("[]", "") for row in settings_rows()}
    assert EFFECTS.keys() <= keys
    assert all(row.reason for row in EFFECTS.values() if row.effect is not Effect.AT_RELOAD)


@pytest.mark.parametrize("key", EFFECTS)
def test_what_takes_effect_at_once_has_a_part_that_sees_to_it(key: str) -> None:
    """And nothing else has."""
    has_part = any(is_of(key, keys) or any(is_of(each, (key,)) for each in keys) for keys, _ in STEPS)
    assert has_part is (EFFECTS[key].effect is not Effect.AT_RESTART)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param({}, {"logging": {"level": "info"}}, [], id="what holds anyway"),
        pytest.param({}, {"logging": {"level": "debug"}}, ["logging.level: info → debug"], id="a level"),
        pytest.param({}, {"stateDir": "state"}, ["stateDir: none → state"], id="none before"),
        pytest.param(
            {},
            {"sources": {"files": {"paths": ["routes", "more"], "pollInterval": "500ms"}}},
            ["sources.files.paths: [routes] → [routes, more]", "sources.files.pollInterval: 10s → 500ms"],
            id="a list, a duration",
        ),
        pytest.param(
            {"envoys": [{"admin": "127.0.0.1:9901"}]}, {}, ["envoys: [{admin: 127.0.0.1:9901}] → []"], id="blocks"
        ),
        pytest.param(
            {}, {"xds": {"tls": TLS}}, ["xds.tls: none → {certFile: a.pem, keyFile: a.key}"], id="a block that comes"
        ),
        pytest.param(
            {"extensionManagers": [manager("a"), manager("b")]},
            {"extensionManagers": [manager("new"), manager("b", timeout="5s")]},
            [
                "extensionManagers[a]: set up → none",
                "extensionManagers[b].timeout: 2s → 5s",
                "extensionManagers[new]: none → set up",
            ],
            id="extensions, by name",
        ),
        pytest.param(
            {"extensionManagers": [manager("a"), manager("b")]},
            {"extensionManagers": [manager("b"), manager("a")]},
            ["extensionManagers: [a, b] → [b, a]"],
            id="the order of extensions",
        ),
        pytest.param(
            {},
            {"extensionManager": manager("", failOpen=True)},
            ["extensionManager: none → set up"],
            id="the one extension",
        ),
    ],
)
def test_what_is_otherwise(before: dict[str, Any], now: dict[str, Any], expected: list[str]) -> None:
    """By the keys of the file, and as it has the values."""
    assert said(settings(**before), settings(**now)) == expected


def test_what_needs_a_restart_stays_as_it_was() -> None:
    """And everything else is taken; what differs then from the file is what waits."""
    before = settings(xds={"address": "127.0.0.1:1000", "limits": {"streams": 5}}, stateDir="a")
    read = settings(
        xds={"address": "127.0.0.1:2000", "limits": {"streams": 6}},
        logging={"level": "error"},
    )
    now = taking_effect(before, read)
    assert said(before, now) == ["logging.level: info → error"]
    waiting = ["xds.address: 127.0.0.1:1000 → 127.0.0.1:2000", "xds.limits.streams: 5 → 6", "stateDir: a → none"]
    assert said(now, read) == waiting


@pytest.mark.parametrize(
    ("before", "now", "waits"),
    [
        pytest.param(TLS, {**TLS, "certFile": "b.pem"}, False, id="another certificate"),
        pytest.param(TLS, None, True, id="no TLS any more"),
        pytest.param(None, TLS, True, id="TLS now"),
        pytest.param(TLS, {**TLS, "clientCAFile": "ca.pem"}, True, id="clients are asked for certificates now"),
        pytest.param({**TLS, "clientCAFile": "a.pem"}, {**TLS, "clientCAFile": "b.pem"}, False, id="another authority"),
        pytest.param({**TLS, "clientCAFile": "a.pem"}, TLS, True, id="everybody may connect now"),
    ],
)
def test_whether_there_is_tls_is_decided_at_a_start(
    before: dict[str, str] | None, now: dict[str, str] | None, waits: bool
) -> None:
    """What its files are called is not."""
    in_force, read = settings(xds={"tls": before}), settings(xds={"tls": now})
    assert (taking_effect(in_force, read) == in_force) is waits


def test_another_source_needs_another_process() -> None:
    """Until then the one before is read, as a whole."""
    files, etcd = settings(), Settings.model_validate({"sources": {"etcd": {"endpoints": ["a:1"]}}})
    assert taking_effect(files, etcd) == files
    assert taking_effect(etcd, files) == etcd
    assert [change.key for change in changes(files, etcd)] == ["sources.files", "sources.etcd"]
