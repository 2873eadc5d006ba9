"""Gateways that cannot be served to one Envoy together."""

from __future__ import annotations

from egxds.model.resolve.listener_protocols import Transport
from tests.unit.model.texts import gateway
from tests.unit.model.worlds import World, conditions, listener_status, messages, resolve, served

TCP, UDP = Transport.TCP, Transport.UDP
TWO = """
- {name: http, port: 80, protocol: HTTP}
- {name: more, port: 81, protocol: HTTP}
"""


def test_the_younger_gateway_loses_a_port_to_the_older_one() -> None:
    """Both are served to Envoys of their own; an Envoy of the class gets the port from the older one."""
    resolution = resolve(
        gateway("a", TWO),
        gateway("b", creationTimestamp="2026-01-01T00:00:00Z"),
        gateway("c", listeners="- {name: other, port: 82, protocol: HTTP}"),
    )
    assert resolution.class_conflicts == {"edge": frozenset({("default/a", 80, TCP)})}
    assert list(served(resolution, "default/a")) == ["http", "more"]
    lost = conditions(listener_status(resolution, "http", "default/a"))
    assert (lost["Programmed"], lost["egxds.io/ServedByClass"]) == ("True/Programmed", "False/AddressInUse")
    assert "egxds.io/ServedByClass" not in conditions(listener_status(resolution, "more", "default/a"))
    assert "egxds.io/ServedByClass" not in conditions(listener_status(resolution, "http", "default/b"))


def test_both_places_are_named() -> None:
    """The warning stands at the listener that loses, and says where the other Gateway is."""
    (said,) = messages(resolve(gateway("a"), gateway("b", TWO)))
    assert said.startswith("a.yaml:15: warning: Gateway default/b: 0.0.0.0 port 80 belongs to Gateway default/a")
    assert said.endswith("(the other is at a.yaml:1)")


def test_equal_ages_are_decided_by_name() -> None:
    """The first by namespace and name wins, and every other one loses."""
    resolution = resolve(gateway("b"), gateway("c"), gateway("a"), gateway("a", namespace="shop"))
    assert resolution.class_conflicts == {
        "edge": frozenset({("default/b", 80, TCP), ("default/c", 80, TCP), ("shop/a", 80, TCP)}),
    }


def test_only_gateways_of_one_class_conflict() -> None:
    """An Envoy takes one Gateway or one class, so classes do not get in each other's way."""
    resolution = resolve(gateway("a"), gateway("b").replace("edge", "other"))
    assert not resolution.class_conflicts
    assert not messages(resolution)


def test_different_addresses_do_not_conflict() -> None:
    """A port can be bound once on each address; 0.0.0.0 is an address like others to Envoy."""
    resolution = resolve(
        gateway("a", more="addresses: [{value: 10.0.0.1}]"),
        gateway("b", more="addresses: [{value: 10.0.0.2}]"),
        gateway("c"),
    )
    assert not resolution.class_conflicts


def test_one_shared_address_is_enough() -> None:
    """A listener is bound on all addresses of its Gateway or on none."""
    resolution = resolve(
        gateway("a", more="addresses: [{value: 10.0.0.1}, {value: 10.0.0.2}]"),
        gateway("b", more="addresses: [{value: 10.0.0.3}, {value: 10.0.0.2}]"),
    )
    assert resolution.class_conflicts == {"edge": frozenset({("default/b", 80, TCP)})}


def test_what_is_not_served_takes_no_port_away() -> None:
    """A listener that is refused binds nothing."""
    odd = "- {name: odd, port: 80, protocol: INVALID}\n- {name: more, port: 81, protocol: HTTP}"
    assert not resolve(gateway("a", listeners=odd), gateway("b")).class_conflicts


def test_a_newcomer_takes_no_port_away() -> None:
    """Where no age is known, the Gateway that has the port keeps it, whatever the newcomer is called."""
    world = World()
    world.scan(gateway("b"))
    assert world.scan(gateway("a"), gateway("b")).class_conflicts == {"edge": frozenset({("default/a", 80, TCP)})}
    assert not world.scan(gateway("a")).class_conflicts
    assert world.scan(gateway("a"), gateway("b")).class_conflicts == {"edge": frozenset({("default/b", 80, TCP)})}


def test_udp_takes_no_port_of_tcp() -> None:
    """They number their ports apart: who loses one of them keeps the other."""
    both = "- {name: tcp, port: 53, protocol: TCP}\n- {name: udp, port: 53, protocol: UDP}"
    tcp, udp = "- {name: tcp, port: 53, protocol: TCP}", "- {name: udp, port: 53, protocol: UDP}"
    assert not resolve(gateway("a", tcp), gateway("b", udp)).class_conflicts
    resolution = resolve(gateway("a", udp), gateway("b", both))
    assert resolution.class_conflicts == {"edge": frozenset({("default/b", 53, UDP)})}
    assert "egxds.io/ServedByClass" not in conditions(listener_status(resolution, "tcp", "default/b"))
    assert conditions(listener_status(resolution, "udp", "default/b"))["egxds.io/ServedByClass"] == "False/AddressInUse"
    assert messages(resolution)[0].startswith("a.yaml:16: warning: Gateway default/b: 0.0.0.0 port 53")
