"""What the CRDs let pass is accepted, even where it can lead nowhere: the part that does so says it, and no more."""

from __future__ import annotations

import pytest

from tests.unit.model.texts import gateway, gateway_object, grant, route
from tests.unit.model.told import store_problems
from tests.unit.model.worlds import conditions, parents, read, resolve, served, status

MANY_CODES = ", ".join(map(str, range(400, 500)))
MANY_AUTHORITIES = ", ".join(f"{{group: '', kind: ConfigMap, name: ca-{number}}}" for number in range(16))

TAKEN = {
    "an address as a host": route(spec="hostnames: [1.2.3.4, a.test]"),
    "more codes than most lists hold": route(spec=f"rules: [{{retry: {{codes: [{MANY_CODES}]}}}}]"),
    "a parent that no object can be": route(parents="[{name: Not_A_Name}]"),
    "a backend that no object can be": route(spec="rules: [{backendRefs: [{name: Not_A_Name, port: 80}]}]"),
    "an extension's object that no object can be": route(
        spec="rules: [{filters: [{type: ExtensionRef, extensionRef: {group: shop.test, kind: Ticket, name: A_b}}]}]"
    ),
    "several filters of a kind that the API does not limit": route(
        spec=("rules: [{filters: [{type: ExternalAuth, externalAuth: {}}, {type: ExternalAuth, externalAuth: {}}]}]")
    ),
    "a class that no object can be": gateway().replace("gatewayClassName: edge", "gatewayClassName: Not_A_Name"),
    "a certificate that no object can be": gateway(
        listeners="- {name: a, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: Not_A_Name}]}}"
    ),
    "an address as a hostname of a listener": gateway(
        listeners="- {name: a, port: 80, protocol: HTTP, hostname: 1.2.3.4}"
    ),
    "sixteen authorities": gateway(
        more=f"tls: {{frontend: {{default: {{validation: {{caCertificateRefs: [{MANY_AUTHORITIES}]}}}}}}}}"
    ),
    "one address of a type of others twice": gateway(
        more="addresses: [{type: a.test/any, value: b}, {type: a.test/any, value: b}]"
    ),
    "a grant for what no object can be": grant(
        "b",
        "[{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: a}]",
        "[{group: '', kind: Service, name: Not_A_Name}]",
    ),
    "a Gateway that no object can be": gateway_object(
        "ListenerSet", "more", "parentRef: {name: Not_A_Name}\nlisteners: [{name: b, port: 82, protocol: HTTP}]"
    ),
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_what_an_api_server_takes_is_taken(text: str) -> None:
    """Gateway API v1.6.1, config/crd/experimental."""
    state = read(text)
    assert not store_problems(state)
    assert state.count() == 1


def test_a_name_that_no_object_can_have_leads_nowhere() -> None:
    """Each reference says so where it says that of any name."""
    spec = "rules: [{backendRefs: [{name: Not_A_Name, port: 80}]}]"
    resolution = resolve(gateway(), route(spec=spec, parents="[{name: web}, {name: Not_A_Name}]"))
    assert parents(resolution) == [{"Accepted": "True/Accepted", "ResolvedRefs": "False/BackendNotFound"}]


def test_a_certificate_that_no_object_can_be_costs_its_listener() -> None:
    """As one that is not there does."""
    listeners = (
        "- {name: a, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: Not_A_Name}]}}\n"
        "- {name: b, port: 80, protocol: HTTP}"
    )
    resolution = resolve(gateway(listeners=listeners))
    assert served(resolution).keys() == {"b"}
    assert conditions(status(resolution, "Gateway"))["Accepted"] == "True/ListenersNotValid"


def test_an_address_is_a_host_like_another() -> None:
    """The other hostnames of the route, and of the listener, are as they are."""
    resolution = resolve(gateway(), route(spec="hostnames: [1.2.3.4, a.test]"))
    (attached,) = served(resolution)["http"].routes.values()
    assert attached.hostnames == ("1.2.3.4", "a.test")
