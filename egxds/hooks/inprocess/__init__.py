"""Calls hooks that are Python functions of the user's."""

START_PATIENCE_S = 1.0
"""How long the start of the daemon waits for the user's code: what is plainly wrong is known by then."""
