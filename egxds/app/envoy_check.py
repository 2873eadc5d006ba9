"""Asks a real Envoy, without network, whether it takes what a Gateway comes to (`envoy --mode validate`)."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from egxds.app.bootstrap import bootstrap
from egxds.app.static_bootstrap import static_bootstrap
from egxds.cut_text import cut
from egxds.errors import StartError
from egxds.resources.translation import GatewayTranslation
from egxds.settings.daemon import Settings

_LIMIT_S = 120
_SHOWN_CHARACTERS = 2000
_PRIVATE_KEY = re.compile("-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)")
"""Envoy may repeat a message that it does not take."""
_OPTIONS = ("--mode", "validate", "--disable-hot-restart", "--log-level", "error", "--log-format", "%v")


def refusal_of(binary: Path, settings: Settings, gateway: GatewayTranslation) -> str:
    """Return why an Envoy does not take the resources of a Gateway, in its own words; empty where it does.

    Args:
        binary: as `egxds.app.envoy.find_envoy` returns it.
        settings: those of the daemon.
        gateway: its resources, before any hook.

    Raises:
        StartError: the binary cannot be run, or does not come to an end.
    """
    # The way to egxds is not what is asked about; certificates for it need not be on this machine.
    plain = settings.model_copy(update={"xds": settings.xds.model_copy(update={"tls": None})})
    configuration = static_bootstrap(gateway, bootstrap(plain, gateway.gateway, "validate", 0))
    # Private keys are in it: the directory is its owner's alone.
    with tempfile.TemporaryDirectory(prefix="egxds-") as directory:
        path = Path(directory) / "bootstrap.pb"
        path.write_bytes(configuration)
        try:
            done = subprocess.run(  # noqa: S603 the user's own Envoy
                [binary, *_OPTIONS, "-c", path], capture_output=True, timeout=_LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as err:
            raise StartError(f"{binary} cannot say whether it takes the configuration: {err}") from err
    if not done.returncode:
        return ""
    said = done.stderr.decode(errors="replace").replace(str(path), "the configuration")
    shown = _PRIVATE_KEY.sub("[redacted]", " ".join(said.split()))
    return cut(shown, _SHOWN_CHARACTERS) or f"exit status {done.returncode}"
