"""What takes connections as a whole, where a hook fails that would have decided on it."""

from __future__ import annotations

from typing import Any

import pytest

from egxds import names
from egxds.hooks.policy.outcome import HookedGateway
from egxds.resources.references import references
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import Hook
from egxds.translate.translator import Translator
from tests.unit.hooks.extensions import drive, failing, manager, unchanged
from tests.unit.model.test_stream_routes import WORLD, stream
from tests.unit.model.worlds import resolve
from tests.unit.translate.reading import as_dict, by_name

AT_TCP = "{name: web, sectionName: tcp}"
ROUTES = (stream("TLSRoute"), stream("TCPRoute", parent=AT_TCP), stream("UDPRoute"))
TLS, TCP, UDP = (f"{kind}/default/s/rule/-1" for kind in ("tlsroute", "tcproute", "udproute"))
SERVED = {"passing": {TLS}, "tcp": {TCP}, "udp": {UDP}}
DENIED = {name: {names.EMPTY_CLUSTER} for name in SERVED}


def translated(*routes: str) -> GatewayTranslation:
    """Return a Gateway with streams on three ports, and a page on another."""
    (found,) = Translator().update(resolve(*WORLD, *(routes or ROUTES))).values()
    return found


def forwarded(hooked: HookedGateway) -> dict[str, set[str]]:
    """Return the clusters that the Listeners with streams forward to."""
    found = {
        name.rpartition("/")[2]: {to for kind, to in references(names.LISTENER, each.body) if kind == names.CLUSTER}
        for name, each in hooked.resources[names.LISTENER].items()
    }
    return {name: clusters for name, clusters in found.items() if name != "http"}


@pytest.mark.parametrize(
    ("hook", "subject", "expected"),
    [
        pytest.param(Hook.HTTP_LISTENER, "", DENIED, id="all listeners"),
        pytest.param(
            Hook.HTTP_LISTENER, "default/web/tcp", {**SERVED, "tcp": {names.EMPTY_CLUSTER}}, id="one listener"
        ),
        pytest.param(Hook.TRANSLATION, "", DENIED, id="all of it"),
        pytest.param(Hook.ENDPOINTS, UDP, {**SERVED, "udp": {names.EMPTY_CLUSTER}}, id="the endpoints of one"),
        pytest.param(Hook.VIRTUAL_HOST, "", SERVED, id="virtual hosts, of which streams have none"),
        pytest.param(Hook.ROUTE, "", SERVED, id="routes, of which streams have none"),
    ],
)
def test_what_a_hook_fails_on_goes_nowhere(hook: Hook, subject: str, expected: dict[str, set[str]]) -> None:
    """And to nothing that would be missing; the others of the Gateway are not concerned."""
    answer = failing(hook, subject=subject, otherwise=unchanged)
    hooked = drive(translated(), (manager(hooks=(hook.value,)),), answer)
    assert forwarded(hooked) == expected
    clusters = hooked.resources[names.CLUSTER]
    assert set().union(*expected.values()) <= clusters.keys()
    if expected is not SERVED:
        assert "endpoints" not in as_dict(clusters[names.EMPTY_CLUSTER])["load_assignment"]


def test_a_share_of_a_denied_cluster_takes_all_of_its_chain() -> None:
    """As a route does of which one cluster is denied."""
    refs = "[{name: app, port: 80}, {name: gone, port: 80}]"
    answer = failing(Hook.ENDPOINTS, otherwise=unchanged)
    hooked = drive(translated(stream("TCPRoute", refs=refs, parent=AT_TCP)), (manager(hooks=("Endpoints",)),), answer)
    assert forwarded(hooked)["tcp"] == {names.EMPTY_CLUSTER}


def test_chains_stay_as_they_are_but_for_where_they_lead() -> None:
    """Their names, and what they are matched by: nothing else of a Listener changes, and so nothing else is drained."""
    before = drive(translated(), (manager(hooks=("HTTPListener",)),), unchanged)
    answer = failing(Hook.HTTP_LISTENER)
    after = drive(translated(), (manager(hooks=("HTTPListener",)),), answer, before.accepted)
    one, other = (_without_proxies(each) for each in (before, after))
    assert one == other


def test_it_is_back_as_it_was() -> None:
    """Byte for byte, and the cluster without endpoints is gone."""
    before = drive(translated(), (manager(hooks=("HTTPListener",)),), unchanged)
    during = drive(translated(), (manager(hooks=("HTTPListener",)),), failing(Hook.HTTP_LISTENER), before.accepted)
    after = drive(translated(), (manager(hooks=("HTTPListener",)),), unchanged, during.accepted)
    assert forwarded(during) == DENIED
    for type_url in (names.LISTENER, names.CLUSTER):
        one, other = (
            {each.name: each.body for each in found.resources[type_url].values()} for found in (before, after)
        )
        assert one == other


def _without_proxies(hooked: HookedGateway) -> dict[str, Any]:
    listeners = by_name(hooked.resources[names.LISTENER])
    for each in listeners.values():
        for part in (*each.get("filter_chains", ()), *each.get("listener_filters", ())):
            part.pop("filters", None)
            part.pop("typed_config", None)
    return listeners
