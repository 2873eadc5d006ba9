"""`python -m egxds` and the `egxds` command."""

from __future__ import annotations

from egxds.cli.application import application
from egxds.settings.daemon import LoggingSettings
from egxds.telemetry import configure_logging


def main() -> None:
    """Run the command line."""
    # For all commands: what libraries have to say is no part of their messages.
    configure_logging(LoggingSettings())
    application()


if __name__ == "__main__":
    main()
