"""Which GatewayClasses and Gateways are ours."""

from __future__ import annotations

from egxds.model.resolver import ResolverOptions
from egxds.settings.daemon import Settings
from tests.unit.model.texts import gateway, gateway_class, route
from tests.unit.model.told import statuses
from tests.unit.model.worlds import EXTENSION_SETTINGS, conditions, messages, options, parents, resolve, served, status

PARAMETERS = "parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: custom, namespace: a}"


def test_the_options_come_from_the_settings() -> None:
    """Controller, pool and the kinds of all extensions are taken over."""
    settings = Settings.model_validate(
        {
            "sources": {"files": {"paths": ["routes"]}},
            "controllerName": "ours",
            "addresses": {"pool": ["127.0.10.0/24"]},
            "extensionManagers": [EXTENSION_SETTINGS],
        }
    )
    assert ResolverOptions.of(settings) == options("127.0.10.0/24")


def test_without_any_class_every_gateway_is_ours() -> None:
    """Files need no GatewayClass."""
    resolution = resolve(gateway("a"), gateway("b").replace("edge", "other"))
    assert [found.name for found in resolution.gateways.values()] == ["default/a", "default/b"]
    assert [found.class_name for found in resolution.gateways.values()] == ["edge", "other"]


def test_a_class_is_ours_by_its_controller() -> None:
    """Classes and Gateways of another controller get no status and no word."""
    resolution = resolve(
        gateway_class(),
        gateway_class("theirs", "others"),
        gateway("a"),
        gateway("b").replace("edge", "theirs"),
        route(),
    )
    assert [found.name for found in resolution.gateways.values()] == ["default/a"]
    assert conditions(status(resolution, "GatewayClass", "edge")) == {"Accepted": "True/Accepted"}
    assert sorted(str(key) for key in statuses(resolution)) == [
        "Gateway default/a",
        "GatewayClass edge",
        "HTTPRoute default/shop",
    ]


def test_a_gateway_of_a_class_that_nobody_defines_is_warned_of() -> None:
    """Where there are classes, a Gateway without one is not ours; it was probably meant to be."""
    resolution = resolve(gateway_class("other"), gateway(), route())
    assert not resolution.gateways
    assert parents(resolution) == []
    (said,) = messages(resolution)
    assert said.startswith("a.yaml:7: warning: Gateway default/web: no accepted document defines its GatewayClass edge")


def test_a_class_with_unknown_parameters_is_not_accepted() -> None:
    """The class says so, and its Gateways do, which are not served: nobody knows what is asked of them."""
    resolution = resolve(gateway_class(more=PARAMETERS), gateway())
    assert conditions(status(resolution, "GatewayClass", "edge")) == {"Accepted": "False/InvalidParameters"}
    assert not served(resolution)
    assert conditions(status(resolution, "Gateway"))["Accepted"] == "False/InvalidParameters"
    of_class, of_gateway = messages(resolution)
    assert of_class.startswith("a.yaml:6: error: GatewayClass edge: parametersRef names EnvoyProxy")
    assert "error: Gateway default/web: GatewayClass edge is not accepted: parametersRef names" in of_gateway
