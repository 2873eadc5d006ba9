"""Wire room: which client may be served what, by the names in its certificate. Pure.

A certificate of the right authority says who somebody is, and not what it may have: every Envoy has one. With rules,
what a client says of itself in its node (its id, and what it wants to be served) has to be in a rule for its
certificate. A certificate may have several names and a name several rules: one rule has to allow all of it, so that
what one allows is never joined with what another does.

`*` in a name stands for one whole segment and never for a part of one: by a pattern with a free end, whoever may have
`…/edge-1/anything` signed would pass for `…/edge-1`. A URI is compared as it is written, the name of a host without
regard to case; a URI is never compared with a host's name, whatever characters are in it.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from egxds.sessions.events import Node
from egxds.settings.clients import ClientRule
from egxds.wire.xds.refused_clients import Reason

_URI = "://"


def names_of(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the URIs and host names in a certificate, as Python's `getpeercert` has it; nothing where there is none.

    A host name that looks like a URI is none.
    """
    if certificate is None:
        return ()
    found: Iterable[tuple[str, str]] = certificate.get("subjectAltName", ())
    return tuple(name for kind, name in found if kind == ("URI" if _URI in name else "DNS"))


def end_of(certificate: Mapping[str, Any] | None) -> float | None:
    """Return when a certificate ends, in seconds since 1970; None where there is none."""
    return float(ssl.cert_time_to_seconds(certificate["notAfter"])) if certificate else None


class Admission:
    """The rules."""

    def __init__(self, rules: Sequence[ClientRule] | None) -> None:
        """Take the rules.

        Args:
            rules: of the settings file; None where everybody is served who has come so far.
        """
        self._rules = rules

    def refuses(self, names: Sequence[str]) -> Reason | None:
        """Say why a client is not served, whatever it asks for; None where that depends on it.

        Args:
            names: in its certificate.
        """
        return Reason.SAN if self._rules is not None and not self._of(names) else None

    def refuses_node(self, names: Sequence[str], node: Node) -> Reason | None:
        """Say why a client is not served as what it says to be; None where it is.

        Args:
            names: in its certificate.
            node: what it says.
        """
        if self._rules is None:
            return None
        rules = self._of(names)
        if not rules:
            return Reason.SAN
        of_node = [rule for rule in rules if rule.nodes is None or _is_any(node.id, rule.nodes)]
        if not of_node:
            return Reason.NODE
        return None if any(_serves(rule, node.cluster) for rule in of_node) else Reason.GATEWAY

    def refuses_status(self, names: Sequence[str]) -> Reason | None:
        """Say why a client may not see what others have taken; None where it may.

        Args:
            names: in its certificate.
        """
        if self._rules is None or any(rule.client_status for rule in self._of(names)):
            return None
        return self.refuses(names) or Reason.CLIENT_STATUS

    def _of(self, names: Sequence[str]) -> list[ClientRule]:
        return [rule for rule in self._rules or () if any(_is_named(name, rule.san) for name in names)]


def _is_named(name: str, pattern: str) -> bool:
    if (_URI in name) is not (_URI in pattern):
        return False
    if _URI in name:
        return _are_alike(name.split("/"), pattern.split("/"))
    return _are_alike(name.lower().split("."), pattern.lower().split("."))


def _are_alike(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if len(parts) != len(patterns):
        return False
    return all(part == pattern or (pattern == "*" and part) for part, pattern in zip(parts, patterns, strict=True))


def _serves(rule: ClientRule, cluster: str) -> bool:
    """Say whether a rule allows what a node selects: names of Gateways have a slash, those of classes have none."""
    if rule.gateways is None and rule.gateway_classes is None:
        return True
    return _is_any(cluster, (rule.gateways if "/" in cluster else rule.gateway_classes) or ())


def _is_any(text: str, patterns: Iterable[str]) -> bool:
    return any(text.startswith(each[:-1]) if each.endswith("*") else text == each for each in patterns)
