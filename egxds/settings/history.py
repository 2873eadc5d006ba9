"""How much of what was in force before is kept on this machine. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from egxds.settings.quantities import ByteSize, SettingsModel


class HistorySettings(SettingsModel):
    """What `egxds history` lists of files of this machine, and `egxds rollback` goes back to; in `stateDir`.

    Attributes:
        keep: how many generations are kept at least, the newest ones, that in force included; of more than five there
            may be a fifth more, as several are let go of at once.
        size: bytes that they may have together; where they have more, the oldest go.
    """

    keep: Annotated[int, Field(ge=1, le=1000)] = 50
    size: Annotated[ByteSize, Field(ge=64 * 1024)] = 256 * 1024 * 1024
