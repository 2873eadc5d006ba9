r"""JSON as the events that YAML would have; several values after one another too. Cellar, pure.

Nearly all JSON is YAML. But libyaml, which knows YAML 1.1, refuses a character that is written as two escapes, as many
libraries write an emoji (`\ud83d\ude00`), and a key of more than 1,024 characters, and takes U+2028 for a line break.
Such JSON is read here. Python's own decoder says whether a text is JSON, and where each value ends; what it checked is
then taken apart once more, for the lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

_BLANKS = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(r'\n|[{}\[\]]|"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+')
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def _no_number(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_number)
"""Checks numbers and does not work them out."""


@dataclass(frozen=True, slots=True)
class JsonValues:
    """The JSON of a text.

    Attributes:
        places: where each value starts and ends.
        fault: why what follows them is no JSON; empty where all of it is.
        fault_at: where that stands.
    """

    places: tuple[tuple[int, int], ...]
    fault: str = ""
    fault_at: int = 0

    @property
    def is_all(self) -> bool:
        """Whether there is JSON, and nothing else."""
        return bool(self.places) and not self.fault


def json_values(text: str) -> JsonValues:
    """Find the JSON values with which a text starts.

    Args:
        text: counts as JSON only if it starts with an object or a list, as a word may be YAML as well.
    """
    position, places = _skip_blanks(text, 0), list[tuple[int, int]]()
    if text[position : position + 1] not in ("{", "["):
        return JsonValues(())
    while position < len(text):
        try:
            _, end = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError as err:
            return JsonValues(tuple(places), err.msg, err.pos)
        except (ValueError, RecursionError):
            return JsonValues(tuple(places), "nested too deep, or a number that is none", position)
        places.append((position, end))
        position = _skip_blanks(text, end)
    return JsonValues(tuple(places))


def json_events(text: str, place: tuple[int, int], first_line: int) -> Iterator[yaml.Event]:
    """Yield the events of one value.

    Args:
        text: the text that it stands in.
        place: where it starts and ends.
        first_line: line of the text, counted from 0, on which it starts.
    """
    mark = _mark(first_line)
    for found in _TOKEN.findall(text, *place):
        if found == "\n":
            mark = _mark(mark.line + 1)
        else:
            yield _event(found, mark)


def _mark(line: int) -> yaml.Mark:
    return yaml.Mark("", 0, line, 0, None, 0)


def _event(text: str, mark: yaml.Mark) -> yaml.Event:
    match text[0]:
        case "{":
            return yaml.MappingStartEvent(None, None, True, mark)
        case "}":
            return yaml.MappingEndEvent(mark)
        case "[":
            return yaml.SequenceStartEvent(None, None, True, mark)
        case "]":
            return yaml.SequenceEndEvent(mark)
        case '"':
            return yaml.ScalarEvent(None, None, (False, True), _unquoted(text), mark)
        case _:
            return yaml.ScalarEvent(None, None, (True, False), text, mark)


def _unquoted(text: str) -> str:
    if "\\" not in text:
        return text[1:-1]
    value: str = json.loads(text)
    return _HALF_PAIR.sub("\ufffd", value)  # as an API server reads half of a character


def _skip_blanks(text: str, position: int) -> int:
    found = _BLANKS.match(text, position)
    return found.end() if found else position
