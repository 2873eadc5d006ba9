"""A member of etcd that answers what a test has it answer, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from betterproto2 import Message
from grpclib.const import Cardinality, Handler
from grpclib.exceptions import GRPCError
from grpclib.server import Server, Stream

from egxds.etcd.client import EtcdClient
from egxds.generated.etcdserverpb import ResponseHeader, StatusResponse
from egxds.grpc.codec import CODEC
from egxds.settings.etcd import EtcdSource
from tests.ports import free_port

CLUSTER = 0xE7CD
HEADER = ResponseHeader(cluster_id=CLUSTER, member_id=1, revision=7)

STATUS = "/etcdserverpb.Maintenance/Status"
AUTHENTICATE = "/etcdserverpb.Auth/Authenticate"
TXN = "/etcdserverpb.KV/Txn"
GRANT = "/etcdserverpb.Lease/LeaseGrant"
KEEP = "/etcdserverpb.Lease/LeaseKeepAlive"
WATCH = "/etcdserverpb.Watch/Watch"

Answer = Message | bytes | GRPCError


class ScriptedMember:
    """One member.

    Attributes:
        answers: by method, what it answers to calls one after the other, the last for good; of a stream, to its first
            message, all of them, after which it is silent; an error to its second.
        asked: the methods of all calls, in order.
        tokens: that came with them.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {STATUS: [StatusResponse(header=HEADER, version="3.4.0", leader=1)]}
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.port = free_port()

    def __mapping__(self) -> dict[str, Handler]:
        unary = (STATUS, AUTHENTICATE, TXN, GRANT)
        found = {path: Handler(self._unary(path), Cardinality.UNARY_UNARY, bytes, bytes) for path in unary}
        streams = {path: Handler(self._stream(path), Cardinality.STREAM_STREAM, bytes, bytes) for path in (WATCH, KEEP)}
        return found | streams

    def _unary(self, path: str):  # type: ignore[no-untyped-def]
        async def answer(stream: Stream[bytes, bytes]) -> None:
            await stream.recv_message()
            self._note(path, stream)
            said = self.answers[path]
            await _send(stream, said.pop(0) if len(said) > 1 else said[0])

        return answer

    def _stream(self, path: str):  # type: ignore[no-untyped-def]
        async def answer(stream: Stream[bytes, bytes]) -> None:
            await stream.recv_message()
            self._note(path, stream)
            for said in self.answers[path]:
                # An error overtakes what was said before it.
                if isinstance(said, GRPCError):
                    await stream.recv_message()
                await _send(stream, said)
            while await stream.recv_message() is not None:
                pass

        return answer

    def _note(self, path: str, stream: Stream[bytes, bytes]) -> None:
        self.asked.append(path)
        self.tokens.append(str(stream.metadata.get("token", "") if stream.metadata else ""))


async def _send(stream: Stream[bytes, bytes], said: Answer) -> None:
    if isinstance(said, GRPCError):
        raise said
    await stream.send_message(bytes(said))


@asynccontextmanager
async def client_of(*members: ScriptedMember, **more: object) -> AsyncIterator[EtcdClient]:
    """A client of members that run meanwhile; `more` are settings of the source."""
    servers: list[Server] = []
    endpoints = [f"127.0.0.1:{member.port}" for member in members]
    client = EtcdClient(EtcdSource.model_validate({"endpoints": endpoints, **more}))
    try:
        for member in members:
            servers.append(Server([member], codec=CODEC))
            await servers[-1].start("127.0.0.1", member.port)
        yield client
    finally:
        await client.aclose()
        await _close(servers)


async def _close(servers: Sequence[Server]) -> None:
    for server in servers:
        server.close()
        await server.wait_closed()
