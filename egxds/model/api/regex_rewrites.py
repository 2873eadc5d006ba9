r"""A regular expression, and what is written in the place of what it fits, as a user writes them. Pure.

Envoy takes what RE2 takes: `\1` to `\9` for what a group fits, `\0` for the whole, `\\` for a backslash. A text that
names a group which is not there Envoy accepts, and leaves each path as it is; so it is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field

from egxds.model.api.matches import regex_errors
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import is_header_value
from egxds.model.api.validation import FieldError
from egxds.re2_syntax import group_count

_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)


@api_type
class RegexSubstitution(ApiModel):
    """What is replaced, and by what."""

    is_narrowing = True

    pattern: str = Field(min_length=1)
    substitution: str

    def unservable(self) -> Iterator[FieldError]:
        """Say what is wrong with the pattern, or with what takes its place."""
        wrong = list(regex_errors(self.pattern, ("pattern",)))
        yield from wrong
        if not is_header_value(self.substitution):
            yield FieldError(("substitution",), "holds a control character, which no path may")
        elif not wrong:
            yield from self._escape_errors(group_count(self.pattern))

    def _escape_errors(self, groups: int) -> Iterator[FieldError]:
        for escaped in _ESCAPE.findall(self.substitution):
            if escaped == "\\":
                continue
            if not (escaped.isascii() and escaped.isdigit()):
                yield FieldError(("substitution",), "has a backslash before no digit; write \\\\ for a backslash")
            elif int(escaped) > groups:
                message = f"names group {escaped}, and the pattern has {groups}; without it no path is rewritten"
                yield FieldError(("substitution",), message)
