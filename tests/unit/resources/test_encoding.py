"""Deterministic encoding, and the classes of types that are met."""

from __future__ import annotations

import subprocess
import sys

import pytest
from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.route.v3.route_components_pb2 import Route
from envoy.extensions.filters.http.router.v3.router_pb2 import Router

from egxds import names
from egxds.errors import UnreadableMessageError
from egxds.resources.encoding import class_of, decode, encode, pack

KEYS = ("one", "two", "three")


def test_map_order_makes_no_difference() -> None:
    """Equal content has equal bytes, in whatever order its maps were filled."""
    forward, backward = Metadata(), Metadata()
    for key in KEYS:
        forward.filter_metadata[key].update({"a": 1})
    for key in reversed(KEYS):
        backward.filter_metadata[key].update({"a": 1})
    assert encode(forward) == encode(backward)


def test_pack_names_the_type() -> None:
    """A packed message says what it is, and is encoded like any other."""
    router = Router(suppress_envoy_headers=True)
    packed = pack(router)
    assert (packed.type_url, packed.value) == (names.TYPE_PREFIX + Router.DESCRIPTOR.full_name, encode(router))


def test_bytes_that_are_no_such_message() -> None:
    """They are an error of one known class, which says what they should have been."""
    with pytest.raises(UnreadableMessageError, match="Route"):
        decode(Route, b"\xff")


def test_types_are_loaded_when_they_are_met() -> None:
    """A type whose module nobody has imported is known all the same."""
    script = (
        "from egxds.resources.encoding import class_of\n"
        "import sys\n"
        "url = 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua'\n"
        "assert not any('lua' in name for name in sys.modules)\n"
        "assert class_of(url).DESCRIPTOR.name == 'Lua'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_types_of_services_are_known() -> None:
    """A package that also holds service stubs gives its messages."""
    found = class_of("type.googleapis.com/envoy.service.discovery.v3.DeltaDiscoveryRequest")
    assert found is not None
    assert found.DESCRIPTOR.name == "DeltaDiscoveryRequest"


@pytest.mark.parametrize("url", ["x/envoy._main.Main", "x/os.path.Thing", "x/envoy.config.route.v3.route_pb2.Thing"])
def test_type_url_imports_nothing_but_messages(url: str) -> None:
    """A type URL comes from outside: it must not reach other modules."""
    assert class_of(url) is None
