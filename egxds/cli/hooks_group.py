"""The command line of `egxds hooks`: a command, and a group of others."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

ASK_AGAIN = "--ask-again"


class HooksGroup(TyperGroup):
    """A group with an option whose value may be left out, which typer does not do: it is empty then."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        following = [*args[1:], "-"]
        read = [
            f"{ASK_AGAIN}=" if arg == ASK_AGAIN and after.startswith("-") else arg
            for arg, after in zip(args, following, strict=True)
        ]
        return super().parse_args(ctx, read)
