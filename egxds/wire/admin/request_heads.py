"""Wire room: which requests are answered at all, by what their heads say. Pure.

A head is held while it is read, and its body until the answer is there: both have limits. Of a body whose length is not
said before it comes nobody knows whether it will keep to its own, so it is refused. Who asks is `own_names`' matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from egxds.settings.limits import AdminLimits
from egxds.wire.admin.own_names import OwnNames
from egxds.wire.admin.refused_head import RefusedHead

if TYPE_CHECKING:
    from starlette.types import Scope

_BESIDE_A_HEADER_BYTES = len(": \r\n")


class HeadRules:
    """What heads have to be like."""

    def __init__(self, limits: AdminLimits, names: OwnNames) -> None:
        """Prepare to judge.

        Args:
            limits: how large they may be.
            names: by which the server may be asked.
        """
        self._limits = limits
        self._names = names

    def refused(self, scope: Scope) -> RefusedHead | None:
        """Return why a request is not answered; None where it is.

        Args:
            scope: of the request, as ASGI has it.
        """
        headers = Headers(scope=scope)
        return self._too_long(scope) or self._too_large(headers) or self._names.refused(scope["path"], headers)

    def _too_long(self, scope: Scope) -> RefusedHead | None:
        query = scope["query_string"]
        target_bytes = len(scope["raw_path"]) + (len(query) + 1 if query else 0)
        if target_bytes > self._limits.url_bytes:
            return _over(414, "urlBytes", "the URL has", self._limits.url_bytes)
        headers_bytes = sum(len(name) + len(value) + _BESIDE_A_HEADER_BYTES for name, value in scope["headers"])
        if target_bytes + headers_bytes > self._limits.head_bytes:
            return _over(431, "headBytes", "URL and headers have", self._limits.head_bytes)
        return None

    def _too_large(self, headers: Headers) -> RefusedHead | None:
        most_bytes = self._limits.body_bytes
        if "transfer-encoding" in headers:
            text = "say with Content-Length how long the body is, which has a limit (admin.limits.bodyBytes)"
            return RefusedHead(411, "admin.limits.bodyBytes", text)
        # Digits, and one length where it is there twice: h11 sees to that, and not to how many they are.
        length = headers.get("content-length", "0").lstrip("0") or "0"
        if len(length) > len(str(most_bytes)) or int(length) > most_bytes:
            return _over(413, "bodyBytes", "the body has", most_bytes)
        return None


def _over(status: int, limit: str, what: str, most_bytes: int) -> RefusedHead:
    return RefusedHead(status, f"admin.limits.{limit}", f"{what} over {most_bytes} bytes (admin.limits.{limit})")
