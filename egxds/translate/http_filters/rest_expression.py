"""Whether no rule of a rate limit is for a request, as an expression (CEL). Pure.

It has to say the same as the actions of the rules, by what expressions see: headers, the path with its query, and the
address of the client, as texts. Two things they see otherwise: a query is not decoded, so each character of a value is
looked for in either of its spellings; and a range of addresses is a pattern, of which IPv6 has none: what is in such a
range counts for the rest, too.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator

from egxds.model.api.backend_traffic.rate_limit import ClientSelector, DistinctMatch, MethodCondition
from egxds.translate.http_filters.path_patterns import path_pattern

_IPV4, _OCTETS, _OCTET_BITS = 4, 4, 8
_ANY_OCTET = "[0-9]+"
_NEVER = "false"


def method_condition(methods: tuple[MethodCondition, ...]) -> tuple[str, bool]:
    """Return a pattern of methods, and whether a request has to be like it, for one of some to be met."""
    inverted = {each.value for each in methods if each.invert}
    plain = {each.value for each in methods if not each.invert}
    if not inverted:
        return "|".join(sorted(plain)), True
    if len(inverted) > 1 or inverted <= plain:
        return ".*", True
    return inverted.pop(), False


def rest_expression(rules: Iterable[tuple[ClientSelector, ...]]) -> str:
    """Write that none of some rules is for a request; each is for what meets all of its selectors."""
    each = [" && ".join(condition for selector in rule for condition in _conditions(selector)) for rule in rules]
    return f"!({' || '.join(f'({rule})' for rule in each)})" if each else "true"


def _conditions(selector: ClientSelector) -> Iterator[str]:
    for header in selector.headers:
        yield _header(header)
    if selector.methods:
        pattern, is_met = method_condition(selector.methods)
        yield _unless(not is_met, _like("request.method", pattern))
    if selector.path is not None:
        pattern = path_pattern(selector.path.type, selector.path.value)
        yield _unless(selector.path.invert, _like("request.path", pattern))
    if selector.source_cidr is not None:
        yield _source(selector.source_cidr.value)
    for parameter in selector.query_params:
        yield _unless(parameter.invert, _like("request.query", _parameter_pattern(parameter)))


def _header(header: DistinctMatch) -> str:
    name = _quoted(header.name.lower())
    there = f"{name} in request.headers"
    if header.type == "Distinct" or header.value is None:
        return there
    value = f"request.headers[{name}]"
    is_met = _like(value, header.value) if header.type == "RegularExpression" else f"{value} == {_quoted(header.value)}"
    return _unless(header.invert, f"({there} && {is_met})")


def _unless(is_inverted: bool, condition: str) -> str:
    return f"!{condition}" if is_inverted else condition


def _like(text: str, pattern: str) -> str:
    """Write that all of a text is like a pattern; expressions look for one anywhere."""
    return f"{text}.matches({_quoted(f'^(?:{pattern})$')})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _source(cidr: str) -> str:
    network = ipaddress.ip_network(cidr, strict=False)
    if network.version != _IPV4:
        return _NEVER
    address, bits = network.network_address.packed, network.prefixlen
    octets = r"\.".join(_octet_pattern(address[at], bits - at * _OCTET_BITS) for at in range(_OCTETS))
    return _like("source.address", f"{octets}:[0-9]+")


def _octet_pattern(octet: int, bits: int) -> str:
    """Return the pattern of an octet of which some bits are given."""
    if bits <= 0:
        return _ANY_OCTET
    size = 1 << max(0, _OCTET_BITS - bits)
    return f"(?:{'|'.join(str(each) for each in range(octet, octet + size))})"


def _parameter_pattern(parameter: DistinctMatch) -> str:
    name = _either_spelling(parameter.name)
    if parameter.type == "Distinct" or parameter.value is None:
        return f"(?:.*&)?{name}(?:[=&].*)?"
    value = _either_spelling(parameter.value) if parameter.type == "Exact" else f"(?:{parameter.value})"
    return f"(?:.*&)?{name}={value}(?:&.*)?"


def _either_spelling(text: str) -> str:
    """Return the pattern of a text in a query, where each byte may stand as it is, or by its number."""
    return "".join(f"(?:{_plain(byte)}|%(?i:{byte:02x}))" for byte in text.encode())


def _plain(byte: int) -> str:
    return "[+]" if byte == ord(" ") else re.escape(chr(byte))
