"""What is rolled back stays so over a restart, where there is a `stateDir`."""

from __future__ import annotations

from pathlib import Path

import pytest

from egxds.app.pipeline import Build
from egxds.app.untaken_edits import in_force
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.store.rolled_back import Bar
from tests.unit.app.files import GATEWAY
from tests.unit.app.test_last_good import Installation

HOST_ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: shop}}
spec: {{hostnames: [{host}]}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Installation:
    """A Gateway that was read once."""
    shop = Installation(tmp_path)
    shop.write("web.yaml", GATEWAY.format(name="web", port=80))
    shop.look()
    return shop


def _hosts(build: Build) -> tuple[str, ...]:
    (found,) = build.state.of(HTTP_ROUTE).values()
    return found.content.hostnames


def _roll_back(shop: Installation, before: Build | None, now: Build) -> Build:
    """Have the route go back for a refusal."""
    key = HTTP_ROUTE.key("default", "shop")
    barred, former = in_force(key, now.state), in_force(key, before.state) if before is not None else None
    assert barred is not None
    instead = former.item if former is not None else None
    shop.pipeline.roll_back({key: Bar(barred, former, instead, "an Envoy refuses it", frozenset({"1.40.0"}))})
    return shop.look()


def test_what_is_rolled_back_is_so_after_a_restart(shop: Installation) -> None:
    """Until an edit, also one while nobody was looking."""
    shop.write("route.yaml", HOST_ROUTE.format(host="good.test"))
    before = shop.look()
    shop.write("route.yaml", HOST_ROUTE.format(host="bad.test"))
    assert _hosts(_roll_back(shop, before, shop.look())) == ("good.test",)
    back = shop.restart()
    assert _hosts(back) == ("good.test",)
    (found,) = back.state.rolled_back.values()
    assert (found.bar.why, found.bar.versions) == ("an Envoy refuses it", frozenset({"1.40.0"}))
    assert found.bar.is_former
    shop.pipeline.lift([found.bar.barred.item.key])
    assert _hosts(shop.look()) == ("bad.test",)
    assert _hosts(shop.restart()) == ("bad.test",)


def test_an_edit_while_nobody_was_looking_is_believed(shop: Installation) -> None:
    """What is written is not what was refused."""
    shop.write("route.yaml", HOST_ROUTE.format(host="good.test"))
    before = shop.look()
    shop.write("route.yaml", HOST_ROUTE.format(host="bad.test"))
    _roll_back(shop, before, shop.look())
    shop.start()
    shop.write("route.yaml", HOST_ROUTE.format(host="mended.test"))
    assert _hosts(shop.look()) == ("mended.test",)
    assert _hosts(shop.restart()) == ("mended.test",)


def test_an_object_that_was_not_in_force_is_not_after_a_restart(shop: Installation) -> None:
    """Nothing was in force of it before."""
    shop.look()
    shop.write("route.yaml", HOST_ROUTE.format(host="bad.test"))
    _roll_back(shop, None, shop.look())
    back = shop.restart()
    assert not back.state.of(HTTP_ROUTE)
    assert len(back.state.rolled_back) == 1
