"""Whatever was patched before: what a Gateway comes to is what the policies of now make of it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.translate.patched import (
    CLUSTER,
    HTTP,
    LISTENER,
    OBJECTS,
    ROUTES,
    RULE,
    STREAM,
    TCP,
    PatchedWorld,
    bodies,
    patch,
    policy,
)
from tests.unit.translate.test_patches import BUFFER, HEADER

_TEXTS = (
    policy(patch(LISTENER, HTTP, "replace", BUFFER, value=7), name="buffer"),
    policy(patch(ROUTES, HTTP, "add", "/response_headers_to_add/0", value=HEADER), name="head"),
    policy(
        patch(ROUTES, "http-80", "add", "response_headers_to_add/0", json_path="$..routes[*]", value=HEADER),
        name="routes",
    ),
    policy(patch(CLUSTER, RULE, "add", "/alt_stat_name", value="a"), name="cluster", priority=-1),
    policy(patch(CLUSTER, RULE, "add", "/transport_socket/x", value=1), name="broken"),
    policy(patch(LISTENER, TCP, "add", "/bogus", value=1), name="closing", priority=3),
    policy(patch(ROUTES, "default/web/gone", "add", "/bogus", value=1), name="nobody"),
    policy(patch(CLUSTER, "asked", "add", "", value={"name": "asked", "connect_timeout": "1s"}), name="added"),
)
_STATES = st.tuples(st.sets(st.sampled_from(_TEXTS), max_size=4), st.sampled_from(["/cart", "/basket"]), st.booleans())


@given(st.lists(_STATES, min_size=2, max_size=6))
@settings(max_examples=30)
def test_any_edits_come_to_what_a_start_comes_to(states: list[tuple[set[str], str, bool]]) -> None:
    """What was patched before, and what could not be, makes no difference to the bytes."""
    world = PatchedWorld()
    for policies, path, has_stream in states:
        objects = [each.replace("/cart", path) for each in OBJECTS if has_stream or each != STREAM]
        found, fresh = world.scan(*objects, *sorted(policies)), PatchedWorld().scan(*objects, *sorted(policies))
        assert bodies(found) == bodies(fresh)
        assert found.patch_faults == fresh.patch_faults


def test_who_follows_is_told_of_all_that_differs() -> None:
    """Revisions name what a policy changes, and what its going changes back."""
    world = PatchedWorld()
    before = world.scan(*OBJECTS)
    for texts in (_TEXTS[:1], (), _TEXTS[:1], _TEXTS[5:6], ()):
        after = world.scan(*OBJECTS, *texts)
        differing = {name for name in after.listeners if after.listeners[name] != before.listeners.get(name)}
        assert differing <= after.listeners.changed_since(before.listeners)
        before = after
