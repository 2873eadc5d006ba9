"""What `egxds settings` prints is a settings file of the same meaning."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.settings.daemon import Settings
from egxds.settings.in_force import in_force
from egxds.settings.notes import notes_of
from egxds.settings.quantities import duration_text, seconds, size_bytes, size_text
from egxds.settings.text import parse_settings
from tests.unit.settings.test_envoy_gateway import WHOLE as EXTENSION
from tests.unit.settings.test_envoy_gateway_file import WHOLE as OF_ENVOY_GATEWAY

SOURCES = "sources: {files: {paths: [routes/], removalDelay: 250ms}}\n"
HOOKS = "name: n, hooks: {xdsTranslator: {pre: [Route], post: [Translation], translation: {route: {includeAll: true}}}}"


def _extension(more: str) -> str:
    return f"{SOURCES}extensionManagers: [{{{HOOKS}, {more}}}]\n"


FILES = {
    "the least": SOURCES,
    "Envoy Gateway's": OF_ENVOY_GATEWAY,
    "an extension with all keys": EXTENSION,
    "a host and its port": _extension("service: {host: a, port: 81}"),
    "a hostname alone": _extension("service: {hostname: a}"),
    "a hostname beside an address": _extension("service: {hostname: a, zone: z, ip: {address: '::1', port: 1}}"),
    "the time limit of the service": _extension("service: {host: a, timeout: 3s}"),
    "an object in a process": _extension(
        "service: {python: 'a.b:c', path: [d], limits: {memory: 1Gi}}, onFailure: hold"
    ),
    "an object on a thread": _extension("service: {python: 'a.b:c', isolation: thread}, onFailure: hold, holdFor: 1h"),
    "fail open": _extension("service: {host: a}, failOpen: true, cacheTTL: 0, refresh: 90s"),
    "all else": SOURCES
    + """\
controllerName: example.com/ours
stateDir: state
xds: {tls: {certFile: c, keyFile: k, clientCAFile: a}, maxResponseBytes: 1Mi, address: "unix:/run/x"}
admin: {allowedHosts: [a.example]}
envoys: [{admin: "127.0.0.1:19000"}]
addresses: {pool: [127.0.10.0/24]}
backends: {allowedAddresses: ["169.254.169.254/32"], envoyAdminPorts: [1, 2]}
clientTraffic: {path: {disableMergeSlashes: true}}
logging: {level: debug, format: json}
""",
}


def _without_words(settings: Settings) -> Settings:
    """Return settings without what two words can say: which it was decides nothing."""
    managers = [
        each.model_copy(
            update={
                "on_failure": each.failure_policy,
                "fail_open": False,
                "service": each.service.model_copy(update={"zone": "", "hostname": "", "port": 0}),
            }
        )
        for each in settings.extensions
    ]
    return settings.with_notes(()).model_copy(update={"extension_managers": tuple(managers), "extension_manager": None})


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_what_is_printed_is_read_as_the_same(text: str) -> None:
    """Every value that decides something, and nothing more to be said of it than of what it came from."""
    settings = parse_settings(text, "egxds.yaml")
    printed = in_force(settings)
    again = parse_settings(json.dumps(printed), "printed.yaml")
    assert _without_words(again) == _without_words(settings)
    assert [str(each.service.address) for each in again.extensions if not each.service.python] == [
        str(each.service.address) for each in settings.extensions if not each.service.python
    ]
    assert in_force(again) == printed
    assert {note.key for note in notes_of(again)} <= {note.key for note in notes_of(settings)}


def test_every_default_is_printed() -> None:
    """Who looks for a key finds it with its value."""
    printed = in_force(parse_settings(SOURCES, "egxds.yaml"))
    assert printed["xds"]["address"] == "127.0.0.1:18000"
    assert printed["xds"]["limits"]["messageTimeout"] == "10s"
    assert printed["sources"]["files"] == {"paths": ["routes/"], "pollInterval": "10s", "removalDelay": "250ms"}
    assert printed["clientTraffic"]["headers"] == {"withUnderscoresAction": "RejectRequest"}


@given(st.floats(min_value=0, max_value=1e9, allow_subnormal=False))
def test_a_duration_is_read_as_it_was(value: float) -> None:
    """To the last digit."""
    assert seconds(duration_text(value)) == value


@given(st.integers(min_value=0, max_value=2**62))
def test_a_size_is_read_as_it_was(value: int) -> None:
    """To the last byte."""
    assert size_bytes(size_text(value)) == value
