"""Names under which Envoy is to count, with operators that stand for what it counts. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from egxds.model.api.validation import FieldError

_OPERATOR = re.compile("%[^%]*%")


def operator_errors(field: str, name: str, known: Collection[str]) -> Iterator[FieldError]:
    """Yield the operators of a name that nobody knows.

    Args:
        field: where it stands.
        name: the name.
        known: what has a meaning there.
    """
    for operator in _OPERATOR.findall(name):
        if operator not in known:
            yield FieldError((field,), f"{operator} means nothing here: {', '.join(known)} do")
