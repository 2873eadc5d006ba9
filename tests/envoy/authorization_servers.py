"""Servers that Envoy asks who may come in, by gRPC or HTTP: they say whom they let in, and what they were asked."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.service.auth.v3.external_auth_pb2 import CheckRequest, CheckResponse
from envoy.type.v3.http_status_pb2 import HttpStatus
from google.rpc.code_pb2 import OK, PERMISSION_DENIED
from grpclib.const import Cardinality, Handler
from grpclib.server import Stream

from tests.envoy.grpc_listening import GrpcListening
from tests.envoy.listening import HttpServer, JsonHandler, Listening

USER_HEADER = "x-user"
TOLD_HEADER = "x-group"
"""By which backends are told the group of whom a server has let in."""
WHY_HEADER = "x-denied-because"
_METHOD = "/envoy.service.auth.v3.Authorization/Check"


@dataclass(frozen=True)
class Asked:
    """One question.

    Attributes:
        path: of the request.
        headers: that the server was told.
        body: the same.
        context: what the policy adds to each question.
        resources: what the route was made from, as Envoy was told.
    """

    path: str
    headers: Mapping[str, str]
    body: str
    context: Mapping[str, str] = field(default_factory=dict)
    resources: tuple[Mapping[str, Any], ...] = ()


class GrpcAuthorization(GrpcListening):
    """Lets in whom a header names that has a group; others are answered 401.

    Attributes:
        asked: what it was asked, in order.
    """

    def __init__(self, groups: Mapping[str, str], port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Prepare to serve.

        Args:
            groups: of those who are let in, by name.
            port: of its own; any where 0.
            tls: its TLS; without TLS where None.
        """
        self.asked: list[Asked] = []
        self._groups = groups
        handler = Handler(self._check, Cardinality.UNARY_UNARY, CheckRequest, CheckResponse)
        super().__init__({_METHOD: handler}, tls=tls, port=port)

    async def _check(self, stream: Stream[CheckRequest, CheckResponse]) -> None:
        message = await stream.recv_message()
        assert message is not None
        asked = message.attributes.request.http
        fields = message.attributes.route_metadata_context.filter_metadata
        found = fields["envoy-gateway"]["resources"] if "envoy-gateway" in fields else ()
        self.asked.append(
            Asked(
                asked.path,
                dict(asked.headers),
                asked.body,
                dict(message.attributes.context_extensions),
                tuple(dict(each) for each in found),
            )
        )
        await stream.send_message(self._answer(self.asked[-1].headers.get(USER_HEADER, "")))

    def _answer(self, user: str) -> CheckResponse:
        answer = CheckResponse()
        if user in self._groups:
            answer.status.code = OK
            answer.ok_response.headers.append(_header(TOLD_HEADER, self._groups[user]))
        else:
            answer.status.code = PERMISSION_DENIED
            answer.denied_response.status.CopyFrom(HttpStatus(code=401))
            answer.denied_response.headers.append(_header(WHY_HEADER, "nobody"))
            answer.denied_response.body = "who are you?"
        return answer


def _header(name: str, value: str) -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key=name, value=value))


class _Handler(JsonHandler):
    server: Any

    def respond(self) -> None:
        said: HttpAuthorization = self.server.said
        if said.is_gone:
            self.close_connection = True
            return
        headers = self.lower_headers()
        said.asked.append(Asked(self.path, headers, self.body))
        user = headers.get(USER_HEADER, "")
        if said.broken:
            self.answer(503, {})
        elif user in said.groups:
            self.answer(200, {}, {TOLD_HEADER: said.groups[user], "x-other": "untold"})
        else:
            self.answer(401, {"who": "are you?"}, {WHY_HEADER: "nobody"})


class HttpAuthorization(Listening):
    """The same by HTTP.

    Attributes:
        asked: what it was asked, in order.
        groups: of those who are let in, by name.
        broken: whether it answers 503 to everything.
        is_gone: whether it answers nothing any more.
    """

    def __init__(self, groups: Mapping[str, str], port: int = 0) -> None:
        self.asked: list[Asked] = []
        self.groups = groups
        self.broken = False
        self.is_gone = False
        server: Any = HttpServer(_Handler, port)
        server.said = self
        super().__init__(server)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and answer nothing on connections that are kept."""
        self.is_gone = True
        super().__exit__(kind, error, trace)
