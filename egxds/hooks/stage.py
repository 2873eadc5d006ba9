"""The form of a stage: one hook of one extension on a whole Gateway. Pure."""

from __future__ import annotations

from collections.abc import Generator

from egxds.hooks.calls import HookCall
from egxds.hooks.edits import Judgement

Stage = Generator[tuple[HookCall, ...], tuple[Judgement, ...], None]
"""Yields its calls once, which may run in parallel, and is sent what came of each, in the same order."""
