"""Faults that are planted on purpose: what the transcripts and the model do not catch, they do not hold.

Each is a mistake that a delta server was seen to make, or that is one line away. It is planted for one test, and all
transcripts, or the model, have to fail with it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from egxds.errors import EgxdsError
from tests.transcripts.driver import play
from tests.transcripts.planted_faults import FAULTS, OF_THE_MODEL, Patch
from tests.transcripts.test_model import DeltaModel
from tests.transcripts.test_others_mistakes import MISTAKES

CHANGED = settings(max_examples=3000, stateful_step_count=30, derandomize=True, database=None, phases=[Phase.generate])


def transcripts() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield every transcript test that needs nothing but itself."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.transcripts.{path.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and function.__module__ == module.__name__ and "play" in _calls(function):
                yield name, function
    for name, text in MISTAKES.items():
        yield name, partial(play, text)


def _calls(function: Callable[..., object]) -> tuple[str, ...]:
    return () if inspect.signature(function).parameters else function.__code__.co_names


def failures() -> list[str]:
    """Play all transcripts; return the names of those that fail."""
    failed = []
    for name, run in transcripts():
        try:
            run()
        except (AssertionError, LookupError, EgxdsError, pytest.fail.Exception):
            failed.append(name)
    return failed


def test_without_a_fault_nothing_fails() -> None:
    """What fails below fails for its fault."""
    assert failures() == []


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_transcripts_catch(plant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    """At least one transcript fails."""
    plant(monkeypatch)
    assert failures() != []


@pytest.mark.parametrize("plant", OF_THE_MODEL, ids=lambda plant: plant.__name__)
def test_model_catches(plant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    """The fake Envoy notices."""
    plant(monkeypatch)
    with pytest.raises((AssertionError, IndexError)):
        run_state_machine_as_test(DeltaModel, settings=CHANGED)
