"""Patches for a GatewayClass whose Gateways are served as one."""

from __future__ import annotations

import pytest

from tests.unit.model.test_merged_gateways import MERGED
from tests.unit.model.texts import gateway_class
from tests.unit.model.worlds import conditions, status
from tests.unit.translate.patched import HTTP, LISTENER, OBJECTS, PatchedWorld, patch, policy, shown

BUFFER = "per_connection_buffer_limit_bytes"


@pytest.mark.parametrize("name", [HTTP, "tcp-80"])
def test_a_policy_for_the_class_patches_all_of_it(name: str) -> None:
    """By the name of a resource in either of Envoy Gateway's schemes."""
    world = PatchedWorld()
    world.resolution = world.world.scan(*MERGED, *OBJECTS, _policy(name))
    made = world.translator.update(world.resolution)["/edge"]
    assert shown(made, LISTENER, HTTP)[BUFFER] == 1024
    assert not any(made.patch_faults.values())
    assert _accepted(world) == "True/Accepted"


def test_a_class_whose_gateways_are_apart() -> None:
    """Nothing is patched, and the policy says so."""
    world = PatchedWorld()
    made = world.scan(gateway_class(), *OBJECTS, _policy(HTTP))
    assert shown(made, LISTENER, HTTP)[BUFFER] == 32768
    assert _accepted(world) == "False/Invalid"


def _policy(name: str) -> str:
    return policy(patch(LISTENER, name, "replace", f"/{BUFFER}", value=1024), kind="GatewayClass")


def _accepted(world: PatchedWorld) -> str:
    assert world.resolution is not None
    (ancestor,) = status(world.resolution, "EnvoyPatchPolicy", "default/patch")["ancestors"]
    return conditions(ancestor)["Accepted"]
