"""A second input that begins where the first is: it comes to what an edit of the first would."""

from __future__ import annotations

from pathlib import Path

import pytest

from egxds.app.file_source import FileTrees
from egxds.app.pipeline import Build, Pipeline
from egxds.app.untaken_edits import in_force
from egxds.files.reading.content import Scan
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.store.rolled_back import Bar
from tests.unit.app.files import GATEWAY
from tests.unit.app.test_last_good import Installation

ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: shop}}
spec: {{parentRefs: [{{name: a}}], hostnames: [{host}]}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Installation:
    """Two Gateways with addresses from the pool, the one of the last name first; and a route."""
    shop = Installation(tmp_path, pool="10.0.0.0/30")
    shop.write("z.yaml", GATEWAY.format(name="z", port=9000))
    shop.look()
    shop.write("a.yaml", GATEWAY.format(name="a", port=80))
    shop.write("route.yaml", ROUTE.format(host="good.test"))
    shop.look()
    return shop


def _branched(shop: Installation) -> Pipeline:
    """Return a pipeline that begins where that of an installation is, and reads the same directory."""
    found: list[Pipeline] = []
    shop.pipeline.branch(FileTrees(shop.settings, shop.root), found.append)
    assert found == []
    shop.pipeline.run(frozenset())
    (pipeline,) = found
    return pipeline


def _hosts(build: Build) -> tuple[str, ...]:
    (found,) = build.state.of(HTTP_ROUTE).values()
    return found.content.hostnames


def _addresses(build: Build) -> dict[str, str]:
    return {key.name: address for key, address in build.owners.addresses.items()}


def _bytes(build: Build) -> object:
    return {
        name: (
            {one: found.body for one, found in each.listeners.items()},
            {one: found.encode() for one, found in each.route_configurations.items()},
        )
        for name, each in build.translations.items()
    }


def test_an_edit_of_one_is_none_of_the_other(shop: Installation) -> None:
    """What is in force is read again as if there were no other."""
    branched = _branched(shop)
    before = shop.look()
    shop.write("route.yaml", ROUTE.format(host="new.test"))
    assert _hosts(branched.run(Scan.ALL)) == ("new.test",)
    assert _hosts(before) == ("good.test",)
    now = shop.look()
    assert _hosts(now) == ("new.test",)
    assert _bytes(branched.run(Scan.ALL)) == _bytes(now)


def test_addresses_are_kept(shop: Installation) -> None:
    """Whoever reads all of it from nothing would give them otherwise."""
    before = _addresses(shop.look())
    shop.write("route.yaml", ROUTE.format(host="new.test"))
    branched = _branched(shop).run(Scan.ALL)
    assert _addresses(branched) == before
    assert _bytes(branched) == _bytes(shop.look())
    alone = Pipeline(shop.settings, FileTrees(shop.settings, shop.root)).run(Scan.ALL)
    assert _addresses(alone) != before


def test_what_is_rolled_back_is_so_in_the_other(shop: Installation) -> None:
    """An Envoy would refuse it there again, and the other would be blamed."""
    key, before = HTTP_ROUTE.key("default", "shop"), shop.look()
    shop.write("route.yaml", ROUTE.format(host="bad.test"))
    barred, former = in_force(key, shop.look().state), in_force(key, before.state)
    assert barred is not None
    assert former is not None
    shop.pipeline.roll_back({key: Bar(barred, former, former.item, "an Envoy refuses it")})
    assert _hosts(shop.look()) == ("good.test",)
    branched = _branched(shop)
    assert _hosts(branched.run(Scan.ALL)) == ("good.test",)
    shop.write("route.yaml", ROUTE.format(host="mended.test"))
    assert _hosts(branched.run(Scan.ALL)) == ("mended.test",)


def test_what_is_refused_stays_in_force_in_the_other(shop: Installation) -> None:
    """As it was accepted last."""
    shop.write("route.yaml", ROUTE.format(host='"*.*"'))
    assert _hosts(shop.look()) == ("good.test",)
    assert _hosts(_branched(shop).run(Scan.ALL)) == ("good.test",)
