"""Versions that many Envoys report are read once, and read right whatever else was reported."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.message import DecodeError
from hypothesis import given

from egxds.generated import discovery_pb2 as ours
from egxds.wire.xds import reported_versions
from egxds.wire.xds.reported_versions import ReportedVersions

VERSIONS = st.dictionaries(st.text(max_size=3), st.sampled_from(("1", "2", "")), max_size=6)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reported_versions, "_MANY", 2)
    monkeypatch.setattr(reported_versions, "_KNOWN_LIMIT", 5)


def entries(versions: dict[str, str]) -> list[bytes]:
    """Return the entries of what an Envoy reports."""
    request = discovery_pb2.DeltaDiscoveryRequest(initial_resource_versions=versions)
    decoded = ours.DeltaDiscoveryRequest.FromString(request.SerializeToString())
    return list(decoded.initial_resource_versions)


@given(st.lists(st.one_of(VERSIONS, st.none()), max_size=8))
def test_what_was_read_before_does_not_show(reports: list[dict[str, str] | None]) -> None:
    """Reports of any Envoys in a row, with sweeps (None) in between."""
    reported = ReportedVersions()
    for report in reports:
        if report is None:
            reported.sweep()
        else:
            assert reported.read(entries(report)) == report


def test_the_strings_of_many_are_the_same() -> None:
    """So that a thousand Envoys with ten thousand names make ten thousand strings."""
    reported, report = ReportedVersions(), {"a": "1", "b": "2", "c": "3"}
    first, second = reported.read(entries(report)), reported.read(entries(report))
    assert [id(name) for name in first] == [id(name) for name in second]


def test_nothing_is_kept_once_nobody_reports() -> None:
    """Two sweeps after the last report."""
    reported = ReportedVersions()
    reported.read(entries({"a": "1", "b": "2"}))
    assert reported.sweep()
    assert not reported.sweep()


def test_the_last_of_two_versions_counts() -> None:
    """As in any protobuf map."""
    one, other = entries({"a": "1"}) + entries({"a": "2"})
    assert ReportedVersions().read([one, other, *entries({"b": "1"})]) == {"a": "2", "b": "1"}


@pytest.mark.parametrize("count", [1, 9])
def test_what_is_no_entry_is_refused(count: int) -> None:
    """However many there are of it."""
    with pytest.raises(DecodeError):
        ReportedVersions().read([b"\xff"] * count)
