"""Names of Envoy resources → the objects and rules that they were made from. Pure.

The names are Envoy Gateway's (`egxds.names`). What a hook has added may have any name, and then nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from egxds.model.api.gateway import GATEWAY
from egxds.model.api.validation import Path
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.object_key import ObjectKey

_KINDS = {row.prefix: row.kind for row in ROUTE_KINDS.values()}
_RULE = re.compile(rf"({'|'.join(_KINDS)})/([^/@]+)/([^/@]+)(?:/rule/(-?\d+)(?:/match/(-?\d+))?)?(?=[/@-]|$)")
_METADATA = "envoy-gateway"
_OF_WHOLE = -1
"""Number of a match, or of a rule, that the user has not written."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was made from.

    Attributes:
        key: the object.
        path: the part of it.
        text: the same for people, such as `HTTPRoute default/shop rule 0 match 1`.
    """

    key: ObjectKey
    path: Path
    text: str


def origin_of(name: str) -> Origin | None:
    """Return what a route, a filter chain of a route or a cluster was made from; None where its name does not say."""
    found = _RULE.match(name)
    if found is None:
        return None
    prefix, namespace, route, rule, match = found.groups()
    key = _KINDS[prefix].key(namespace, route)
    path: tuple[str | int, ...] = ()
    text = f"{key.kind} {namespace}/{route}"
    for word, field, number in (("rule", "rules", rule), ("match", "matches", match)):
        if number is None or int(number) == _OF_WHOLE:
            break
        path, text = (*(path or ("spec",)), field, int(number)), f"{text} {word} {number}"
    return Origin(key, path, text)


def gateway_of(name: str) -> Origin:
    """Return a Gateway as an origin.

    Args:
        name: `<namespace>/<name>`.
    """
    return Origin(GATEWAY.key(*name.split("/", 1)), (), f"Gateway {name}")


def named_in(metadata: Iterable[Any]) -> Iterator[str]:
    """Yield the objects that Envoy Gateway's metadata names, such as `Service default/shop`."""
    for each in metadata:
        if _METADATA in each.filter_metadata:
            for entry in each.filter_metadata[_METADATA].fields["resources"].list_value.values:
                fields = entry.struct_value.fields
                yield f"{fields['kind'].string_value} {fields['namespace'].string_value}/{fields['name'].string_value}"
