"""How commands print: data as YAML or JSON, messages apart from it.

YAML and tables cost more to import than what most commands do, so that is left to the first use.
"""

from __future__ import annotations

import enum
import json
import sys
from typing import TYPE_CHECKING

from egxds.shown_text import shown, shown_lines

if TYPE_CHECKING:
    from rich.text import Text

FINDINGS = 1
USAGE = 2
UNREACHED = 3
"""No daemon answered, so that nothing is known of what was asked for."""


class DataFormat(enum.Enum):
    """The form of data on standard output."""

    YAML = "yaml"
    JSON = "json"


class ListForm(enum.Enum):
    """The form of a list on standard output."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"


def write_data(data: object, form: DataFormat) -> None:
    """Print data on standard output; equal data prints the same bytes."""
    if form is DataFormat.JSON:
        # Of ASCII, DEL is the one that JSON need not escape.
        text = json.dumps(data, indent=2, sort_keys=True).replace("\x7f", "\\u007f") + "\n"
    else:
        import yaml

        text = yaml.dump(data, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=True, width=120)
    sys.stdout.write(text)


def write_message(text: str) -> None:
    """Print a message for people on standard error, in one line."""
    sys.stderr.write(f"egxds: {shown(text)}\n")


def write_passing(text: str) -> None:
    """Put a text in the place of the last line of the terminal on standard error; nothing takes it away again."""
    sys.stderr.write(f"\r\x1b[K{shown(text)}")
    sys.stderr.flush()


def write_line(text: str) -> None:
    """Print what a command found on standard output, in one line."""
    sys.stdout.write(f"{shown(text)}\n")


def cell(text: str, style: str = "") -> Text:
    """Return what somebody else wrote, for a table or below one."""
    from rich.text import Text

    return Text(shown(text), style)


def paragraph(text: str) -> Text:
    """Return what somebody else wrote in lines; it is to be indented, so that none looks like one of ours."""
    from rich.text import Text

    return Text(shown_lines(text))
