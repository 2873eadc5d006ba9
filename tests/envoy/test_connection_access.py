"""SecurityPolicies where connections are passed on as a whole, on a real Envoy: by their clients' addresses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.stream_backends import Stream, reached
from tests.envoy.stream_port import DATABASE, HERE, MAIL, THERE, Port, port
from tests.envoy.test_security_policy import security_policy
from tests.envoy.waiting import wait_for

__all__ = ["port"]

pytestmark = pytest.mark.envoy

FIRST, SECOND, THIRD = "127.0.0.1", "127.0.0.2", "127.0.1.1"
GROUP = "gateway.networking.k8s.io"
TCP = {"group": GROUP, "kind": "TCPRoute", "name": "tcp"}
GATEWAY = {"group": GROUP, "kind": "Gateway", "name": "web"}
ENDING = {**GATEWAY, "sectionName": "ending"}


def guard(port: Port, target: dict[str, str], *rules: tuple[str, str], default: str = "Deny", **more: Any) -> None:
    """Write a policy by ranges of addresses."""
    found = [{"action": action, "principal": {"clientCIDRs": [cidr]}} for action, cidr in rules]
    asked = {"authorization": {"defaultAction": default, "rules": found}}
    port.workspace.write("policy.yaml", security_policy("guard", target, **asked, **more))


def heard(port: Port) -> list[str]:
    """Return who says its name, which it does before a client says anything, to clients of three addresses."""
    return [reached(port.plain, source=source) for source in (FIRST, SECOND, THIRD)]


def test_connections_get_through_by_their_addresses(port: Port) -> None:
    """A client that is kept out hears nothing of a backend that speaks first; an edit is for new connections."""
    guard(port, TCP, ("Allow", f"{FIRST}/32"))
    wait_for(lambda: heard(port) == ["one", "", ""], "one address to be let in")
    kept = Stream(port.plain, source=FIRST)
    assert kept.echoes()
    guard(port, TCP, ("Deny", f"{SECOND}/32"), ("Allow", "127.0.0.0/24"))
    wait_for(lambda: heard(port) == ["one", "", ""], "a range but one to be let in")
    guard(port, TCP, ("Allow", "127.0.0.0/24"), ("Deny", f"{SECOND}/32"))
    wait_for(lambda: heard(port) == ["one", "one", ""], "all of the range to be let in")
    guard(port, TCP, ("Deny", "127.0.0.0/24"), default="Allow")
    wait_for(lambda: heard(port) == ["", "", "one"], "all but the range to be let in")
    kept.close()
    port.workspace.delete("policy.yaml")
    wait_for(lambda: heard(port) == ["one"] * 3, "everybody to be let in")


@pytest.mark.parametrize(
    ("rules", "more"),
    [
        pytest.param([("Allow", "127.0.0.0/99")], {}, id="a range that is none"),
        pytest.param([("Allow", "127.0.0.0/8")], {"cors": {}}, id="a feature for requests"),
        pytest.param([("Allow", "127.0.0.0/8")], {"oidc": {}}, id="a feature that is not served"),
        pytest.param([], {}, id="nobody"),
    ],
)
def test_a_policy_that_cannot_be_done_closes_the_route(
    port: Port, rules: list[tuple[str, str]], more: dict[str, Any]
) -> None:
    """To everybody, until it is mended."""
    guard(port, TCP, *rules, **more)
    wait_for(lambda: heard(port) == [""] * 3, "the route to be closed")
    guard(port, TCP, ("Allow", f"{FIRST}/32"))
    wait_for(lambda: heard(port) == ["one", "", ""], "the mended policy")


def test_a_gateways_policy_is_for_what_it_passes_on_as_well(port: Port) -> None:
    """TLS that passes and TLS that ends, and TCP; datagrams, of which nobody asks, are closed."""
    guard(port, GATEWAY, ("Allow", f"{SECOND}/32"))
    wait_for(lambda: heard(port) == ["", "one", ""], "one address to be let in")
    assert (port.mail(), port.database(), port.udp()) == ("", "", "")
    assert reached(port.tls, MAIL, THERE.cert, SECOND) == "secure"
    assert reached(port.tls, DATABASE, HERE.cert, SECOND) == "one"
    assert port.pages() == 403


def test_whom_a_listener_keeps_out_no_wider_one_lets_in(port: Port) -> None:
    """The wider one passes the same name on, and has no policy."""
    port.workspace.write(
        "mail.yaml", manifests.stream_route("TLSRoute", "mail", {"secure": 1}, ["*.shop.test"], "passing")
    )
    guard(port, ENDING, ("Allow", f"{SECOND}/32"))
    wait_for(lambda: port.database() == "", "the address to be kept out")
    assert reached(port.tls, DATABASE, THERE.cert) == ""
    assert reached(port.tls, DATABASE, HERE.cert, SECOND) == "one"
    assert port.mail() == "secure"
    assert heard(port) == ["one"] * 3


def test_a_route_of_its_own_policy_is_open_where_the_gateways_cannot_be_done(port: Port) -> None:
    """Nobody can be asked for a password by a route that looks at no requests."""
    text = security_policy("all", GATEWAY, basicAuth={"users": {"name": "users"}})
    port.workspace.write("all.yaml", text)
    wait_for(lambda: heard(port) == [""] * 3, "the listener to be closed")
    assert (port.mail(), port.database(), port.udp()) == ("", "", "")
    guard(port, TCP, ("Allow", f"{SECOND}/32"))
    wait_for(lambda: heard(port) == ["", "one", ""], "the route to serve")
    assert port.mail() == ""
