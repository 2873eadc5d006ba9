"""What a page says of the fields of a kind is complete: none that is not served is passed over in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from egxds.model.api.backend_traffic.policy import BackendTrafficPolicySpec
from egxds.model.api.backends import BackendSpec
from egxds.model.api.client_traffic.policy import ClientTrafficPolicySpec
from egxds.model.api.envoy_patch_policy import EnvoyPatchPolicySpec
from egxds.model.api.envoy_proxy.proxy import EnvoyProxySpec
from egxds.model.api.http_route_filter import HttpRouteFilterSpec
from egxds.model.api.object import ApiModel
from egxds.model.api.security_policy import SecurityPolicySpec
from egxds.model.api.tls_policies import BackendTlsPolicySpec
from egxds.model.store.unknown_fields import _fields_of

DOCS = Path(__file__).parents[2] / "docs"
_WORDS = re.compile(r"`([^`]+)`")
_TARGETS = frozenset({"targetRef", "targetRefs", "targetSelectors"})
_PARTS = re.compile(r"[A-Za-z0-9]+")

PAGES: dict[type[ApiModel], tuple[str, ...]] = {
    BackendSpec: ("reference/backends.md",),
    BackendTlsPolicySpec: ("reference/backends.md",),
    BackendTrafficPolicySpec: ("how-to/reach-backends.md",),
    ClientTrafficPolicySpec: ("how-to/take-clients.md",),
    EnvoyPatchPolicySpec: ("reference/security-policy.md",),
    EnvoyProxySpec: ("reference/envoy-proxy.md", "reference/start-envoys.md"),
    HttpRouteFilterSpec: ("how-to/route-filters.md",),
    SecurityPolicySpec: ("reference/security-policy.md",),
}
"""Class of the spec of a kind → the pages with tables of its fields."""


def listed(page: str) -> set[str]:
    """Return every field that the tables of a page name in their first column, and what it stands in."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("|")]
    return {part for cell in cells for words in _WORDS.findall(cell) for part in _PARTS.findall(words)}


def unserved(content: type[ApiModel]) -> Iterator[str]:
    """Yield the fields at any depth that are known and not served."""
    yield from content.refused_fields | content.unserved_fields | content.silent_fields
    for field in _fields_of(content).by_name.values():
        if field.content is not None:
            yield from unserved(field.content)


@pytest.mark.parametrize(("content", "pages"), PAGES.items(), ids=lambda value: getattr(value, "__name__", None))
def test_every_field_is_told(content: type[ApiModel], pages: tuple[str, ...]) -> None:
    """Each that the spec has, and each further down that has no effect, or is an error."""
    told = set[str]().union(*map(listed, pages))
    assert {*_fields_of(content).by_name, *unserved(content)} - _TARGETS - told == set()
