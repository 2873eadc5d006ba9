"""Backends that would give traffic a way to Envoy's admin page, to egxds, or to the metadata of a cloud."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.model.resolve.resolved import Resolution, ResolvedBackend
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.settings.daemon import Settings
from tests.unit.model.texts import backend, endpoint_slice, gateway, route, service
from tests.unit.model.worlds import World, conditions, messages, parents, served, status

TO_BACKEND = route(spec="rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: app}]}]")
TO_SERVICE = route(spec="rules: [{backendRefs: [{name: app, port: 80}]}]")
SOURCES = {"sources": {"files": {"paths": ["."]}}, "controllerName": "ours"}


def world(**settings: object) -> World:
    """Return a world with some settings."""
    return World(resolver=Resolver(ResolverOptions.of(Settings.model_validate({**SOURCES, **settings}))))


def written(host: str, port: int) -> str:
    """Write a Backend with one endpoint; a host that is in brackets is a name."""
    if host.startswith("<"):
        return backend(f"[{{fqdn: {{hostname: '{host.strip('<>')}', port: {port}}}}}]")
    return backend(f"[{{ip: {{address: '{host}', port: {port}}}}}]")


def behind_the_route(resolution: Resolution) -> tuple[ResolvedBackend, ...]:
    """Return the backends of the route."""
    (attached,) = served(resolution)["http"].routes.values()
    return attached.route.rules[0].backends


def is_refused(host: str, port: int, **settings: object) -> bool:
    """Say whether a Backend is refused, in every place where that is to be seen."""
    resolution = world(**settings).scan(gateway(), TO_BACKEND, written(host, port))
    (found,) = behind_the_route(resolution)
    refused = bool(found.refusal)
    resolved = "False/UnsupportedValue" if refused else "True/ResolvedRefs"
    accepted = "False/Invalid" if refused else "True/Accepted"
    assert parents(resolution)[0]["ResolvedRefs"] == resolved
    assert conditions(status(resolution, "Backend", "default/app")) == {"Accepted": accepted}
    assert [": error: " in said for said in messages(resolution)] == [True] * (2 * refused)
    assert found.endpoints is not None
    assert bool(resolution.endpoints[found.endpoints]) is not refused
    return refused


HERE = ["127.0.0.1", "127.1.2.3", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::127.0.0.1"]
NAMES = ["<localhost>", "<localhost.>", "<app.localhost>", "<ip6-localhost>", "<127.1>", "<0x7f.0.0.1>", "<2130706433>"]


@pytest.mark.parametrize("port", [19000, 18000, 19080])
@pytest.mark.parametrize("host", HERE + NAMES)
def test_the_ports_of_egxds_and_of_envoys_admin_page_are_closed(host: str, port: int) -> None:
    """However the machine itself is written (envoyproxy/gateway: loopback addresses of a Backend)."""
    assert is_refused(host, port)


@pytest.mark.parametrize("host", HERE + NAMES)
def test_other_ports_of_the_machine_are_backends(host: str) -> None:
    """Envoy runs beside what it serves."""
    assert not is_refused(host, 8080)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
        "<metadata.google.internal>",
        "<metadata.google.internal.>",
        "<2852039166>",
        "<169.254.43518>",
    ],
)
def test_the_metadata_of_clouds_are_closed(host: str) -> None:
    """At every port, by every address and name that is known."""
    assert is_refused(host, 80)


@pytest.mark.parametrize("host", ["10.0.0.1", "169.253.0.1", "fd00::1", "<b.test>", "<127.0.0.1.nip.io>"])
def test_other_machines_are_backends_at_every_port(host: str) -> None:
    """A port of ours is closed on this machine."""
    assert not is_refused(host, 19000)


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("169.254.169.254", 80, "169.254.169.254/32"),
        ("169.254.169.254", 80, "169.254.0.0/16"),
        ("<metadata.google.internal>", 80, "metadata.google.internal"),
        ("<Metadata.Google.internal.>", 80, "metadata.google.internal:80"),
        ("127.0.0.1", 19000, "127.0.0.1:19000"),
        ("::1", 19000, "[::1]:19000"),
        ("<localhost>", 19000, "localhost"),
    ],
)
def test_what_is_allowed_is_open(host: str, port: int, allowed: str) -> None:
    """By an entry of the settings, and no other."""
    host = host.lower()
    assert not is_refused(host, port, backends={"allowedAddresses": [allowed]})
    assert is_refused(host, port, backends={"allowedAddresses": ["169.254.0.1", "127.0.0.1:1", "b.test"]})


def test_the_ports_are_those_of_the_settings() -> None:
    """What is bound elsewhere is closed there, and an admin page that is said is closed."""
    settings: dict[str, Any] = {
        "xds": {"address": "10.0.0.5:7000"},
        "admin": {"address": "[::]:7001"},
        "backends": {"envoyAdminPorts": [9901]},
        "envoys": [{"admin": "127.0.0.1:9902"}, {"admin": "10.0.0.7:9903"}],
    }
    closed = [("10.0.0.5", 7000), ("127.0.0.1", 7001), ("127.0.0.1", 9901), ("127.0.0.1", 9902), ("10.0.0.7", 9903)]
    opened = [("10.0.0.6", 7000), ("127.0.0.1", 18000), ("127.0.0.1", 19000), ("127.0.0.1", 19080)]
    assert [is_refused(*each, **settings) for each in closed + opened] == [True] * 5 + [False] * 4


def test_the_socket_of_the_xds_port_is_closed() -> None:
    """By its path, in whatever way it is written; any other is allowed, and warned of."""
    seen = world(xds={"address": "unix:/run/egxds/xds.sock"})
    resolution = seen.scan(gateway(), TO_BACKEND, backend("[{unix: {path: /run/../run/egxds//xds.sock}}]"))
    assert "is the xDS port of egxds" in behind_the_route(resolution)[0].refusal
    resolution = seen.scan(gateway(), TO_BACKEND, backend("[{unix: {path: /run/app.sock}}]"))
    assert not behind_the_route(resolution)[0].refusal
    (said,) = messages(resolution)
    assert "warning: Backend default/app: traffic reaches the Unix socket '/run/app.sock'" in said


def test_an_endpoint_slice_leads_nowhere_closed() -> None:
    """The Service is refused as long as one of its endpoints is closed, and no longer; the message names it."""
    seen = world()
    sound = endpoint_slice(addresses="[{addresses: [10.0.0.1]}]")

    def refusal(addresses: str) -> str:
        resolution = seen.scan(gateway(), TO_SERVICE, service(), sound, endpoint_slice("app-2", addresses))
        (found,) = behind_the_route(resolution)
        said = [message for message in messages(resolution) if found.refusal and found.refusal in message]
        assert len(said) == bool(found.refusal)
        return found.refusal

    assert refusal("[{addresses: [10.0.0.2]}]") == ""
    assert "169.254.169.254:8080" in refusal("[{addresses: [169.254.169.254]}]")
    assert "169.254.0.1:8080" in refusal("[{addresses: [169.254.0.1]}]")
    assert refusal("[{addresses: [10.0.0.3]}]") == ""


def test_a_setting_that_is_no_address_is_refused() -> None:
    """With what to write."""
    with pytest.raises(ValueError, match=r"write 169\.254\.169\.254/32"):
        world(backends={"allowedAddresses": ["127.0.0.1:admin"]})
