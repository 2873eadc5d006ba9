"""Whatever a file says, reading and resolving it gives an answer."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.model.texts import backend, endpoint_slice, gateway, gateway_class, route, secret, service
from tests.unit.model.told import problems, statuses, store_problems
from tests.unit.model.worlds import KINDS, World, read

_WORDS = st.sampled_from(
    [
        *("name", "namespace", "labels", "spec", "rules", "matches", "path", "type", "value", "filters", "backendRefs"),
        *("listeners", "tls", "certificateRefs", "port", "protocol", "hostname", "addresses", "ports", "endpoints"),
        *("HTTPS", "HTTP", "PathPrefix", "RegularExpression", "URLRewrite", "a", "*.a.test", "/", "10.0.0.1", ""),
    ]
)
_SCALARS = st.one_of(_WORDS, st.integers(-1, 70000), st.booleans(), st.none(), st.floats(allow_nan=False, width=16))
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4), max_leaves=12
)
_BODIES = st.dictionaries(st.sampled_from(["spec", "data", "stringData", "endpoints", "ports"]), _VALUES, max_size=3)


@given(kind=st.sampled_from(sorted(KINDS.served)), metadata=_VALUES, body=_BODIES)
def test_any_object_is_accepted_or_refused_with_a_reason(kind: tuple[str, str], metadata: Any, body: Any) -> None:
    """No content of a known kind makes reading fail; what is not in force has an error."""
    known = KINDS.served[kind]
    said = {"apiVersion": known.api_versions[0], "kind": known.kind, "metadata": metadata, **body}
    state = read(json.dumps(said))
    is_told = any(problem.severity.value == "error" for problem in store_problems(state))
    assert state.count() == 1 or is_told or not known.content.concerns(said)


_OBJECTS = [
    gateway_class(),
    gateway(),
    gateway(listeners="- {name: s, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}"),
    route("a", "rules: [{backendRefs: [{name: app, port: 80}]}]"),
    route("b", "rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: app}]}]"),
    service(),
    endpoint_slice(),
    backend("[{unix: {path: /a}}]"),
    secret(),
]


def _identity(text: str) -> tuple[str, ...]:
    """Return the lines that say what an object is."""
    return tuple(text.splitlines()[:3])


@given(looks=st.lists(st.lists(st.sampled_from(_OBJECTS), unique_by=_identity), min_size=1, max_size=5))
def test_memory_never_shows(looks: list[list[str]]) -> None:
    """Where nothing is defined twice, a resolver with a history decides as a new one does."""
    world = World()
    for texts in looks:
        now = world.scan(*texts)
    fresh = World().scan(*looks[-1])
    assert problems(now) == problems(fresh)
    assert [(found.name, found.addresses, len(found.listeners)) for found in now.gateways.values()] == [
        (found.name, found.addresses, len(found.listeners)) for found in fresh.gateways.values()
    ]
    assert _without_generations(statuses(now)) == _without_generations(statuses(fresh))


def _without_generations(statuses: Any) -> dict[str, str]:
    written = {str(key): json.dumps(value, sort_keys=True) for key, value in statuses.items()}
    return {key: re.sub(r'"observedGeneration": \d+', "", text) for key, text in written.items()}
