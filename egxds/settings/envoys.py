"""Envoys whose own view of their backends is asked for. Pure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from egxds.settings.quantities import SettingsModel

MOST_ENVOYS = 16

_ADDRESS = re.compile(r"unix:.+|(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(?P<port>[0-9]{1,5})")
_LAST_PORT = 65_535


def _check(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    if found is None or not 0 < int(found["port"] or 1) <= _LAST_PORT:
        raise ValueError(f"{text!r} is no address: write host:port, [ipv6]:port or unix:/path")
    return text


class EnvoySettings(SettingsModel):
    """An Envoy that is asked, by GET alone, how it finds its backends.

    Attributes:
        admin: address of its admin page: `host:port`, or `unix:/path`. Only what is on this machine should be named:
            what is answered is believed.
    """

    admin: Annotated[str, AfterValidator(_check)]
