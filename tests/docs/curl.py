"""The requests that pages make with curl, made without it."""

from __future__ import annotations

import base64
import shlex
from argparse import ArgumentParser
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.envoy.client import Answer, http_get

_COMMAND = ArgumentParser("curl", exit_on_error=False)
_COMMAND.add_argument("-i", action="store_true")
_COMMAND.add_argument("--resolve", metavar="HOST:PORT:ADDRESS")
_COMMAND.add_argument("--cacert", type=Path)
_COMMAND.add_argument("-u", dest="login", metavar="USER:PASSWORD")
_COMMAND.add_argument("-H", dest="headers", action="append", default=[])
_COMMAND.add_argument("url")


@dataclass(frozen=True)
class Request:
    """One request to the loopback address.

    Attributes:
        url: as it stands behind `curl`.
        ca: whom to trust, PEM; None for plain HTTP.
        headers: beside Host.
    """

    url: str
    ca: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, line: str, directory: Path) -> Request:
        """Read a line of a page.

        Args:
            line: `$ curl …`, with the options that pages use.
            directory: of its files.
        """
        given = _COMMAND.parse_args(shlex.split(line.removeprefix("$ curl ")))
        url = given.url if "://" in given.url else f"http://{given.url}"
        ca = (directory / given.cacert).read_text() if given.cacert else None
        headers = dict(header.split(": ", 1) for header in given.headers)
        if given.login:
            headers["authorization"] = "Basic " + base64.b64encode(given.login.encode()).decode()
        return cls(url, ca, headers)

    def send(self) -> Answer:
        """Make it."""
        parts = urlsplit(self.url)
        assert parts.port is not None, self.url
        host = parts.netloc if parts.hostname != "localhost" else "127.0.0.1"
        name = parts.hostname or ""
        return http_get(
            parts.port, host, parts.path or "/", headers=self.headers, ca=self.ca, server_name=name if self.ca else ""
        )
