"""How many requests an Envoy has answered by 5xx, by what its pages say."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.fleet.canary_requests import EnvoyRequests, Requests
from egxds.inspect.envoy_clusters import NotEnvoyError
from egxds.inspect.envoy_requests import STATS_PAGE, read_requests

INFO = json.dumps({"version": "1.40.0", "node": {"id": "edge-1", "cluster": "default/web"}}).encode()


def page(**counters: object) -> bytes:
    """Return Envoy's counters, of which the names have `__` for a dot."""
    stats = [{"name": name.replace("__", "."), "value": value} for name, value in counters.items()]
    return json.dumps({"stats": stats}).encode()


def test_pages() -> None:
    """Those of all ports, each once, and not those of the admin page."""
    stats = page(
        http__admin__downstream_rq_5xx=7,
        http__admin__downstream_rq_completed=9,
        **{"http.http-8080.downstream_rq_5xx": 3, "http.http-8080.downstream_rq_completed": 6},
        **{"http.https-8443.downstream_rq_5xx": 1, "http.https-8443.downstream_rq_completed": 10},
        **{"listener.0.0.0.0_8080.http.http-8080.downstream_rq_completed": 6},
    )
    assert read_requests(INFO, stats) == EnvoyRequests("edge-1", Requests(16, 4))
    assert read_requests(INFO, page()) == EnvoyRequests("edge-1", Requests())


def test_only_what_is_counted_is_asked_for() -> None:
    """An Envoy has thousands of counters."""
    assert unquote(STATS_PAGE) == (r"/stats?format=json&filter=^http\..*\.(downstream_rq_completed|downstream_rq_5xx)$")


@pytest.mark.parametrize(
    ("info", "stats"),
    [
        (b"", page()),
        (b"{}", page()),
        (b'{"node": {"id": 5}}', page()),
        (json.dumps({"node": {"id": "x" * 5000}}).encode(), page()),
        (INFO, b"http.http-80.downstream_rq_5xx: 1"),
        (INFO, b'{"stats": [1]}'),
        (INFO, b"[" * 100_000),
        (INFO, page(http__a__downstream_rq_5xx=-1)),
        (INFO, page(http__a__downstream_rq_5xx=2**70)),
        (INFO, b'{"stats": [{"name": "http.a.downstream_rq_5xx", "value": 1e999}]}'),
    ],
)
def test_somebody_else_answers(info: bytes, stats: bytes) -> None:
    """What is no page of Envoy is said to be none."""
    with pytest.raises(NotEnvoyError, match="is that the address of its admin page"):
        read_requests(info, stats)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_any_bytes(info: bytes, stats: bytes) -> None:
    """And nothing worse."""
    with pytest.raises(NotEnvoyError):
        read_requests(info, stats)
