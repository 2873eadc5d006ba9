"""How commands print: data as YAML or JSON, messages apart from it."""

from __future__ import annotations

import enum
import json
import sys
from collections.abc import Iterable

import yaml

from egxds.problems import Problem

FINDINGS = 1
USAGE = 2


class DataFormat(enum.Enum):
    """The form of data on standard output."""

    YAML = "yaml"
    JSON = "json"


def write_data(data: object, form: DataFormat) -> None:
    """Print data on standard output; equal data prints the same bytes."""
    if form is DataFormat.JSON:
        text = json.dumps(data, indent=2, sort_keys=True) + "\n"
    else:
        text = yaml.dump(data, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=True, width=120)
    sys.stdout.write(text)


def write_problems(problems: Iterable[Problem]) -> None:
    """Print findings on standard output, a line each: `file:line: severity: object: message`."""
    for problem in problems:
        sys.stdout.write(f"{problem}\n")


def write_message(text: str) -> None:
    """Print a message for people on standard error."""
    sys.stderr.write(f"egxds: {text}\n")
