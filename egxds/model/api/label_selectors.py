"""Label selectors, as a user writes them. Pure.

The CRDs let any text stand in one; what labels can be like, and what an operator takes, whoever asks for the objects
finds out (Kubernetes, LabelSelectorAsSelector). One that is none selects nobody, since what it should have is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field

from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import is_subdomain
from egxds.model.api.validation import FieldError

_PLAIN = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)")
_ALLOWED = "up to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
_WITH_VALUES = frozenset({"In", "NotIn"})
_WITHOUT_VALUES = frozenset({"Exists", "DoesNotExist"})


def _key_errors(key: str) -> Iterator[FieldError]:
    prefix, slash, name = key.rpartition("/")
    if not _PLAIN.fullmatch(name) or (slash and not is_subdomain(prefix)):
        yield FieldError((), f"is not the key of a label: write {_ALLOWED}, perhaps after a domain and '/'")


def _value_errors(value: str) -> Iterator[FieldError]:
    if value and not _PLAIN.fullmatch(value):
        yield FieldError((), f"is not the value of a label: write {_ALLOWED}")


@api_type
class LabelSelectorRequirement(ApiModel):
    """One expression of a label selector."""

    is_narrowing = True

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def unservable(self) -> Iterator[FieldError]:
        """Say why nobody can tell what it asks for."""
        yield from (error.below(("key",)) for error in _key_errors(self.key))
        if self.operator not in _WITH_VALUES | _WITHOUT_VALUES:
            yield FieldError(("operator",), "must be In, NotIn, Exists or DoesNotExist")
        if self.operator in _WITH_VALUES and not self.values:
            yield FieldError(("values",), f"operator {self.operator} needs at least one value")
        if self.operator in _WITHOUT_VALUES and self.values:
            yield FieldError(("values",), f"operator {self.operator} takes no values; delete them")
        for at, value in enumerate(self.values):
            yield from (error.below(("values", at)) for error in _value_errors(value))


@api_type
class LabelSelector(ApiModel):
    """Selects objects by their labels; empty selects everything."""

    is_narrowing = True

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()

    def unservable(self) -> Iterator[FieldError]:
        """Say why nobody can tell what it selects."""
        for key, value in self.match_labels.items():
            yield from (error.below(("matchLabels", key)) for error in (*_key_errors(key), *_value_errors(value)))
        for at, each in enumerate(self.match_expressions):
            yield from (error.below(("matchExpressions", at)) for error in each.unservable())
