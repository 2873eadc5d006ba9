"""What `make bench` is asked to do: which scenarios, at which sizes, how often."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Layout(StrEnum):
    """How the objects lie in files."""

    EACH = "one each"
    ALL = "one for all"


_LAYOUTS = {"each": Layout.EACH, "all": Layout.ALL}


MODES = ("thread", "process", "grpc")
"""Ways in which hooks are called: in the process, in a child of it, of a server."""


@dataclass(frozen=True)
class Parameters:
    """What to measure.

    Attributes:
        only: names of scenarios; empty for all of them.
        sizes: numbers of routes.
        layouts: how they lie in files, for scenarios in which that matters.
        samples: how often a change is measured.
        clients: how many connect where many do.
        modes: in which ways hooks are called, where that is measured.
        command: what starts egxds, before `serve`; None for this tree's own.
        out: where the figures are written as JSON.
    """

    only: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (100, 1000, 10_000)
    layouts: tuple[Layout, ...] = (Layout.EACH, Layout.ALL)
    samples: int = 15
    clients: int = 1000
    modes: tuple[str, ...] = MODES
    command: tuple[str, ...] | None = None
    out: Path | None = None


def parse(arguments: Sequence[str]) -> Parameters:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", type=_words, default=(), help="scenarios, as in edit,touch")
    parser.add_argument("--sizes", type=_numbers, default=Parameters.sizes, help="numbers of routes, as in 100,1000")
    parser.add_argument("--layouts", type=_layouts, default=Parameters.layouts, help="each,all: files of the routes")
    parser.add_argument("--samples", type=int, default=Parameters.samples, help="how often a change is measured")
    parser.add_argument("--clients", type=int, default=Parameters.clients, help="how many, where many connect")
    parser.add_argument("--modes", type=_modes, default=MODES, help=f"how hooks are called: {','.join(MODES)}")
    parser.add_argument("--egxds", type=str.split, help="the egxds to measure, as in /other/.venv/bin/egxds")
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    given = parser.parse_args(arguments)
    command = tuple(given.egxds) if given.egxds else None
    return Parameters(
        given.only, given.sizes, given.layouts, given.samples, given.clients, given.modes, command, given.out
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.replace(",", " ").split() if word)


def _modes(text: str) -> tuple[str, ...]:
    modes = _words(text)
    unknown = set(modes) - set(MODES)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such mode: {', '.join(sorted(unknown))}; there are {', '.join(MODES)}")
    return modes


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in _words(text))


def _layouts(text: str) -> tuple[Layout, ...]:
    return tuple(_LAYOUTS[word] for word in _words(text))
