"""What is asked over and over: an Envoy until it serves something, and the daemon whether it is alive."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable

from tests.beside import Beside

_PAUSE_S = 0.001
_PROBE_EVERY_S = 0.005

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers in lower case, body."""


def until_answered(port: int, host: str, path: str, is_it: Callable[[Answer], bool], limit_s: float = 120.0) -> float:
    """Return when the first answer came that is it, of `time.perf_counter`.

    Raises:
        TimeoutError: none came.
    """
    give_up_at = time.perf_counter() + limit_s
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30.0)
    try:
        while time.perf_counter() < give_up_at:
            try:
                connection.request("GET", path, headers={"Host": host})
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(_PAUSE_S)
                continue
            now = time.perf_counter()
            if is_it((response.status, {name.lower(): value for name, value in response.getheaders()}, body)):
                return now
            time.sleep(_PAUSE_S)
    finally:
        connection.close()
    raise TimeoutError(f"{host}{path} on port {port} does not answer as it should")


def until_certificate(port: int, host: str, certificate: bytes, limit_s: float = 120.0) -> float:
    """Return when the first TLS handshake showed this certificate (DER), of `time.perf_counter`.

    Raises:
        TimeoutError: none did.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    give_up_at = time.perf_counter() + limit_s
    while time.perf_counter() < give_up_at:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), 10.0) as plain,
                context.wrap_socket(plain, server_hostname=host) as secured,
            ):
                shown = secured.getpeercert(binary_form=True)
                now = time.perf_counter()
        except OSError:
            shown, now = None, 0.0
        if shown == certificate:
            return now
        time.sleep(_PAUSE_S)
    raise TimeoutError(f"{host} does not show its new certificate")


class HealthProbe(Beside):
    """Asks `/healthz` of an admin port every few milliseconds and keeps the longest time without an answer.

    Attributes:
        longest_s: that time.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self.longest_s = 0.0
        self._port = port

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60.0)
        while not self._is_left.wait(_PROBE_EVERY_S):
            asked = time.perf_counter()
            try:
                connection.request("GET", "/healthz")
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                connection.close()
            self.longest_s = max(self.longest_s, time.perf_counter() - asked)
        connection.close()
