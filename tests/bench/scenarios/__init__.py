"""The table of scenarios: a new one is a file beside this one and a row in it."""

from __future__ import annotations

from tests.bench.parameters import Layout
from tests.bench.scenario import Scenario
from tests.bench.scenarios.burst import burst
from tests.bench.scenarios.certificate_changes import certificate
from tests.bench.scenarios.changes_of_nothing import comment, touch, unreferenced
from tests.bench.scenarios.endpoint_changes import endpoint
from tests.bench.scenarios.route_changes import add, delete, edit

_BOTH = (Layout.EACH, Layout.ALL)
_SERVED = "saved → on the wire, saved → served, ready-made bytes → served (floor), CPU of egxds with one Envoy"
_UNSENT = "CPU of egxds until it is quiet, responses sent"

SCENARIOS = (
    Scenario("edit", f"one route edited: {_SERVED}", edit, _BOTH, shares_site=True),
    Scenario("add", f"one route added: {_SERVED}", add, _BOTH, shares_site=True),
    Scenario("delete", f"one route deleted: {_SERVED}", delete, _BOTH, shares_site=True),
    Scenario("endpoint", f"one backend's address: {_SERVED}", endpoint, _BOTH, shares_site=True),
    Scenario("certificate", f"one certificate: {_SERVED}", certificate, _BOTH, shares_site=True),
    Scenario("touch", f"a file with a new time: {_UNSENT}", touch, _BOTH, shares_site=True),
    Scenario("comment", f"a line inserted at the top of a file: {_UNSENT}", comment, _BOTH, shares_site=True),
    Scenario("unreferenced", f"an object that nothing refers to: {_UNSENT}", unreferenced, _BOTH, shares_site=True),
    Scenario("burst", "500 edits within a second: publishes, saved → on the wire of each", burst, shares_site=True),
)
