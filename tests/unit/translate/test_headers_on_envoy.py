"""Which headers a match can never see, on a real Envoy: what routes are warned of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from egxds.model.status.route_doubts import OF_CONNECTIONS, OF_ENVOY
from tests.envoy.envoy_process import EnvoyProcess
from tests.ports import free_port
from tests.unit.translate.asking import Case, ask
from tests.unit.translate.builders import at, gateway, listener, match, route, rule
from tests.unit.translate.reading import translate
from tests.unit.translate.static_envoy import bootstrap

pytestmark = pytest.mark.envoy

UNSEEN = sorted(OF_CONNECTIONS | OF_ENVOY)
SEEN = ["x-tenant", "te", "x-request-id", "x-forwarded-for", "x-forwarded-proto", "traceparent", "x'y", "host"]
HEADERS = [*UNSEEN, *SEEN]
_VALUES = {"transfer-encoding": "chunked", "te": "trailers", "x-forwarded-proto": "http"}


def _redirecting(name: str, number: int) -> dict[str, Any]:
    """Return a rule that redirects what has a header; anything else has no route."""
    header = {"name": name, "type": "RegularExpression", "value": ".*"}
    filters = [{"type": "RequestRedirect", "requestRedirect": {"hostname": "seen.example"}}]
    return rule(matches=[match(f"/{number}", headers=[header])], filters=filters)


@pytest.fixture(scope="module")
def port(envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of an Envoy with a route for each header, by its number."""
    routes = [at(route(f"r{number}", _redirecting(name, number))) for number, name in enumerate(HEADERS)]
    served, port = gateway(listener("http", *routes), addresses=("127.0.0.1",)), free_port()
    directory = tmp_path_factory.mktemp("envoy")
    process = EnvoyProcess(envoy_binary, bootstrap(translate(served), {80: port}), directory)
    process.start()
    process.wait_ready()
    yield port
    process.discard()


@pytest.mark.parametrize("name", HEADERS)
def test_header_is_seen_or_not(port: int, name: str) -> None:
    """Those that a warning says no match can see are seen by none; of others a few are tried."""
    sent = {} if name == "host" else {name: _VALUES.get(name, "7")}
    answer = ask(Case("", f"/{HEADERS.index(name)}", headers=sent), port)
    assert answer.status == (404 if name in UNSEEN else 302)
