"""What came of looks at the files: counted and dated, and said where somebody asked."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from egxds.app.live_settings import SettingsRead
from egxds.app.loads import LoadResult, Loads
from egxds.app.reload import Reload, Reloaded
from egxds.app.what_changed import NOTHING, WhatChanged
from egxds.object_key import ObjectKey
from egxds.telemetry import Metrics

SHOP = WhatChanged((ObjectKey("gateway.networking.k8s.io", "HTTPRoute", "default", "shop"),), ("shop.yaml",), 3)


@pytest.fixture
def metrics() -> Metrics:
    """Where they are counted."""
    return Metrics()


def value(metrics: Metrics, name: str, result: str | None = None) -> float:
    """Return the value of a series."""
    found = metrics.registry.get_sample_value(f"egxds_{name}", {"result": result} if result else {})
    assert found is not None
    return found


def test_only_a_look_of_which_everything_is_accepted_is_a_success(metrics: Metrics) -> None:
    """The others have a time of their own."""
    loads = Loads(metrics)
    for result in (LoadResult.REFUSED, LoadResult.UNREADABLE, LoadResult.TOO_LARGE, LoadResult.FAILED):
        assert value(metrics, "config_loads_total", result.value) == 0
        loads.came_to(result)
        assert value(metrics, "config_last_load_timestamp_seconds", result.value) > 0
        assert value(metrics, "config_loads_total", result.value) == 1
    assert value(metrics, "config_last_success_timestamp_seconds") == 0
    loads.came_to(LoadResult.ACCEPTED)
    assert value(metrics, "config_last_success_timestamp_seconds") > 0


def test_looks_that_come_while_others_are_judged(metrics: Metrics) -> None:
    """Theirs is another verdict."""
    loads = Loads(metrics)
    loads.read(None)
    loads.read(None)
    looks = loads.unjudged
    loads.read(None)
    loads.judged(looks, LoadResult.ACCEPTED)
    assert (value(metrics, "config_loads_total", "accepted"), loads.unjudged) == (2, 1)
    loads.judged(loads.unjudged, LoadResult.REFUSED)
    assert (value(metrics, "config_loads_total", "refused"), loads.unjudged) == (1, 0)


def test_who_asks_is_told(metrics: Metrics) -> None:
    """What is in force otherwise, also where that is nothing; a look that nobody asked for is not told of."""
    loads = Loads(metrics)
    reload = Reload(1, SettingsRead(), "read again", ("authz",))
    with capture_logs() as lines:
        loads.read(None)
        loads.read(Reloaded(reload, 1, NOTHING))
        loads.read(Reloaded(reload, 1, SHOP))
        loads.judged(loads.unjudged, LoadResult.REFUSED)
    same, changed = lines
    assert (same["event"], same["detail"]) == ("app.reloaded", "the files come to nothing else than before")
    assert (changed["detail"], changed["result"]) == ("", "refused")
    assert (changed["files_read"], changed["certificates"], changed["asked_again"]) == (1, "read again", ["authz"])
    assert (changed["objects"], changed["files"], changed["more"]) == (["HTTPRoute default/shop"], ["shop.yaml"], 2)
