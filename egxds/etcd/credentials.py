"""The user that etcd is spoken to as: a password for a token, and the token for requests. Reads a file.

A token is of the whole cluster, and ends: by its time, with the process of the member that is asked, or when somebody
changes the password. Then the file is read again and another token asked for, once; where that is refused, the user is
not let in.
"""

from __future__ import annotations

from pathlib import Path

from anyio import to_thread
from grpclib.exceptions import GRPCError

from egxds.etcd.errors import UnauthenticatedError
from egxds.etcd.failures import NO_AUTHENTICATION
from egxds.generated.etcdserverpb import AuthenticateRequest, AuthStub
from egxds.grpc.client_stream import BoundedCalls


class Credentials:
    """A user and its token."""

    def __init__(self, user: str | None, password_file: Path | None) -> None:
        """Prepare; nothing is read yet.

        Args:
            user: its name; None where etcd is spoken to as nobody.
            password_file: where its password is; None with that.
        """
        self._user = user
        self._file = password_file
        self._token: str | None = None

    @property
    def has_token(self) -> bool:
        """Whether one was asked for before; it is empty where etcd wanted none."""
        return self._token is not None

    async def token(self, calls: BoundedCalls) -> str:
        """Return the token; empty where none is needed.

        Args:
            calls: to any member, to ask for one where there is none yet.

        Raises:
            UnauthenticatedError: the password cannot be read.
            GRPCError: etcd does not take it.
        """
        if self._user is None or self._file is None:
            return ""
        if self._token is None:
            self._token = await self._ask(calls, self._user, await to_thread.run_sync(_password_in, self._file))
        return self._token

    def forget(self, token: str) -> None:
        """Have another token asked for than this one."""
        if self._token == token:
            self._token = None

    async def _ask(self, calls: BoundedCalls, user: str, password: str) -> str:
        try:
            return (await calls.stub(AuthStub).authenticate(AuthenticateRequest(name=user, password=password))).token
        except GRPCError as err:
            if NO_AUTHENTICATION in (err.message or ""):
                return ""
            raise


def _password_in(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as err:
        reason = (err.strerror or str(err)).lower() if isinstance(err, OSError) else "it is not UTF-8"
        raise UnauthenticatedError(f"sources.etcd.passwordFile: cannot use {path}: {reason}") from err
