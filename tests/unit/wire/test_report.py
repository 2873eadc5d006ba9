"""What is said about one stream."""

from __future__ import annotations

import pytest
from grpclib.const import Status
from structlog.testing import capture_logs
from structlog.typing import EventDict

from egxds.inspect.status import StatusStore
from egxds.names import CLUSTER
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.resources.resource import Resource
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Acked, Nacked, Node, Refusal, Response, UnexpectedRequest
from egxds.sessions.open_streams import Client
from egxds.sessions.pending import Pending
from egxds.snapshot.snapshot import version_resource
from egxds.snapshot.store import SnapshotStore
from egxds.telemetry import EVENTS, Metrics
from egxds.wire.xds.client_lines import ClientLines
from egxds.wire.xds.report import StreamReport
from tests.revisions import by_type

ODD = "type.googleapis.com/envoy.nothing.v3.Here"


@pytest.fixture
def metrics() -> Metrics:
    """What is counted."""
    return Metrics()


@pytest.fixture
def status() -> StatusStore:
    """Where refusals are remembered."""
    return StatusStore()


@pytest.fixture
def report(metrics: Metrics, status: StatusStore) -> StreamReport:
    """The report of one stream."""
    return StreamReport(Client(7, "127.0.0.1:1", 0.0, DeltaSession()), ClientLines(), metrics, status)


def nacked(message: str, count: int = 1, body: bytes = b"") -> Nacked:
    """Return a refusal of some resources."""
    resources = tuple(
        version_resource(
            Resource(CLUSTER, f"c{number}", body, (ObjectKey("", "HTTPRoute", "default", f"r{number}"),)), ()
        )
        for number in range(count)
    )
    return Nacked(CLUSTER, "3", resources, Refusal(13, message))


def levels(lines: list[EventDict]) -> list[tuple[str, str]]:
    """Return level and event of log lines."""
    return [(line["log_level"], line["event"]) for line in lines]


def test_lines_say_who(report: StreamReport) -> None:
    """Every line carries the stream and, once it is known, the node; names of events are in the table."""
    with capture_logs() as lines:
        report.opened(Node("envoy-1", "default/web", "envoy"))
        report.happened(Acked(CLUSTER, "1"))
        report.happened(UnexpectedRequest(CLUSTER, "an empty name"))
        report.pushed(Response(CLUSTER, "2"), 10)
        report.refused(Status.INVALID_ARGUMENT, "no type")
        report.closed(Status.INVALID_ARGUMENT)
    assert {(line["stream"], line["node"]) for line in lines} == {(7, "envoy-1")}
    assert {line["event"] for line in lines} <= EVENTS.keys()


def test_refusal_is_warned_about_once(report: StreamReport, status: StatusStore) -> None:
    """The same version again is counted, not shouted, whatever is said to it; another version is."""
    status.set_locator(lambda key, _path: Location(f"{key.name}.yaml", 7))
    with capture_logs() as lines:
        report.happened(nacked("no such thing"))
        report.happened(nacked("no such thing"))
        report.happened(nacked("another thing"))
        report.happened(nacked("no such thing", body=b"other"))
    assert levels(lines) == [
        ("warning", "session.nack"),
        ("debug", "session.nack"),
        ("debug", "session.nack"),
        ("warning", "session.nack"),
    ]
    assert lines[0]["names"] == ["c0"]
    assert lines[0]["sources"] == ["r0.yaml:7"]
    assert [record.times for record in status.nacks()] == [1, 1, 2]


def test_refusal_of_one_of_several(report: StreamReport) -> None:
    """It is warned about again when it is known which one it is, and so is named."""
    with capture_logs() as lines:
        report.happened(nacked("one of them", count=2))
        report.happened(nacked("one of them", count=2))
        report.happened(nacked("this one"))
    assert [(line["log_level"], line["names"]) for line in lines] == [
        ("warning", ["c0", "c1"]),
        ("debug", ["c0", "c1"]),
        ("warning", ["c0"]),
    ]


def test_refusal_of_many_is_short(report: StreamReport, status: StatusStore) -> None:
    """The first are named, and their objects; how many there are beside them is said."""
    status.set_locator(lambda key, _path: Location(f"{key.name}.yaml", 7))
    with capture_logs() as lines:
        report.happened(nacked("one of them", count=60))
    (line,) = lines
    assert (len(line["names"]), len(line["sources"]), line["more"]) == (5, 5, 55)


def test_the_last_envoy_that_is_lost(metrics: Metrics, status: StatusStore) -> None:
    """It is warned about, and not where another one stays, where egxds ends, or where nobody said who it is."""
    reports = [
        StreamReport(Client(n, "127.0.0.1:1", 0.0, DeltaSession()), ClientLines(), metrics, status) for n in (1, 2, 3)
    ]
    nobody, first, second = reports
    with capture_logs() as lines:
        first.opened(Node("envoy-1", "default/web", "envoy"))
        second.opened(Node("envoy-2", "default/web", "envoy"))
        second.closed(Status.CANCELLED)
        nobody.closed(Status.CANCELLED)
        assert "session.last_lost" not in {line["event"] for line in lines}
        first.closed(Status.CANCELLED)
    lost = [(line["log_level"], line["node"]) for line in lines if line["event"] == "session.last_lost"]
    assert lost == [("warning", "envoy-1")]


def test_refusal_is_cut(report: StreamReport, status: StatusStore) -> None:
    """A long text is cut, and of many resources only the first are kept."""
    report.happened(nacked("x" * 10_000, count=60))
    (record,) = status.nacks()
    assert record.message == "x" * 4096 + "…(10000 bytes)"
    assert (len(record.resources), record.omitted) == (50, 10)


def test_unknown_types_share_a_label(report: StreamReport, metrics: Metrics) -> None:
    """A client cannot make metrics grow by asking for types that nobody knows."""
    report.happened(Acked(CLUSTER, "1"))
    report.happened(Acked(ODD, "2"))
    report.happened(Acked(ODD + "Too", "3"))
    assert metrics.registry.get_sample_value("egxds_xds_acks_total", {"type": "cluster"}) == 1
    assert metrics.registry.get_sample_value("egxds_xds_acks_total", {"type": "other"}) == 2


def test_node_that_selects_nothing(report: StreamReport, status: StatusStore) -> None:
    """It is warned about once, with what it could have selected, and not before everything is loaded."""
    store = SnapshotStore()
    with capture_logs() as lines:
        report.selects_nothing("nowhere", (), store)
        status.mark_loaded()
        store.publish("default/web", "eg", by_type(()))
        store.publish("shop/web", "eg", by_type(()))
        report.selects_nothing("nowhere", (), store)
        report.selects_nothing("nowhere", (), store)
    assert levels(lines) == [("warning", "session.node_unknown")]
    assert lines[0]["gateways"] == ["default/web", "shop/web"]
    assert lines[0]["classes"] == ["eg"]


def pending(*names: str) -> tuple[Pending, ...]:
    """Return clusters that are refused."""
    made = (version_resource(Resource(CLUSTER, name, b""), ()) for name in names)
    return tuple(Pending(one, "no such thing", 1, 0.0, 0.0, 1.0) for one in made)


def test_refusals_begin_and_end(report: StreamReport, status: StatusStore, metrics: Metrics) -> None:
    """Each is counted while it lasts, said to be over, and warned about when it begins anew."""

    def refused_now() -> float | None:
        return metrics.registry.get_sample_value("egxds_xds_refused_resources", {"type": "cluster"})

    with capture_logs() as lines:
        report.opened(Node("envoy-1", "default/web", "envoy"))
        report.happened(nacked("no such thing"))
        report.refuses(pending("c0", "c1"))
        assert refused_now() == 2
        report.refuses(pending("c1"))
        assert refused_now() == 1
        report.happened(nacked("no such thing"))
        report.refuses(())
        report.refuses(())
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == ["session.nack"] * 2
    over = [line["name"] for line in lines if line["event"] == "session.nack_over"]
    assert over == ["c0", "c1"]
    assert [record.times for record in status.nacks()] == [2]


def test_client_takes_its_refusals_with_it(report: StreamReport, status: StatusStore, metrics: Metrics) -> None:
    """Who is not connected refuses nothing."""
    report.opened(Node("envoy-1", "default/web", "envoy"))
    report.refuses(pending("c0"))
    assert [str(one) for one in status.refusals.all()] == ["Envoy 'envoy-1' refuses cluster c0: no such thing"]
    assert [one.selects for one in status.refusals.all()] == ["default/web"]
    report.closed(Status.CANCELLED)
    assert status.refusals.all() == ()
    assert metrics.registry.get_sample_value("egxds_xds_refused_resources", {"type": "cluster"}) == 0


def test_tries_are_counted(report: StreamReport, metrics: Metrics) -> None:
    """Apart from responses that are news."""
    report.pushed(Response(CLUSTER, "1"), 10)
    report.pushed(Response(CLUSTER, "2", is_retry=True), 10)
    assert metrics.registry.get_sample_value("egxds_xds_retries_total", {"type": "cluster"}) == 1
