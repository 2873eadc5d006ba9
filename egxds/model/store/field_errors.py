"""What pydantic found wrong with an object, as field errors. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from egxds.model.api.scalars import PATTERN_WORDS
from egxds.model.api.validation import FIELD_ERRORS, FieldError
from egxds.yaml_input.messages import is_echo, message_of


def field_errors_of(error: ValidationError) -> Iterator[FieldError]:
    """Turn a validation error of pydantic into field errors, all of them, each with the path of its field."""
    for details in error.errors(include_url=False):
        if details["type"] == FIELD_ERRORS:
            yield from (error.below(details["loc"]) for error in details["ctx"][FIELD_ERRORS])
        elif not is_echo(details):
            yield _field_error(details)


def _field_error(details: ErrorDetails) -> FieldError:
    """Report one error; a field that is missing stands at what should have it, which has a line."""
    path, message = details["loc"], message_of(details, PATTERN_WORDS)
    if details["type"] == "missing":
        return FieldError(path[:-1], f"{path[-1]} {message}")
    return FieldError(path, message)
