"""The schema by which an editor checks a settings file says what reading the file says, as far as a type can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.errors import SettingsError
from egxds.settings.in_force import in_force
from egxds.settings.quantities import seconds, size_bytes
from egxds.settings.schema import DIALECT, settings_schema
from egxds.settings.text import parse_settings
from egxds.yaml_input.load import load
from tests.unit.settings.test_envoy_gateway import WHOLE

SCHEMA = settings_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SOURCES = "sources: {files: {paths: [routes/]}}\n"
_MANAGER = "extensionManager: {hooks: {xdsTranslator: {post: [Route]}}, service: {fqdn: {hostname: h, port: 80}}"

TAKEN = {
    "the least": SOURCES,
    "all of Envoy Gateway's extensions": WHOLE,
    "durations": "sources: {files: {paths: [a], pollInterval: 1m30.5s, removalDelay: 0}}",
    "sizes": SOURCES + "xds: {maxReceiveMessageSize: 1.5Mi, maxResponseBytes: 100000}",
    "keys without a value, as Envoy Gateway has them": SOURCES + _MANAGER + ", failOpen: , timeout: , resources: }",
    "a key whose words are no camel case": SOURCES + _MANAGER + ", cacheTTL: 5s}",
    "certificates": SOURCES + "xds: {tls: {certFile: c, keyFile: k, clientCAFile: a}}",
}

REFUSED = {
    "nothing": "{}",
    "an unknown key": SOURCES + "stateDirectory: /x",
    "an unknown key far below": SOURCES + "xds: {limits: {conections: 1}}",
    "snake case": "sources: {files: {paths: [a], poll_interval: 10s}}",
    "no path": "sources: {files: {paths: []}}",
    "a path that is no list": "sources: {files: {paths: routes}}",
    "a number of seconds": "sources: {files: {paths: [a], pollInterval: 10}}",
    "a duration of days": "sources: {files: {paths: [a], pollInterval: 1d}}",
    "a size in words": SOURCES + "xds: {maxReceiveMessageSize: 32MB}",
    "a size below what there must be": SOURCES + "xds: {maxResponseBytes: 4096}",
    "no time at all": SOURCES + "admin: {limits: {requestTimeout: 0}}",
    "less time than there must be": "sources: {files: {paths: [a], pollInterval: 0}}",
    "a size below zero": SOURCES + "xds: {maxReceiveMessageSize: -1}",
    "a block that is text": SOURCES + "xds: 127.0.0.1:18000",
    "half of a pair": SOURCES + "xds: {tls: {certFile: c}}",
    "an unknown choice": SOURCES + "logging: {level: warn}",
    "an unknown hook": SOURCES + "extensionManager: {hooks: {xdsTranslator: {post: [Routes]}}, service: {host: a}}",
    "text for a number": SOURCES + _MANAGER.replace("80", "'80'") + "}",
    "a number out of bounds": SOURCES + _MANAGER.replace("80", "65536") + "}",
    "text for a boolean": SOURCES + _MANAGER + ", failOpen: 'no'}",
    "nothing where something must be": SOURCES + "extensionManager: {hooks: , service: {host: a}}",
    "too many": SOURCES + f"envoys: [{', '.join(['{admin: 127.0.0.1:1}'] * 17)}]",
    "a file of Envoy Gateway": "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway",
}


def is_valid(text: str) -> bool:
    """Tell whether an editor has nothing to say about a file."""
    return bool(VALIDATOR.is_valid(load(text)))


def test_it_is_a_schema() -> None:
    """Of the version that it names, without a key that is described nowhere."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == DIALECT
    blocks: list[dict[str, Any]] = [SCHEMA, *(each for each in SCHEMA["$defs"].values() if "properties" in each)]
    assert all(block["description"] for block in blocks)
    assert all(block["additionalProperties"] is False for block in blocks)


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_what_is_read_is_valid(text: str) -> None:
    """And so are the settings in force that `egxds settings` prints for it."""
    settings = parse_settings(text, "egxds.yaml")
    assert is_valid(text)
    assert VALIDATOR.is_valid(in_force(settings))


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_a_type_can_refuse_both_refuse(text: str) -> None:
    """The editor says it while it is written, and egxds when it is read."""
    assert not is_valid(text)
    with pytest.raises(SettingsError):
        parse_settings(text, "egxds.yaml")


_QUANTITIES = st.text(alphabet="0123456789.+-eEmsuhKMGi", max_size=8)


_READERS = ((seconds, "FileSource", "pollInterval"), (size_bytes, "XdsSettings", "maxReceiveMessageSize"))


def is_read(read: Callable[[str], float], text: str) -> bool:
    """Tell whether a text is a quantity."""
    try:
        read(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("read", "block", "key"), _READERS, ids=["durations", "sizes"])
@given(text=_QUANTITIES)
def test_a_quantity_is_valid_where_it_is_read(read: Callable[[str], float], block: str, key: str, text: str) -> None:
    """The pattern is the expression that reads it."""
    written = jsonschema.Draft202012Validator(SCHEMA["$defs"][block]["properties"][key])
    assert written.is_valid(text) == is_read(read, text)


def test_defaults_are_as_a_file_has_them() -> None:
    """An editor writes them down."""
    blocks = {name: block["properties"] for name, block in SCHEMA["$defs"].items() if "properties" in block}
    assert blocks["FileSource"]["pollInterval"]["default"] == "10s"
    assert blocks["XdsSettings"]["maxReceiveMessageSize"]["default"] == "32Mi"
    assert blocks["RetrySettings"]["initialBackoff"]["default"] == "100ms"
