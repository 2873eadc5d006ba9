"""How Envoy takes the requests of clients: the settings of every Gateway. Pure.

The fields are those of Envoy Gateway's ClientTrafficPolicy, with its defaults. They are safe: a path is looked at as a
backend will understand it, so that no route, and nothing that an extension decides about a path, is passed by writing a
slash as `%2F`, or twice; and a header with an underscore does not come by another name.
"""

from __future__ import annotations

from typing import Literal

from pydantic import StrictBool

from egxds.settings.quantities import SettingsModel

EscapedSlashesAction = Literal["KeepUnchanged", "RejectRequest", "UnescapeAndForward", "UnescapeAndRedirect"]
WithUnderscoresAction = Literal["Allow", "RejectRequest", "DropHeader"]


class PathSettings(SettingsModel):
    """What becomes of a path before it is matched. `.` and `..` in it are resolved in any case.

    Attributes:
        escaped_slashes_action: of `%2F` and `%5C`, in any case of letters.
        disable_merge_slashes: whether `//` is other than `/`.
    """

    escaped_slashes_action: EscapedSlashesAction = "UnescapeAndRedirect"
    disable_merge_slashes: StrictBool = False


class HeaderSettings(SettingsModel):
    """What becomes of headers before they are matched.

    Attributes:
        with_underscores_action: of a request that has a header with an underscore in its name.
    """

    with_underscores_action: WithUnderscoresAction = "RejectRequest"


class ClientTrafficSettings(SettingsModel):
    """How requests are taken."""

    path: PathSettings = PathSettings()
    headers: HeaderSettings = HeaderSettings()


AS_BY_DEFAULT = ClientTrafficSettings()
"""What holds where a file says nothing of it."""
