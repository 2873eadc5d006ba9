"""What has changed in resources, of any size."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.route.v3 import route_pb2

from egxds.inspect.events import body_diff
from egxds.inspect.events.body_diff import describe_change
from egxds.inspect.events.kept_bodies import ROOM_BYTES, ChangedBody, KeptBodies, KeptChange
from egxds.names import ROUTE_CONFIGURATION
from egxds.resources.json import render_body
from egxds.resources.resource import Resource
from egxds.snapshot.snapshot import VersionedResource, version_resource


def routes(*domains: str, name: str = "r") -> VersionedResource:
    """Return a RouteConfiguration with a virtual host for each domain."""
    hosts = [{"name": domain, "domains": [domain]} for domain in domains]
    message = route_pb2.RouteConfiguration(name=name, virtual_hosts=hosts)
    return version_resource(Resource(ROUTE_CONFIGURATION, name, message.SerializeToString()), ())


def changed(before: VersionedResource | None, now: VersionedResource | None) -> ChangedBody:
    """Return a change."""
    return ChangedBody(ROUTE_CONFIGURATION, "r", before, now)


def described(body: ChangedBody) -> Any:
    """Return what is said of it."""
    items: Any = describe_change(KeptChange("a/b", (body,)))["items"]
    return items[0]


def test_one_virtual_host_of_many() -> None:
    """The others are not shown, and not made into text."""
    domains = [f"h{number}.test" for number in range(5000)]
    item = described(changed(routes(*domains), routes(*domains[:-1], "new.test")))
    text = "\n".join(item["diff"])
    assert '-    "h4999.test"' in text
    assert '+    "new.test"' in text
    assert "h4998.test" not in text
    assert item["note"] == ""


def test_what_is_long_is_cut() -> None:
    """And that is said."""
    item = described(changed(None, routes(*(f"h{number}.test" for number in range(5000)))))
    assert len(item["diff"]) == body_diff.SHOWN_LINES
    assert item["note"] == "this is the beginning of it"


@pytest.mark.parametrize("has_before", [False, True])
def test_what_is_cut_is_not_made_into_text(*, has_before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand virtual hosts take seconds, of which a diff shows the first."""
    made: list[int] = []

    def counted(type_url: str, body: bytes) -> dict[str, object]:
        made.append(len(route_pb2.RouteConfiguration.FromString(body).virtual_hosts))
        return render_body(type_url, body)

    monkeypatch.setattr(body_diff, "render_body", counted)
    before, now = (routes(*(f"{word}{number}.test" for number in range(5000))) for word in ("a", "b"))
    item = described(changed(before if has_before else None, now))
    assert len(item["diff"]) == body_diff.SHOWN_LINES
    assert item["note"] == "this is the beginning of it"
    assert all(0 < count <= body_diff.COMPARED_LINES for count in made)


def test_what_cannot_be_read_is_told_by_its_size() -> None:
    """A body of an unknown form is nobody's text."""
    odd = version_resource(Resource(ROUTE_CONFIGURATION, "r", b"\xff"), ())
    assert '+ "size": 1' in described(changed(routes("a.test"), odd))["diff"]


def test_bodies_are_kept_within_a_limit() -> None:
    """The oldest make room; the newest is kept, whatever its size."""
    kept, large = KeptBodies(), routes("a" * (ROOM_BYTES // 5))
    for generation in range(1, 9):
        kept.keep(generation, "a/b", (changed(large, large),))
    assert [number for number in range(1, 9) if kept.find(number)] == [7, 8]
    huge = routes("a" * ROOM_BYTES)
    kept.keep(9, "a/b", (changed(huge, huge),))
    assert [number for number in range(1, 10) if kept.find(number)] == [9]
