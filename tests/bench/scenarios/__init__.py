"""The table of scenarios: a new one is a file beside this one and a row in it."""

from __future__ import annotations

from tests.bench.parameters import Layout
from tests.bench.scenario import Scenario
from tests.bench.scenarios.burst import burst
from tests.bench.scenarios.candidates import candidate
from tests.bench.scenarios.certificate_changes import certificate
from tests.bench.scenarios.changes_of_nothing import comment, touch, unreferenced
from tests.bench.scenarios.endpoint_changes import endpoint
from tests.bench.scenarios.extensions import hold, translation
from tests.bench.scenarios.fleet import fleet
from tests.bench.scenarios.hook_calls import hooks
from tests.bench.scenarios.idle import idle
from tests.bench.scenarios.many_clients import client_memory, fan_out, storm
from tests.bench.scenarios.memory import memory
from tests.bench.scenarios.other_shapes import gateways, paths
from tests.bench.scenarios.publishing import publish
from tests.bench.scenarios.route_changes import add, delete, edit
from tests.bench.scenarios.splits import splits
from tests.bench.scenarios.start import cold_start, restart

_BOTH = (Layout.EACH, Layout.ALL)
_SERVED = "saved → on the wire, saved → served, ready-made bytes → served (floor), CPU of egxds with one Envoy"
_OF_ONE_EDIT = "one route edited: saved → on the wire, CPU of egxds"
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
    Scenario("idle", "CPU of egxds while nothing changes", idle, _BOTH, shares_site=True),
    Scenario("cold-start", "process start → first whole snapshot (and PyYAML's C loader), → served", cold_start, _BOTH),
    Scenario("restart", "nothing changed, a client with versions: what is sent", restart),
    Scenario("memory", "resident memory", memory),
    Scenario("client-memory", "resident memory of a client of all clusters and endpoints", client_memory),
    Scenario("fan-out", "one edit → the last of many clients, beside a bare loop", fan_out, sizes=(100,)),
    Scenario("storm", "many clients come back at once with versions of all clusters", storm, sizes=(10_000,)),
    Scenario("paths", f"one hostname with many paths, {_OF_ONE_EDIT}", paths, sizes=(10_000,)),
    Scenario("gateways", f"many Gateways of a class, {_OF_ONE_EDIT}", gateways, sizes=(1000,)),
    Scenario(
        "hooks",
        "a hook on every virtual host, by the way in which it is called: everything asked again, calls of that, what a "
        "call costs and how often that of the bare function; one edit: calls, saved → on the wire",
        hooks,
        sizes=(1, 100, 10_000),
    ),
    Scenario("hold", f"hold with stateDir, {_OF_ONE_EDIT}, bytes written", hold, sizes=(10_000,)),
    Scenario("translation", f"Translation with includeAll, {_OF_ONE_EDIT}", translation, sizes=(10_000,)),
    Scenario("publish", "one edit published in etcd: → on the wire, the same of files, etcd's part, bytes", publish),
    Scenario("candidate", "one edit for one Envoy first, then for all: → on the wire of each, memory", candidate),
    Scenario(
        "fleet",
        "three replicas of an etcd, many Envoys at each: one edit published → the last Envoy, beside a bare loop; what "
        "is written to etcd, CPU; quiet; a replica killed and an edit published → the last Envoy",
        fleet,
        sizes=(10_000,),
    ),
    Scenario("splits", "one changed virtual host in Envoy, by what splits its table; no egxds", splits),
)
