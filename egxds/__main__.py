"""`python -m egxds` and the `egxds` command."""

from __future__ import annotations

from egxds.cli.application import application


def main() -> None:
    """Run the command line."""
    application()


if __name__ == "__main__":
    main()
