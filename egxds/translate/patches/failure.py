"""Why a patch cannot be applied. Pure."""

from __future__ import annotations


class PatchError(Exception):
    """Carries the reason from where it is found to `egxds.translate.patches.policies`, where it becomes data."""


class NothingThereError(PatchError):
    """There is nothing at the place that a patch is for."""
