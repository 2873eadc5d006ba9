"""Filter chains of one listener: which Envoy takes together, and which it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2
from google.protobuf import json_format

from egxds.names import TYPE_PREFIX
from egxds.resources.validation.filter_chains import MAX_COMBINATIONS, chain_faults
from tests.envoy.envoy_process import check_config

_INSPECTOR = TYPE_PREFIX + tls_inspector_pb2.TlsInspector.DESCRIPTOR.full_name
OVERLAP = "filter chain 'b' matches what filter chain 'a' matches"


def names(*found: str) -> dict[str, Any]:
    """Match server names."""
    return {"server_names": found}


def prefix(address: str) -> dict[str, Any]:
    """Match the first eight bits of an address."""
    return {"prefix_ranges": [{"address_prefix": address, "prefix_len": 8}]}


CASES = [
    ((names("a.x"), names("b.x")), ""),
    ((names("a.x"), {}), ""),
    ((names("*.x"), names("a.x")), ""),
    (({"destination_port": 1}, {}), ""),
    (({"transport_protocol": "tls"}, {"transport_protocol": "raw_buffer"}), ""),
    (({"source_ports": [1, 2]}, {"source_ports": [3]}), ""),
    ((names("a.x"), names("a.x")), OVERLAP),
    ((names("A.x"), names("a.x")), OVERLAP),
    ((names("a.x", "b.x"), names("c.x", "b.x")), OVERLAP),
    (({}, {}), OVERLAP),
    (({"source_ports": [1, 2]}, {"source_ports": [2]}), OVERLAP),
    ((prefix("10.0.0.1"), prefix("10.0.0.2")), OVERLAP),
    ((prefix("10.0.0.1"), prefix("11.0.0.1")), ""),
    (({"application_protocols": ["h2"]}, {"application_protocols": ["http/1.1", "h2"]}), OVERLAP),
    ((names("a*.x"),), "filter chain 'a': server name 'a*.x': write a whole name, or one whose first label is '*'"),
    ((names("*"),), "filter chain 'a': server name '*': write a whole name, or one whose first label is '*'"),
    ((names(""),), ""),
    ((names(""), {}), OVERLAP),
    (({"application_protocols": [""]}, {}), OVERLAP),
    ((), "it has no filter chain"),
]


def listener(*matches: dict[str, Any]) -> dict[str, Any]:
    """Make a listener with a chain for each match, as Envoy reads it from JSON."""
    chains = [{"name": name, "filter_chain_match": match} for name, match in zip("ab", matches, strict=False)]
    inspector = {"name": "tls", "typed_config": {"@type": _INSPECTOR}}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 10_000}}
    return {"name": "l", "address": address, "filter_chains": chains, "listener_filters": [inspector]}


def faults(found: dict[str, Any]) -> list[str]:
    """Return what is said of a listener."""
    return list(chain_faults(json_format.ParseDict(found, listener_pb2.Listener())))


@pytest.mark.parametrize(("matches", "fault"), CASES)
def test_what_is_said_of_chains(matches: tuple[dict[str, Any], ...], fault: str) -> None:
    """Two chains that could both be meant are named, and so is what no name can be."""
    assert faults(listener(*matches)) == ([fault] if fault else [])


@pytest.mark.envoy
@pytest.mark.parametrize(("matches", "fault"), CASES)
def test_a_real_envoy_agrees(
    matches: tuple[dict[str, Any], ...], fault: str, envoy_binary: Path, tmp_path: Path
) -> None:
    """It refuses what is found fault with, and nothing else."""
    done = check_config(envoy_binary, {"static_resources": {"listeners": [listener(*matches)]}}, tmp_path)
    assert (done.returncode == 0) == (not fault), done.stderr


def test_a_default_chain_is_a_chain() -> None:
    """With it no other is needed."""
    assert faults(listener() | {"default_filter_chain": {}}) == []


def test_datagrams_need_no_chain() -> None:
    """A UDP listener has none."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 10_000, "protocol": "UDP"}}
    assert faults(listener() | {"address": address}) == []


def test_there_is_an_end_to_combinations() -> None:
    """A match of a few kilobytes cannot take all memory."""
    many = list(range(1, 400))
    match = {"source_ports": many, "server_names": [f"n{number}.x" for number in many]}
    assert faults(listener(match)) == [
        f"the matches of its filter chains have more than {MAX_COMBINATIONS} combinations"
    ]
